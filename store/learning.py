"""What the house learns from its own work: where persons put complaints, how often the first agency was the wrong
one, and which model made which suggestion.

Everything is read off `routings`. The first row of a complaint is the suggestion; `named` says what a person said in
each later one. What nobody said is not a label: a model that learns its own guesses only becomes surer of them.
That an agency is the wrong one ("denied", said by an office or by the citizen) is no label either, since it does not
say which is the right one. It is counted, and it takes back what officers had said before, until one decides anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.agencies import load_functions

Key = TypeVar("Key")

# Those who decide where a complaint belongs, as `actor_kind` in `routings`; the classifier is a system.
PERSONS = ("operator", "agency")

# For each complaint the last time that a person said where it belongs, if nobody has denied it since. A change of the
# category alone says nothing.
_DECIDED = """
    SELECT * FROM (
        SELECT DISTINCT ON (complaint_id) complaint_id, at, function, agency, 'function' = ANY(named) AS said,
               'denied' = ANY(named) AS denied
        FROM routings
        WHERE actor_kind = ANY(:persons) AND named && ARRAY['function', 'agency'] OR 'denied' = ANY(named)
        ORDER BY complaint_id, id DESC
    ) AS last_words WHERE NOT denied
"""

# --- training rows --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Correction:
    """One training row; the fields are the columns of the training CSV, in its order, and all of them words.

    `id` is "k" and the complaint's number, `source` is "operator", `date` is ISO in the time of the place. `category`
    and `report_class` are empty where no person has named or confirmed them.
    """

    id: str
    source: str
    date: str
    channel: str
    report_class: str
    category: str
    title: str
    text: str
    agency: str
    function: str


COLUMNS = tuple(field.name for field in fields(Correction))

# An agency that was named without its function says the function only if it does nothing else, or the function that
# stood there too. The class is a person's only where a citizen said yes to a summary, which takes a chat,
# their own or that of whoever assisted them.
_SIFTED = f"""
    WITH decided AS ({_DECIDED}), category AS (
        SELECT DISTINCT ON (complaint_id) complaint_id, category
        FROM routings WHERE actor_kind = ANY(:persons) AND 'category' = ANY(named)
        ORDER BY complaint_id, id DESC
    ), labelled AS (
        SELECT k.id, k.secret, k.channel, k.title, k.text, d.at, coalesce(c.category, '') AS category,
               CASE WHEN k.contact_id IS NULL AND NOT EXISTS (SELECT FROM assistances s WHERE s.complaint_id = k.id)
                    THEN '' ELSE k.report_class END AS report_class,
               CAST(k.filed_at AT TIME ZONE coalesce(r.timezone, 'Asia/Jakarta') AS date) AS date,
               coalesce(a.name, '') AS agency,
               CASE WHEN d.said OR d.function = ANY(a.functions) THEN d.function
                    WHEN cardinality(a.functions) = 1 THEN a.functions[1] END AS function
        FROM decided d JOIN complaints k ON k.id = d.complaint_id
        LEFT JOIN category c ON c.complaint_id = k.id
        LEFT JOIN agencies a ON a.code = d.agency
        LEFT JOIN regions r ON r.code = k.region
        WHERE CAST(:since AS timestamptz) IS NULL OR d.at >= :since
    ), sifted AS (
        SELECT *, CASE WHEN secret THEN 'secret'
                       WHEN text !~ '\\S' THEN 'erased'
                       WHEN function IS NULL OR function <> ALL(:known) THEN 'no_function' END AS left_out
        FROM labelled
    )
"""  # noqa: S608
_CORRECTIONS = text(f"{_SIFTED} SELECT * FROM sifted WHERE left_out IS NULL ORDER BY id")  # noqa: S608
_LEFT_OUT = text(f"""
    {_SIFTED} SELECT left_out, count(*) AS times FROM sifted WHERE left_out IS NOT NULL GROUP BY left_out
""")  # noqa: S608


async def corrections(connection: AsyncConnection, since: datetime | None = None) -> AsyncIterator[Correction]:
    """The training rows that persons have made, by complaint: one for each, also where they confirmed the suggestion.

    The label is what a person said last; `since` is the moment from which on it was said. A complaint that was
    decided again comes again under the same id.

    Never given out, because a file of texts is beyond our reach once it is written:

    - Rahasia complaints, whose text was promised to be read by the handling officers only. There is no option for it.
    - Complaints whose text was erased, which leaves an empty text (and a title that must not outlive it).
    - Complaints without a function that functions.csv knows: nothing can be learned from them.

    Telephone numbers, NIK and e-mail addresses are masked, in the form in which the training data have them. Names
    are not: the file is to be kept as the store is.
    """
    async with connection.stream(_CORRECTIONS, _parameters(since)) as rows:
        async for row in rows:
            yield Correction(
                id=f"k{row.id}",
                source="operator",
                date=row.date.isoformat(),
                channel=row.channel,
                report_class=row.report_class.replace("_", " ").title(),
                category=row.category,
                title=_masked(row.title),
                text=_masked(row.text),
                agency=row.agency,
                function=row.function,
            )


async def left_out(connection: AsyncConnection, since: datetime | None = None) -> dict[str, int]:
    """How many decided complaints `corrections` does not give, by reason: secret, erased, no_function."""
    rows = await connection.execute(_LEFT_OUT, _parameters(since))
    return {"secret": 0, "erased": 0, "no_function": 0} | {row.left_out: row.times for row in rows}


def _parameters(since: datetime | None) -> dict[str, Any]:
    known = [function.function for function in load_functions()]
    return {"persons": list(PERSONS), "since": since, "known": known}


_MASKS = (
    (re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+"), "alamat@surel"),
    (re.compile(r"(?<!\d)\d{16}(?!\d)"), "[NIK]"),
    (re.compile(r"(?<!\d)(?:\+?62[ -]?|0)8\d[\d -]{5,11}\d(?!\d)"), "[TELP]"),
)


def _masked(words: str) -> str:
    for pattern, mask in _MASKS:
        words = pattern.sub(mask, words)
    return words


# --- misroutes ------------------------------------------------------------------------------------


class Given(NamedTuple):
    """Where complaints were: the agency's code, the function, and the version of the model that read them.

    None where there was none: no function means that the model was not sure, and the agency is where such
    complaints are sorted by hand.
    """

    agency: str | None
    function: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many complaints were first given there, were judged by a person since, left for another agency, came from
    another one, and of how many of the first an office or the citizen ever said that it is the wrong agency."""

    filed: int = 0
    judged: int = 0
    away: int = 0
    to: int = 0
    denied: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def rate(self) -> float | None:
        """The misroute rate, 0 to 1: the share of what was first given that left. None where nothing was given."""
        return self.away / self.filed if self.filed else None


