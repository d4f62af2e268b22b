"""Which way a report goes into other systems: connections, and the rows that say when each is taken.

A row without an agency counts when a report is filed, the nearest region first; a row with one when the report is
disposed to that agency. Read anew each time, so that what is changed at the desk holds from the next report on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves
from store.statement import Statement

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
_CHOSEN = Statement(f"""
    SELECT DISTINCT ON (w.system, w.agency) w.system AS to_system, w.agency, w.address, {_CONNECTION}
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
    rows = await _CHOSEN.rows(connection, {"region": region, "agencies": agencies})
    found = []
    for system, agency, address, *facts in rows:
        known = Connection(*facts) if facts[0] is not None else None
        found.append(Way(system, known, agency, address))
    return found


def obstacle(way: Way, *, secret: bool) -> str | None:
    """Why a report cannot take this way, as a key of texts (desk/texts/id/troubles.toml); None where it can. `secret`:
    the report is Rahasia."""
    known = way.connection
    if known is None or known.disabled:
        return "no_connection"
    if secret and known.kind in PUBLIC:
        return "secret"
    return "no_address" if known.kind == EMAIL and not way.address else None


_FOR = text(f"""
    SELECT {_CONNECTION} FROM connections c JOIN complaint_references r ON r.system = c.system
    WHERE r.id = :reference_id AND c.kind = ANY(CAST(:kinds AS text[])) AND c.disabled_at IS NULL
    ORDER BY c.id IS NOT DISTINCT FROM r.connection_id DESC, c.id LIMIT 1
""")  # noqa: S608


async def for_reference(connection: AsyncConnection, reference_id: int, kinds: Sequence[str]) -> Connection | None:
    """The connection of one of these kinds by which a report that is in another system is followed there: its own, else
    any of that system's. None where there is none."""
    row = (await connection.execute(_FOR, {"reference_id": reference_id, "kinds": list(kinds)})).one_or_none()
    return None if row is None else Connection(*row)


# --- changed at the desk -----------------------------------------------------------------------------------------


class NameTaken(ValueError):
    """Another connection has that name."""


class Gone(LookupError):
    """There is no such connection, or no such way."""


@dataclass(frozen=True, slots=True)
class Row:
    """A way as it stands in the table: where neither region nor agency is named, it is everybody's."""

    id: int
    system: str
    region: str | None
    agency: str | None
    connection_id: int | None
    address: str | None


_ADD = text("""
    INSERT INTO connections (name, kind, system, url, secret, parameters)
    VALUES (:name, :kind, :system, :url, :secret, CAST(:parameters AS jsonb))
    ON CONFLICT (name) DO NOTHING RETURNING id
""")
_CHANGE = text("""
    UPDATE connections SET name = :name, url = :url, parameters = CAST(:parameters AS jsonb), changed_at = now(),
           secret = CASE WHEN :forget THEN NULL ELSE coalesce(CAST(:secret AS text), secret) END
    WHERE id = :id
""")
_SWITCH = text("""
    UPDATE connections SET disabled_at = CASE WHEN :disabled THEN now() END, changed_at = now()
    WHERE id = :id AND (disabled_at IS NOT NULL) <> :disabled
""")


