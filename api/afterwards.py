"""What citizens do with complaints that are filed, theirs and those of others: the wishes of a turn, done."""

from __future__ import annotations

from contextlib import suppress

from api import telling
from api.elsewhere import planning
from api.unit import Unit
from bot import asking
from bot.conversation import Draft
from bot.turns import Act, Around, Elsewhere, Facts, Reply, TicketState, Turn, Verdict
from store import assistances, closure, complaints, contacts, following, media, moves, neighbours, tickets
from store.complaints import Actor, Event, NotAllowed, NotFound
from store.inbox import Taken

DONE, ENDED, NOT_ALLOWED, UNKNOWN = "done", "ended", "not_allowed", "unknown"


async def act(work: Unit, taken: Taken, wish: Act | Reply) -> Verdict:
    """Do what the citizen wishes with a complaint of theirs; the store says what may be done and by whom."""
    ticket = tickets.read(wish.ticket)
    if ticket is None or taken.citizen_id is None:
        return Verdict(UNKNOWN, wish.ticket)
    try:
        event = await _done(work, taken.citizen_id, ticket, wish)
    except NotFound:
        return Verdict(UNKNOWN, ticket)
    except NotAllowed:
        return Verdict(NOT_ALLOWED, ticket)
    work.record(event)
    return Verdict(ENDED if event.data.get("ended") else DONE, ticket)


async def file_came(work: Unit, taken: Taken, ticket: str) -> None:
    """A file of the citizen's for a filed complaint: an office that waits for an answer has one."""
    if taken.citizen_id is None:
        return
    with suppress(NotFound):  # not theirs, or one that they follow
        event = await closure.add_file(work.connection, ticket, Actor("citizen", str(taken.citizen_id)))
        if event is not None:
            work.record(event)


async def _done(work: Unit, citizen_id: int, ticket: str, wish: Act | Reply) -> Event:
    connection, actor = work.connection, Actor("citizen", str(citizen_id))
    if isinstance(wish, Reply):
        return await closure.reply(connection, ticket, actor, wish.text)
    match wish.verb:
        case "dispute":
            return await closure.dispute(connection, ticket, actor, wish.text)
        case "confirm":
            return await closure.confirm(connection, ticket, actor)
        case "rate":
            return await closure.rate(connection, ticket, actor, wish.stars or 0, wish.text)
        case "comment":
            return await closure.comment(connection, ticket, actor, wish.text or "")
        case "withdraw":
            return await closure.withdraw(connection, ticket, actor, wish.text)
        case "unfollow":
            return await following.unfollow(connection, ticket, citizen_id)
        case "deny":
            return await closure.deny(connection, ticket, actor, wish.text, await _sorter(work, citizen_id, ticket))
    raise LookupError(wish.verb)


async def _sorter(work: Unit, citizen_id: int, ticket: str) -> str:
    """The agency that sorts what nobody wants, where the complaint is."""
    rows = await complaints.of_citizen(work.connection, citizen_id, ticket)
    if not rows:
        raise NotFound(ticket)
    agencies = work.house.directory.agencies
    return agencies.responsible(None, rows[0].region, work.house.today(rows[0].region)).agency.code


async def states(work: Unit, taken: Taken, words: str | None) -> list[TicketState]:
    """The complaints of this citizen as `status` shows them; somebody else's words are masked."""
    ticket = tickets.read(words) if words else None
    number = words if words and ticket is None and words.isdecimal() else None
    if taken.citizen_id is None or (words and ticket is None and number is None):
        return []
    theirs = await complaints.of_citizen(work.connection, taken.citizen_id, ticket, number=number)
    return [_state(work, own) for own in theirs]


def _state(work: Unit, own: complaints.Own) -> TicketState:
    follows = own.role == "pengikut"
    answer = own.answer and telling.masked(work.house, own.answer) if follows else own.answer
    return TicketState(
        ticket=own.ticket,
        title="" if follows else own.title,
        status=moves.key(own.status),
        agency=own.agency,
        changed_at=own.changed_at.astimezone(work.house.zone(own.region)),
        role=own.role,
        answer=answer,
        closes=own.due_on,
        acts=own.acts,
        elsewhere=tuple(_elsewhere(work, own, each) for each in own.elsewhere),
    )


def _elsewhere(work: Unit, own: complaints.Own, known: complaints.Elsewhere) -> Elsewhere:
    """The number, and what is said of the report there where that is not what we say of it ourselves."""
    name = telling.system_name(known.system, known.name)
    status = moves.read(known.raw_status) if known.raw_status else None
    if known.raw_status is None or known.raw_status_at is None or (status and status.name == own.status):
        return Elsewhere(name, known.number)
    return Elsewhere(name, known.number, known.raw_status, known.raw_status_at.astimezone(work.house.zone(own.region)))


async def look_around(work: Unit, taken: Taken, draft: Draft, facts: Facts) -> Around:
    """What others have reported nearby, by how many; of the citizen's own the ticket."""
    place = draft.value("place") or {}
    found = await neighbours.neighbours(
        work.connection,
        text=draft.story,
        place=place.get("text"),
        function=asking.suggested_office(draft, facts)[0],
        region=place.get("region"),
        latitude=place.get("latitude"),
        longitude=place.get("longitude"),
        at=facts.now,
        least=neighbours.ASKED,
    )
    ids = tuple(each.complaint_id for each in found)
    # Whoever assisted learns nothing more of that report, as a follower neither.
    helped = await assistances.helped_with(work.connection, ids, taken.contact_id, taken.citizen_id) if ids else set()
    ids = tuple(each for each in ids if each not in helped)
    if not ids:
        return Around()
    known = await neighbours.known_to(work.connection, ids, taken.citizen_id) if taken.citizen_id else {}
    if own := next((known[each] for each in ids if each in known), None):
        return Around(own=own)
    return Around(ids, await neighbours.voices(work.connection, ids))


async def follow(work: Unit, taken: Taken, turn: Turn, draft: Draft, ids: tuple[int, ...]) -> Verdict:
    """Make the citizen a follower of the first of these complaints that is still open; words and files go along."""
    language = turn.conversation.language
    connection = work.connection
    citizen = taken.citizen_id or await contacts.become_citizen(connection, taken.contact_id, taken.name, language)
    for complaint_id in ids:
        try:
            event = await following.follow(connection, complaint_id, citizen, taken.contact_id, draft.story)
        except (NotFound, NotAllowed, following.OwnComplaint):
            continue
        work.record(event)
        await media.give(connection, taken.contact_id, draft.number, event.ticket)
        return Verdict(DONE, event.ticket)
    return Verdict(UNKNOWN)


async def join(work: Unit, taken: Taken, draft: Draft, ticket: str) -> Verdict:
    """Give a draft's words and files to the citizen's own complaint."""
    verdict = await act(work, taken, Reply(ticket, draft.story or "–"))
    if verdict.key in {DONE, ENDED}:
        for media_id in await media.give(work.connection, taken.contact_id, draft.number, verdict.ticket):
            await planning.post_file(work, media_id)
    return verdict