_MISROUTES = text(f"""
    WITH decided AS ({_DECIDED}), first AS (
        SELECT DISTINCT ON (r.complaint_id) r.complaint_id, r.agency, r.function, r.model
        FROM routings r JOIN complaints k ON k.id = r.complaint_id
        WHERE (CAST(:since AS timestamptz) IS NULL OR k.filed_at >= :since)
          AND (CAST(:until AS timestamptz) IS NULL OR k.filed_at < :until)
        ORDER BY r.complaint_id, r.id
    ), ways AS (
        SELECT f.agency, f.function, f.model, d.agency AS last_agency, d.function AS last_function,
               d.complaint_id IS NOT NULL AS judged,
               d.complaint_id IS NOT NULL AND d.agency IS DISTINCT FROM f.agency AS moved,
               EXISTS (SELECT 1 FROM routings n WHERE n.complaint_id = f.complaint_id AND 'denied' = ANY(n.named)
                         AND n.agency IS NOT DISTINCT FROM f.agency) AS denied
        FROM first f LEFT JOIN decided d ON d.complaint_id = f.complaint_id
    )
    SELECT agency, function, model, count(*) AS filed, count(*) FILTER (WHERE judged) AS judged,
           count(*) FILTER (WHERE moved) AS away, 0 AS to, count(*) FILTER (WHERE denied) AS denied
    FROM ways GROUP BY 1, 2, 3
    UNION ALL
    SELECT last_agency, last_function, model, 0, 0, 0, count(*), 0 FROM ways WHERE moved GROUP BY 1, 2, 3
""")  # noqa: S608


async def misroutes(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> dict[Given, Tally]:
    """How often the first agency was the wrong one, for complaints filed from `since` on and before `until`.

    Each complaint counts once, by its first agency and the one that a person named last: one that went and came
    back was not misrouted. So `away` and `to` both sum up to the complaints whose last agency is not their first.
    One that was denied and that nobody has decided since is not judged: it is not known where it belongs.
    """
    found: dict[Given, Tally] = {}
    for row in await connection.execute(_MISROUTES, {"persons": list(PERSONS), "since": since, "until": until}):
        given = Given(row.agency, row.function, row.model)
        found[given] = found.get(given, Tally()) + Tally(row.filed, row.judged, row.away, row.to, row.denied)
    return found


def summed(tallies: Mapping[Given, Tally], part: Callable[[Given], Key]) -> dict[Key, Tally]:
    """The tallies summed by a part of what they are given by, such as the agency; the most complaints first."""
    sums: dict[Key, Tally] = {}
    for given, tally in tallies.items():
        sums[part(given)] = sums.get(part(given), Tally()) + tally
    return dict(sorted(sums.items(), key=lambda item: (-item[1].filed, -item[1].to, str(item[0]))))


# --- the registry of models -----------------------------------------------------------------------


class ModelDiffers(ValueError):
    """Another model is registered under that version."""


_REGISTER = text("""
    INSERT INTO models (version, sha256, trained, figures)
    VALUES (:version, :sha256, :trained, CAST(:figures AS jsonb))
    ON CONFLICT (version) DO UPDATE SET figures = excluded.figures, started_at = excluded.started_at
    WHERE models.sha256 = excluded.sha256
    RETURNING version
""")


async def register(
    connection: AsyncConnection, version: str, sha256: str, trained: date, figures: Mapping[str, Any]
) -> None:
    """Write down which model suggests under that version (day of training, dot, 8 digits of the SHA-256).

    Any number of processes may do so at once, again and again: the row stays one, with the newest figures.
    Raises `ModelDiffers`.

    `routings.model` is no foreign key to it, on purpose. A model registers at the start of a process, a complaint is
    filed whenever a citizen says yes, also when that failed, and also with a suggestion that another process made
    days ago: bookkeeping must never be a reason to lose a complaint. `misroutes` shows a model without a row as such.
    """
    parameters = {"version": version, "sha256": sha256, "trained": trained, "figures": json.dumps(dict(figures))}
    if (await connection.execute(_REGISTER, parameters)).one_or_none() is None:
        raise ModelDiffers(f"another model is registered as {version}")


@dataclass(frozen=True, slots=True)
class Registered:
    """A model that has been at work: its seal, when it was made, and how it was measured."""

    version: str
    sha256: str
    trained: date
    figures: Mapping[str, Any]
    registered_at: datetime
    started_at: datetime


async def models(connection: AsyncConnection) -> dict[str, Registered]:
    """All models that have registered, by version; the one that a process started with last comes first."""
    rows = await connection.execute(text("SELECT * FROM models ORDER BY started_at DESC, version"))
    return {row.version: Registered(**row._mapping) for row in rows}
