"""The shell's part of learning: register the model, check its labels against the agencies, and days as moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from store import learning
from store.agencies import Agencies, is_valid, load_functions

if TYPE_CHECKING:
    from api.suggesting import Facts

log = structlog.get_logger(__name__)
YEARS = range(2000, 2100)


# --- the model ------------------------------------------------------------------------------------


async def register(engine: AsyncEngine, facts: Facts) -> bool:
    """Register the model in the store; False if that failed, which is logged and stops nothing."""
    try:
        async with engine.begin() as connection:
            await learning.register(connection, facts.version, facts.sha256, facts.trained, facts.figures)
    except (learning.ModelDiffers, SQLAlchemyError) as error:
        log.error("model_not_registered", model=facts.version, kind=type(error).__name__)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Gaps:
    """Functions that the model may suggest and nobody answers to: not in functions.csv, or without an agency."""

    unknown: tuple[str, ...] = ()
    without_agency: tuple[str, ...] = ()

    def warn(self) -> None:
        """Log each of them by its label."""
        for label in self.unknown:
            log.warning("label_unknown", function=label, consequence="such complaints go to the Kominfo")
        for label in self.without_agency:
            log.warning("label_without_agency", function=label, consequence="such complaints go to the Kominfo")

    def __str__(self) -> str:
        """One line for /readyz; ok where there is none."""
        parts = [
            f"{words}: {', '.join(labels)}"
            for words, labels in (("unknown", self.unknown), ("without an agency today", self.without_agency))
            if labels
        ]
        return "; ".join([*parts, "such complaints go to the Kominfo"]) if parts else "ok"


def gaps(labels: Iterable[str], agencies: Agencies, on: date) -> Gaps:
    """What is missing for the functions that a model may suggest, on a day.

    Topics are not looked up: the store keeps a category as words, and has no list of them.
    """
    known = {function.function for function in load_functions()}
    served = {function for agency in agencies.by_code.values() if is_valid(agency, on) for function in agency.functions}
    wanted = sorted(set(labels))
    return Gaps(
        unknown=tuple(label for label in wanted if label not in known),
        without_agency=tuple(label for label in wanted if label in known and label not in served),
    )


# --- days -----------------------------------------------------------------------------------------


def period(since: date | None, until: date | None, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The moment at which the first day begins, and that at which the last one has ended, by the clocks of a zone.

    Raises ValueError, with a sentence, for days that lie the wrong way round or in no year of ours.
    """
    if any(day is not None and day.year not in YEARS for day in (since, until)):
        raise ValueError(f"The days must lie in the years from {YEARS[0]} to {YEARS[-1]}.")
    if since is not None and until is not None and until < since:
        raise ValueError("The last day must not lie before the first.")
    return (
        None if since is None else datetime.combine(since, time(), zone),
        None if until is None else datetime.combine(until + timedelta(days=1), time(), zone),
    )
