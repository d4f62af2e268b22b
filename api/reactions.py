"""What follows from what: one table from event to reactions, run in the transaction of the event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from store import complaints, moves
from store.complaints import Event
from store.deliveries import NewDelivery

if TYPE_CHECKING:
    from api.unit import Unit

Says = list[tuple[str, Mapping[str, Any]]]


async def react(work: Unit, event: Event) -> None:
    """Run everything that follows from an event."""
    for reaction in REACTIONS[event.kind]:
        await reaction(work, event)


async def _push(work: Unit, event: Event, says: Says) -> None:
    """Say this to everybody who follows the complaint."""
    for reader in await complaints.readers(work.connection, event.complaint_id):
        await work.say(
            NewDelivery(
                contact_id=reader.contact_id,
                channel=reader.channel,
                address=reader.address,
                says=says,
                language=reader.language,
                complaint_id=event.complaint_id,
            )
        )


async def tell_status(work: Unit, event: Event) -> None:
    """A move: the status in plain words, the reason, and the agency's answer in full."""
    agency = work.house.directory.names.get(event.data["agency"] or "")
    state = {
        "key": f"state.{moves.key(event.data['status'])}",
        "params": {"agency": agency or {"key": "office.kominfo"}},
    }
    says: Says = [("push.moved", {"ticket": event.ticket, "state": state})]
    if event.data["reason"]:
        says.append(("push.reason", {"reason": event.data["reason"]}))
    if event.data["note"]:
        says.append(("push.note", {"note": event.data["note"]}))
    await _push(work, event, says)


async def tell_agency(work: Unit, event: Event) -> None:
    """Another agency is responsible now; a corrected category alone is no news for the citizen."""
    if event.data["changed"] and event.data["agency"]:
        agency = work.house.directory.names.get(event.data["agency"], event.data["agency"])
        await _push(work, event, [("push.rerouted", {"ticket": event.ticket, "agency": agency})])


async def tell_message(work: Unit, event: Event) -> None:
    """A message that an operator meant for the citizen; internal notes stay inside."""
    if event.data["public"] and event.data["by"] != "citizen":
        await _push(work, event, [("push.message", {"ticket": event.ticket, "note": event.data["note"]})])


Reaction = Callable[["Unit", Event], Awaitable[None]]

REACTIONS: dict[str, tuple[Reaction, ...]] = {
    "filed": (),
    "moved": (tell_status,),
    "rerouted": (tell_agency,),
    "noted": (tell_message,),
}
