"""Which way a report goes into other systems: connections, and the rows that say when each is taken.

A row without an agency counts when a report is filed, the nearest region first; a row with one when the report is
disposed to that agency. Read anew each time, so that what is changed at the desk holds from the next report on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The kinds of connections; those worked by a person take no job.
MANUAL, API, OPEN311, EMAIL = "sp4n_manual", "sp4n_api", "open311", "email"
KINDS = (MANUAL, API, OPEN311, EMAIL)
MACHINES = (API, OPEN311, EMAIL)
# To these no Rahasia report goes.
PUBLIC = (OPEN311, EMAIL)
# The national store.
SP4N = "sp4n"


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to reach a system. `secret` is shown to the other side and to nobody else."""

    id: int
    name: str
    kind: str
    system: str
    url: str | None = None
    secret: str | None = field(default=None, repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """That a report goes over this connection (None: to this system not at all), and where to."""

    system: str
    connection: Connection | None
    agency: str | None = None
    address: str | None = None


_CONNECTION = """
    c.id, c.name, c.kind, c.system, c.url, c.secret, c.parameters, c.disabled_at IS NOT NULL AS disabled
"""
_GET = text(f"SELECT {_CONNECTION} FROM connections c WHERE c.id = :id")  # noqa: S608 (columns, and no value)
_LISTED = text(f"SELECT {_CONNECTION} FROM connections c ORDER BY c.name")  # noqa: S608
_CHOSEN = text(f"""
    SELECT DISTINCT ON (w.system, w.agency) w.system, w.agency, w.address, {_CONNECTION}
    FROM ways w LEFT JOIN connections c ON c.id = w.connection_id
    WHERE CASE WHEN CAST(:agencies AS text[]) IS NULL
               THEN w.agency IS NULL AND (w.region IS NULL OR :region = w.region OR :region LIKE w.region || '.%')
               ELSE w.agency = ANY(CAST(:agencies AS text[])) END
    ORDER BY w.system, w.agency, length(w.region) DESC NULLS LAST
""")  # noqa: S608


async def get(connection: AsyncConnection, connection_id: int) -> Connection | None:
    """One connection; None if there is none."""
    row = (await connection.execute(_GET, {"id": connection_id})).one_or_none()
    return None if row is None else Connection(*row)


async def listed(connection: AsyncConnection) -> list[Connection]:
    """All connections by their names."""
    return [Connection(*row) for row in await connection.execute(_LISTED)]


async def when_filed(connection: AsyncConnection, region: str) -> list[Way]:
    """The ways of a report of that region (its code) as it is filed, one for each system."""
    return await _chosen(connection, region, None)


async def when_disposed(connection: AsyncConnection, agencies: Sequence[str]) -> list[Way]:
    """The ways to these agencies, one for each system and agency."""
    return await _chosen(connection, "", list(agencies))


async def _chosen(connection: AsyncConnection, region: str, agencies: list[str] | None) -> list[Way]:
    rows = await connection.execute(_CHOSEN, {"region": region, "agencies": agencies})
    found = []
    for system, agency, address, *facts in rows:
        known = Connection(*facts) if facts[0] is not None else None
        found.append(Way(system, known, agency, address))
    return found