async def add(
    connection: AsyncConnection,
    name: str,
    kind: str,
    system: str,
    *,
    url: str | None = None,
    secret: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Add a connection; returns its id. Raises `NameTaken`."""
    given = {"name": name, "kind": kind, "system": system, "url": url, "secret": secret}
    added = await connection.execute(_ADD, {**given, "parameters": json.dumps(dict(parameters or {}))})
    found: int | None = added.scalar_one_or_none()
    if found is None:
        raise NameTaken(name)
    return found


async def change(
    connection: AsyncConnection,
    connection_id: int,
    name: str,
    *,
    url: str | None,
    secret: str | None,
    parameters: Mapping[str, Any],
    forget: bool = False,
) -> None:
    """Change a connection; without a `secret` it keeps the one that it has, unless that is to be forgotten (`forget`).
    What kind it is and where it leads stay: its references do. Raises `NameTaken` or `Gone`."""
    given = {"id": connection_id, "name": name, "url": url, "secret": secret, "forget": forget}
    try:
        async with connection.begin_nested():
            changed = await connection.execute(_CHANGE, {**given, "parameters": json.dumps(dict(parameters))})
    except IntegrityError:
        raise NameTaken(name) from None
    if not changed.rowcount:
        raise Gone(str(connection_id))


async def switch(connection: AsyncConnection, connection_id: int, *, disabled: bool) -> bool:
    """Let a connection be used no more, or again; whether that is news."""
    return bool((await connection.execute(_SWITCH, {"id": connection_id, "disabled": disabled})).rowcount)


_ROWS = text("""
    SELECT id, system, region, agency, connection_id, address FROM ways
    ORDER BY system, region IS NOT NULL OR agency IS NOT NULL, agency IS NOT NULL, region, agency
""")
_PUT = text("""
    INSERT INTO ways (system, region, agency, connection_id, address)
    VALUES (:system, :region, :agency, :connection_id, :address)
    ON CONFLICT (system, region, agency) DO UPDATE
    SET connection_id = excluded.connection_id, address = excluded.address, changed_at = now()
""")
_DROP = text("DELETE FROM ways WHERE id = :id RETURNING id, system, region, agency, connection_id, address")


async def rows(connection: AsyncConnection) -> list[Row]:
    """All ways by system: the one for everybody first, then regions, then agencies."""
    return [Row(*row) for row in await connection.execute(_ROWS)]


async def put(
    connection: AsyncConnection,
    system: str,
    *,
    region: str | None,
    agency: str | None,
    connection_id: int | None,
    address: str | None,
) -> None:
    """Say which way reports of a region, to an agency, or else of everybody take into a system from now on."""
    given = {"system": system, "region": region, "agency": agency}
    await connection.execute(_PUT, {**given, "connection_id": connection_id, "address": address})


async def drop(connection: AsyncConnection, way_id: int) -> Row:
    """Let a way be taken no more: then the next wider one is. Raises `Gone`."""
    row = (await connection.execute(_DROP, {"id": way_id})).one_or_none()
    if row is None:
        raise Gone(str(way_id))
    return Row(*row)


# Open complaints of a region (None: everywhere) that have no reference in a system, and whose way there is a connection
# that is in use; to those that the public reads no Rahasia report goes.
_UNPLANNED = """
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    CROSS JOIN LATERAL (
        SELECT w.connection_id FROM ways w
        WHERE w.system = :system AND w.agency IS NULL
          AND (w.region IS NULL OR coalesce(k.region, a.region, :home) = w.region
               OR starts_with(coalesce(k.region, a.region, :home), w.region || '.'))
        ORDER BY length(w.region) DESC NULLS LAST LIMIT 1
    ) way
    JOIN connections c ON c.id = way.connection_id AND c.disabled_at IS NULL
    WHERE k.status <> ALL(CAST(:ended AS text[]))
      AND (CAST(:region AS text) IS NULL OR coalesce(k.region, a.region, :home) = :region
           OR starts_with(coalesce(k.region, a.region, :home), :region || '.'))
      AND NOT (k.secret AND c.kind = ANY(CAST(:public AS text[])))
      AND NOT EXISTS (SELECT 1 FROM complaint_references r
                      WHERE r.complaint_id = k.id AND r.system = :system AND r.agency IS NULL)
"""
_COUNT = text(f"SELECT count(*) {_UNPLANNED}")
_PLAN = text(f"""
    INSERT INTO complaint_references (complaint_id, system, connection_id, check_at)
    SELECT k.id, :system, way.connection_id, now() {_UNPLANNED} ORDER BY k.id LIMIT :most
    ON CONFLICT (complaint_id, system, agency) DO NOTHING
    RETURNING id
""")


async def unplanned(connection: AsyncConnection, system: str, region: str | None, home: str) -> int:
    """How many open complaints of a region could go into a system and are not on their way; `home` is the region of
    those that tell none."""
    found: int = (await connection.execute(_COUNT, _scope(system, region, home))).scalar_one()
    return found


async def plan_open(connection: AsyncConnection, system: str, region: str | None, home: str, most: int) -> list[int]:
    """Let those go there, the oldest first and at most so many, each by its own way; returns the ids of the references.
    They wait as all others do: for a person, or for the next look of the machines. `posts.anew` has to know of them."""
    return list((await connection.execute(_PLAN, {**_scope(system, region, home), "most": most})).scalars())


def _scope(system: str, region: str | None, home: str) -> dict[str, object]:
    return {"system": system, "region": region, "home": home, "ended": list(moves.ENDED), "public": list(PUBLIC)}
