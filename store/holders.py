"""The rows that say which agencies have a complaint: one of them leads, and `complaints.agency` is that one.

They are changed only under the lock of their complaint, by the verbs of `store/complaints.py`, `store/closure.py` and
`store/dispositions.py`. What an agency had stays written down, with when and why it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Disposition:
    """That an agency has a complaint, or had it until `ended_at`: handed_back, replaced, denied or closed. `leads` of
    one that ended: it led until then.

    `first_response_at` is its first word of any kind, `answered_at` its first answer in substance.
    """

    agency: str
    leads: bool
    disposed_at: datetime
    first_response_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    ended_because: str | None


_COLUMNS = "agency, leads, disposed_at, first_response_at, answered_at, ended_at, ended_because"
_PRESENT = text(f"""
    SELECT {_COLUMNS} FROM dispositions WHERE complaint_id = :id AND ended_at IS NULL ORDER BY leads DESC, id
""")  # noqa: S608 (the columns above, and no value)
_ALL = text(f"""
    SELECT {_COLUMNS} FROM dispositions WHERE complaint_id = :id
    ORDER BY ended_at IS NOT NULL, CASE WHEN ended_at IS NULL THEN leads END DESC, id
""")  # noqa: S608


async def present(connection: AsyncConnection, complaint_id: int) -> list[Disposition]:
    """The agencies that have a complaint now; the one that leads comes first."""
    return [Disposition(*row) for row in await connection.execute(_PRESENT, {"id": complaint_id})]


async def ever(connection: AsyncConnection, complaint_id: int) -> list[Disposition]:
    """The agencies that have a complaint now, the one that leads first, and then those that had it, oldest first."""
    return [Disposition(*row) for row in await connection.execute(_ALL, {"id": complaint_id})]


_CONCERNS = text("""
    SELECT EXISTS (SELECT FROM dispositions WHERE complaint_id = :id AND agency = :agency
                   AND (ended_at IS NULL OR ended_because = 'closed'))
""")


async def concerns(connection: AsyncConnection, complaint_id: int, agency: str) -> bool:
    """Whether a complaint is an agency's matter: it has it, or had it when it ended."""
    return bool((await connection.execute(_CONCERNS, {"id": complaint_id, "agency": agency})).scalar_one())


_END_OTHERS = text("""
    UPDATE dispositions SET ended_at = now(), ended_because = 'replaced'
    WHERE complaint_id = :id AND ended_at IS NULL AND agency <> ALL(CAST(:agencies AS text[]))
""")
# Of two leads none is ever seen, not even in between: the index uq_dispositions_lead looks at each row.
_STEP_BACK = text("""
    UPDATE dispositions SET leads = false WHERE complaint_id = :id AND ended_at IS NULL AND leads AND agency <> :lead
""")
_HOLD = text("""
    INSERT INTO dispositions (complaint_id, agency, leads)
    SELECT :id, agency, agency = :lead FROM unnest(CAST(:agencies AS text[])) WITH ORDINALITY AS named (agency, place)
    ORDER BY place
    ON CONFLICT (complaint_id, agency) WHERE ended_at IS NULL DO UPDATE SET leads = excluded.leads
""")


async def hold(connection: AsyncConnection, complaint_id: int, agencies: Sequence[str], lead: str) -> None:
    """These agencies have a complaint from now on, each named once, and no others: those that had it already keep
    their times, those that are not named end as "replaced"."""
    parameters = {"id": complaint_id, "agencies": list(agencies), "lead": lead}
    for statement in (_END_OTHERS, _STEP_BACK, _HOLD):
        await connection.execute(statement, parameters)


_HELD = text("SELECT EXISTS (SELECT 1 FROM dispositions WHERE complaint_id = :id AND ended_at IS NULL)")
_REPLACE = text("""
    UPDATE dispositions SET ended_at = now(), ended_because = 'replaced'
    WHERE complaint_id = :id AND ended_at IS NULL AND leads AND agency <> :lead
""")


async def lead(connection: AsyncConnection, complaint_id: int, agency: str, *, begin: bool) -> None:
    """This agency leads from now on, instead of the one that did, which ends as "replaced"; the others stay.

    What nobody has is left alone, unless it is to `begin`.
    """
    if not begin and not (await connection.execute(_HELD, {"id": complaint_id})).scalar_one():
        return
    parameters = {"id": complaint_id, "agencies": [agency], "lead": agency}
    for statement in (_REPLACE, _HOLD):
        await connection.execute(statement, parameters)


_END = text("""
    UPDATE dispositions SET ended_at = now(), ended_because = :because
    WHERE complaint_id = :id AND ended_at IS NULL AND (CAST(:agency AS text) IS NULL OR agency = :agency)
""")


async def end(connection: AsyncConnection, complaint_id: int, because: str, agency: str | None = None) -> None:
    """No agency has a complaint any more, or this one has not: closed, handed_back."""
    await connection.execute(_END, {"id": complaint_id, "because": because, "agency": agency})


_SEND_BACK = text("""
    UPDATE dispositions SET ended_at = now(), ended_because = CASE WHEN leads THEN 'denied' ELSE 'replaced' END
    WHERE complaint_id = :id AND ended_at IS NULL
""")


async def send_back(connection: AsyncConnection, complaint_id: int) -> None:
    """No agency has a complaint any more, since it is to be verified again: "denied" for the one that leads; that the
    others were wrong nobody has said, and they end as "replaced"."""
    await connection.execute(_SEND_BACK, {"id": complaint_id})


_RESPONDED = text("""
    UPDATE dispositions SET first_response_at = coalesce(first_response_at, now()),
           answered_at = CASE WHEN :answered THEN coalesce(answered_at, now()) ELSE answered_at END
    WHERE complaint_id = :id AND agency = :agency AND ended_at IS NULL
""")


async def responded(connection: AsyncConnection, complaint_id: int, agency: str, *, answered: bool) -> None:
    """An agency has said something; `answered`: in substance. The first time counts."""
    await connection.execute(_RESPONDED, {"id": complaint_id, "agency": agency, "answered": answered})
