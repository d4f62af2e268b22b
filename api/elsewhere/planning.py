"""Which systems a report goes to and what follows it there: reactions, in the transaction of the event.

Nothing is sent here. What a machine sends is put into the queue; what a person enters waits at the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import attention, handovers, holders, posts, references, ways
from store.complaints import Event
from store.ways import EMAIL, MACHINES, Connection, Way

if TYPE_CHECKING:
    from api.unit import Unit

# The verbs of the pelapor that follow a report, and as what.
_FOLLOWS = {
    "replied": posts.REPLY,
    "disputed": posts.REPLY,
    "confirmed": posts.CLOSE,
    "withdrawn": posts.CLOSE,
}


async def plan_filed(work: Unit, event: Event) -> None:
    """A report goes where the ways of its region lead."""
    if event.data.get("again"):
        return
    facts = await references.bearings(work.connection, event.complaint_id)
    chosen = await ways.when_filed(work.connection, facts.region or work.house.settings.home_region)
    await _plan(work, event.complaint_id, chosen, secret=facts.secret)


async def plan_disposed(work: Unit, event: Event) -> None:
    """And where those of its agencies do, once they have it."""
    agencies: Sequence[str] = event.data.get("agencies") or [
        each.agency for each in await holders.present(work.connection, event.complaint_id)
    ]
    chosen = await ways.when_disposed(work.connection, agencies) if agencies else []
    if not chosen:
        return
    facts = await references.bearings(work.connection, event.complaint_id)
    # In a system that has the report already it is not entered a second time for one of its agencies.
    whole = {
        each.system for each in await references.of_complaint(work.connection, event.complaint_id) if not each.agency
    }
    await _plan(work, event.complaint_id, [way for way in chosen if way.system not in whole], secret=facts.secret)


async def _plan(work: Unit, complaint_id: int, chosen: Sequence[Way], *, secret: bool) -> None:
    for way in chosen:
        if way.connection is None:
            continue  # to this system not at all
        problem = ways.obstacle(way, secret=secret)
        reference_id = await references.plan(
            work.connection,
            complaint_id,
            way.system,
            connection_id=way.connection.id,
            agency=way.agency,
            address=way.address,
            problem=problem,
        )
        if reference_id is None and way.agency is not None:
            reference_id = await _anew(work, complaint_id, way, way.connection, problem)
        if reference_id is None:
            continue
        if way.agency is not None:
            await posts.anew(work.connection, [reference_id])
        if problem is not None:
            await ask_person(work, complaint_id, problem)
        elif way.connection.kind in MACHINES:
            await work.later("hand_over", reference_id=reference_id)


async def _anew(work: Unit, complaint_id: int, way: Way, over: Connection, problem: str | None) -> int | None:
    """A report that this agency had before, and may have lost and got back since: the reference that is to be sent for
    that. Whether an earlier one arrived that nobody knows about, a person must find out now."""
    agency = way.agency or ""
    doubt = await references.doubt(work.connection, complaint_id, way.system, agency)
    if doubt is not None:
        await ask_person(work, complaint_id, doubt)
        return None
    return await references.renew(
        work.connection,
        complaint_id,
        way.system,
        agency,
        connection_id=over.id,
        address=way.address,
        problem=problem,
        # Where a report can be looked up, it is there already; a letter of long ago nobody takes up by itself.
        letter=over.kind == EMAIL,
    )


async def ask_person(work: Unit, complaint_id: int, problem: str) -> None:
    """An officer must see to a report on its way; `problem` is a key of desk/texts/id/troubles.toml."""
    await attention.raise_matter(work.connection, handovers.MATTER, complaint_id=complaint_id, detail=problem)


# --- what follows it -----------------------------------------------------------------------------------


async def post_words(work: Unit, event: Event) -> None:
    """What the pelapor said, or that they have ended it, follows the report."""
    if event.data.get("by") != "citizen":
        return
    followed = await posts.follow(work.connection, event.complaint_id, _FOLLOWS[event.kind], event.kind)
    for reference_id in followed:
        await pass_next(work, reference_id)


async def post_file(work: Unit, media_id: int) -> None:
    """A file of the pelapor's has come onto the shelf: it follows its report, if that has gone without it."""
    for reference_id in await posts.follow_file(work.connection, media_id):
        await pass_next(work, reference_id)


async def pass_next(work: Unit, reference_id: int) -> None:
    """Have what follows a report next passed on, where a machine does that."""
    post_id = await posts.next_of(work.connection, reference_id)
    if post_id is not None and await ways.for_reference(work.connection, reference_id, MACHINES):
        await work.later("pass_post", post_id=post_id)


async def arrived(work: Unit, event: Event) -> None:
    """A report is in another system: what waited to follow it goes, and nobody need see to it any more."""
    await pass_next(work, event.data["reference"])
    known = await references.of_complaint(work.connection, event.complaint_id)
    left = [each for each in known if each.problem not in handovers.IDLE]
    if not any(each.state in (references.FAILED, references.UNKNOWN) for each in left):
        await attention.settle(work.connection, handovers.MATTER, event.complaint_id)
