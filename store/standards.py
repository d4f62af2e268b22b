"""Service standards: what an agency promises for a service, where it is published, and from when to when it holds.

The answer to a question may cite them, so nothing is taken out: a standard ends (`valid_to`), and stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# So many published ones of each OPD make it "terhubung baik" in SIPP (domain specification 5).
WANTED = 3


@dataclass(frozen=True, slots=True)
class NewStandard:
    """A standard as it is written: `working_days` that the service takes, `source` where it stands, `published_on` the
    day on which it was published there (None: not yet), `checked_on` when somebody last compared the two."""

    agency: str
    service: str
    source: str
    requirements: str | None = None
    procedure: str | None = None
    working_days: int | None = None
    cost: str | None = None
    published_on: date | None = None
    checked_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Standard(NewStandard):
    """A standard that is kept. `seen` changes with it: whoever changes it says which one they had read."""

    id: int = 0
    seen: str = ""

    def holds(self, on: date) -> bool:
        """Whether it is in force on that day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)

    def counts(self, on: date) -> bool:
        """Whether it is in force and published on that day."""
        return self.holds(on) and self.published_on is not None and self.published_on <= on


class StandardChanged(ValueError):
    """Somebody else has changed the standard since it was read."""


class StandardTaken(ValueError):
    """The agency has a standard for that service from that day on."""


_COLUMNS = """
    s.agency, s.service, s.source, s.requirements, s.procedure, s.working_days, s.cost, s.published_on, s.checked_on,
    s.valid_from, s.valid_to, s.id, md5(CAST(s.* AS text)) AS seen
"""
_OF = text(f"""
    SELECT {_COLUMNS} FROM service_standards s JOIN agencies a ON a.code = s.agency
    WHERE CAST(:region AS text) IS NULL OR a.region = :region OR left(a.region, 5) = :region
    ORDER BY s.agency, s.valid_to NULLS FIRST, s.service, s.id
""")  # noqa: S608 (the columns above, and no value)
_ONE = text(f"SELECT {_COLUMNS} FROM service_standards s WHERE s.id = :id")  # noqa: S608


async def of(connection: AsyncConnection, region: str | None = None) -> list[Standard]:
    """All standards of the agencies of a province, or of a kabupaten or kota with all that lies in it, by agency; those
    that have not ended first. None: of all agencies."""
    return [Standard(**row._mapping) for row in await connection.execute(_OF, {"region": region})]


async def get(connection: AsyncConnection, standard_id: int) -> Standard | None:
    """One standard; None if there is none of that id."""
    row = (await connection.execute(_ONE, {"id": standard_id})).one_or_none()
    return None if row is None else Standard(**row._mapping)


_ADD = text("""
    INSERT INTO service_standards (agency, service, source, requirements, procedure, working_days, cost, published_on,
                                   checked_on, valid_from, valid_to)
    VALUES (:agency, :service, :source, :requirements, :procedure, :working_days, :cost, :published_on,
            :checked_on, :valid_from, :valid_to)
    ON CONFLICT DO NOTHING RETURNING id
""")


async def add(connection: AsyncConnection, new: NewStandard) -> int:
    """Add a standard; returns its id. Raises `StandardTaken`; IntegrityError for an unknown agency."""
    added = (await connection.execute(_ADD, _parameters(new))).scalar_one_or_none()
    if added is None:
        raise StandardTaken(new.agency)
    return int(added)


_LOCK = text("SELECT md5(CAST(s.* AS text)) FROM service_standards s WHERE s.id = :id FOR UPDATE")
_TAKEN = text("""
    SELECT EXISTS (SELECT 1 FROM service_standards WHERE agency = :agency AND service = :service AND id <> :id
                     AND valid_from IS NOT DISTINCT FROM CAST(:valid_from AS date))
""")
_CHANGE = text("""
    UPDATE service_standards
    SET agency = :agency, service = :service, source = :source, requirements = :requirements, procedure = :procedure,
        working_days = :working_days, cost = :cost, published_on = :published_on, checked_on = :checked_on,
        valid_from = :valid_from, valid_to = :valid_to
    WHERE id = :id
""")


async def change(connection: AsyncConnection, standard_id: int, new: NewStandard, seen: str) -> None:
    """Write a standard anew. Raises `StandardChanged` where it is not the one that was seen, or is there no more, and
    `StandardTaken`."""
    if (await connection.execute(_LOCK, {"id": standard_id})).scalar_one_or_none() != seen:
        raise StandardChanged(str(standard_id))
    parameters = {**_parameters(new), "id": standard_id}
    asked = {name: parameters[name] for name in ("agency", "service", "valid_from", "id")}
    if (await connection.execute(_TAKEN, asked)).scalar_one():
        raise StandardTaken(new.agency)
    await connection.execute(_CHANGE, parameters)


_END = text("UPDATE service_standards SET valid_to = :on WHERE id = :id")


async def end(connection: AsyncConnection, standard_id: int, on: date, seen: str) -> None:
    """Let a standard hold up to that day, and no longer. Raises `StandardChanged`."""
    if (await connection.execute(_LOCK, {"id": standard_id})).scalar_one_or_none() != seen:
        raise StandardChanged(str(standard_id))
    await connection.execute(_END, {"id": standard_id, "on": on})


def published(standards: Sequence[Standard], on: date) -> dict[str, int]:
    """How many services each agency has a published standard for on that day; agencies without any are left out."""
    services: dict[str, set[str]] = {}
    for each in standards:
        if each.counts(on):
            services.setdefault(each.agency, set()).add(each.service.casefold())
    return {agency: len(found) for agency, found in services.items()}


def _parameters(new: NewStandard) -> dict[str, object]:
    return {name: getattr(new, name) for name in NewStandard.__slots__}
