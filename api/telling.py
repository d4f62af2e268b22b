"""What is told of a report: to whoever it is of, to those who follow it, to whoever assisted; in which words, with
which buttons. When it is told stands in reactions.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from api.media import attachments
from bot.texts import knows
from store import assistances, attention, clocks, complaints, moves, references, ways
from store.complaints import Event, Reader
from store.deliveries import NewDelivery

if TYPE_CHECKING:
    from api.house import House
    from api.unit import Unit

Says = list[tuple[str, Mapping[str, Any]]]

# What is offered to the pelapor under the news of a status, by the key of the status.
OFFERS: dict[str, tuple[str, ...]] = {
    "menunggu_kelengkapan": ("reply",),
    "terdisposisi": ("wrong_agency",),
    "ditindaklanjuti": ("resolved", "unresolved", "wrong_agency"),
    "selesai_otomatis": ("resolved", "unresolved", "wrong_agency"),
    "ditutup_admin": ("rate",),
    "ditutup_sistem": ("rate",),
}


def buttons(ticket: str, acts: Sequence[str]) -> list[tuple[str, str]]:
    """The buttons for what can be done with a ticket: (text key, choice), the choice as in "T-482-173-9056:reply"."""
    return [(f"choice.ticket.{act}", f"{ticket}:{act}") for act in acts]


def masked(house: House, note: str) -> str | None:
    """What an office said, for somebody whom it did not say it to; None where its personal data cannot be found."""
    return house.suggester.mask(note) if house.suggester else None


# --- pushes ------------------------------------------------------------------------------------------------


async def _push(
    work: Unit, reader: Reader, event: Event, says: Says, acts: Sequence[str] = (), files: Sequence[int] = ()
) -> None:
    """Say this to one reader, with those of these files that the channel can carry."""
    going = await attachments.fitting(work.connection, reader.channel, files) if files else ()
    if left := len(files) - len(going):
        says = [*says, ("push.files_left", {"count": left})]
    await work.say(
        NewDelivery(
            contact_id=reader.contact_id,
            channel=reader.channel,
            address=reader.address,
            says=says,
            buttons=buttons(event.ticket, acts),
            language=reader.language,
            complaint_id=event.complaint_id,
            files=going,
        )
    )


async def _readers(work: Unit, event: Event) -> tuple[list[Reader], list[Reader]]:
    """Those whose report it is, and those who follow it.

    Who acted in this turn gets its reply and no push, which is why a citizen's act is told to the others alone, and as
    somebody else's.
    """
    found = await complaints.readers(work.connection, event.complaint_id)
    if event.data["by"] == "citizen":
        return [], [reader for reader in found if reader.role != "pelapor"]
    theirs = [reader for reader in found if reader.role != "pengikut"]
    return theirs, [reader for reader in found if reader.role == "pengikut"]


async def tell_status(work: Unit, event: Event) -> None:
    """A move: the status in plain words, the reason, the agency's answer in full with what it has attached to it, and
    until when it can be disputed."""
    status, note = event.data["status"], event.data["note"]
    key = moves.key(status)
    theirs, followers = await _readers(work, event)
    if theirs:
        says: Says = [_news(work, event), *_reason(event)]
        if note:
            says.append(_words(work, event, note))
        says += await _until(work, event)
        files = event.data.get("evidence", ())
        for reader in theirs:
            await _push(work, reader, event, says, OFFERS.get(key, ()) if reader.role == "pelapor" else (), files)
    # What an office asks the pelapor is between the two. What it has attached no mask can look through.
    answer = masked(work.house, note) if followers and note and status in moves.ANSWERS else None
    await _tell_followers(work, event, followers, answer)


def _news(work: Unit, event: Event) -> tuple[str, Mapping[str, Any]]:
    agency = {"agency": _speaker(work, event)}
    if event.data.get("finished"):
        return "push.finished", {"ticket": event.ticket, **agency}
    state = {"key": f"state.{moves.key(event.data['status'])}", "params": agency}
    return "push.moved", {"ticket": event.ticket, "state": state}


def _reason(event: Event) -> Says:
    """Why; for an official reason of the archive, how to mend it as well."""
    if key := event.data.get("reason_key"):
        return [(f"archived.{key}", {"ticket": event.ticket})]
    return [("push.reason", {"reason": event.data["reason"]})] if event.data["reason"] else []


def _words(work: Unit, event: Event, note: str) -> tuple[str, Mapping[str, Any]]:
    """What an office said, by its name where several may speak."""
    if "speaker" in event.data:
        return "push.note_of", {"agency": _speaker(work, event), "note": note}
    # What is asked, or said beside an archive or a disposition, answers nothing.
    return "push.note" if event.data["status"] in moves.ANSWERS else "push.officer", {"note": note}


def _speaker(work: Unit, event: Event) -> Any:
    """Who answered: Kominfo itself, the agency that leads, or another one that has the report too. What another system
    tells of an office that has it not is told in its name."""
    if "office" in event.data and not event.data.get("speaker"):
        return event.data["office"] or system_name(event.data["system"], None)
    return _agency(work, event.data.get("speaker", event.data["agency"]))


# By our own clock, and where that of another system runs as well.
_UNTIL = {"close": "push.answer_until", "archive": "push.complete_until"}
_SOON = {"close": "push.answer_soon", "archive": "push.complete_soon"}


async def _until(work: Unit, event: Event) -> Says:
    """Until when the pelapor can speak, where a clock runs that silence ends. Of what another system told no day is
    promised: its clock began when that was said there, which may be long before we heard it."""
    clock = await clocks.running(work.connection, event.complaint_id)
    if clock is None:
        return []
    if event.data["by"] == "bridge":
        return [(_SOON[clock.kind], {"system": system_name(event.data["system"], None)})]
    return [(_UNTIL[clock.kind], {"date": _day(clock.due_on)})]


async def tell_followers(work: Unit, event: Event) -> None:
    """The pelapor has changed the status."""
    _, others = await _readers(work, event)
    await _tell_followers(work, event, others, None)


async def _tell_followers(work: Unit, event: Event, followers: Sequence[Reader], answer: str | None) -> None:
    if not followers:
        return
    agency = {"agency": _speaker(work, event)}
    state = {"key": f"state_followed.{moves.key(event.data['status'])}", "params": agency}
    for reader in followers:
        says: Says = [("push.followed", {"ticket": event.ticket, "state": state})]
        # An answer may call the pelapor by name, which no mask finds.
        if answer and not reader.anonymous:
            says.append(_words(work, event, answer))
        await _push(work, reader, event, says, ("unfollow",) if reader.role == "pengikut" else ())


async def tell_agency(work: Unit, event: Event) -> None:
    """Another agency is responsible now; a corrected category alone is no news for the citizen."""
    if event.data["changed"] and event.data["agency"]:
        agency = _agency(work, event.data["agency"])
        for reader in await complaints.readers(work.connection, event.complaint_id):
            acts = ("wrong_agency",) if reader.role == "pelapor" else ()
            await _push(work, reader, event, [("push.rerouted", {"ticket": event.ticket, "agency": agency})], acts)


async def tell_disposition(work: Unit, event: Event) -> None:
    """Agencies have the report now: the one that leads by name, how many others, and what the officer says to it."""
    if not event.data["changed"] and not event.data["note"]:
        return
    before, others = event.data["before"], len(event.data["agencies"]) - 1
    elsewhere = before and before[0] != event.data["agency"]
    alone, several = _ELSEWHERE if elsewhere else _FORWARDED
    lead = {"ticket": event.ticket, "agency": _agency(work, event.data["agency"])}
    says: Says = [(several, {**lead, "others": others}) if others else (alone, lead)]
    if event.data["note"]:
        says.append(("push.officer", {"note": event.data["note"]}))
    theirs, followers = await _readers(work, event)
    for reader in theirs:
        acts = OFFERS[moves.key(event.data["status"])] if reader.role == "pelapor" else ()
        await _push(work, reader, event, says, acts)
    # The officer's words are for the pelapor; who has it, and who has it besides, is news for all.
    if event.data["changed"]:
        await _tell_followers(work, event, followers, None)


# To the one that leads alone, and with others.
_FORWARDED = "push.disposed", "push.disposed_several"
_ELSEWHERE = "push.rerouted", "push.rerouted_several"


async def tell_response(work: Unit, event: Event) -> None:
    """A first word of an office, which is no answer yet."""
    note, speaker = event.data["note"], _speaker(work, event)
    says: Says = [("push.responded", {"ticket": event.ticket, "agency": speaker, "note": note})]
    says += await _until(work, event)
    theirs, _ = await _readers(work, event)
    for reader in theirs:
        await _push(work, reader, event, says, ("reply",) if reader.role == "pelapor" else ())


async def tell_message(work: Unit, event: Event) -> None:
    """A message that an office meant for the citizen; internal notes stay inside."""
    if not is_message(event):
        return
    says: Says = [("push.message", {"ticket": event.ticket, "note": event.data["note"]})]
    says += await _until(work, event)
    theirs, _ = await _readers(work, event)
    for reader in theirs:
        await _push(work, reader, event, says, ("reply",) if reader.role == "pelapor" else ())


async def tell_denial(work: Unit, event: Event) -> None:
    """An office says that it is the wrong one, Kominfo says so of another, or the pelapor does: nobody has to report
    anew."""
    if event.data["again"]:
        return
    theirs, others = await _readers(work, event)
    # That it is not theirs, an agency says of itself; otherwise Kominfo has found it out.
    key = "push.denied" if event.data["by"] == "agency" else "push.returned"
    says: Says = [(key, {"ticket": event.ticket, "agency": _agency(work, event.data["denied"])})]
    if event.data["reason"]:
        says.append(("push.reason", {"reason": event.data["reason"]}))
    for reader in theirs:
        await _push(work, reader, event, says)
    await _tell_followers(work, event, others, None)


async def tell_reminder(work: Unit, event: Event) -> None:
    """The last day is near: until when, and what happens without a word. Followers can do nothing about it."""
    kind = event.data["clock"]
    says: Says = [(f"push.reminded_{kind}", {"ticket": event.ticket, "date": _day(event.data["due_on"])})]
    theirs, _ = await _readers(work, event)
    for reader in theirs:
        acts = OFFERS[moves.key(event.data["status"])] if reader.role == "pelapor" else ()
        await _push(work, reader, event, says, acts)


async def tell_silence(work: Unit, event: Event) -> None:
    """Ended because nobody said anything, which counts as nothing else; and what can still be done."""
    key = moves.key(event.data["status"])
    said = {"ticket": event.ticket, "date": _day(event.data["due_on"])}
    says: Says = [(f"push.{key}", said), (f"push.{key}_next", {"ticket": event.ticket})]
    theirs, followers = await _readers(work, event)
    for reader in theirs:
        await _push(work, reader, event, says, OFFERS.get(key, ()) if reader.role == "pelapor" else ())
    await _tell_followers(work, event, followers, None)


# --- residents who were assisted --------------------------------------------------------------------------

# What a resident must hear who can only be called or visited: an answer, what is missing, the end.
_MUST_HEAR = (moves.WAITING, *moves.ANSWERS, *moves.ENDED)


async def tell_helper(work: Unit, event: Event) -> None:
    """News of a report whose resident has no chat: whoever assisted hears that there is some, never what it is, where
    the resident wants that; and a person calls or visits them, where that is how they are reached."""
    if not _is_news(event):
        return
    helped = await assistances.of_complaint(work.connection, event.complaint_id)
    if helped is None or helped.taken_at is not None:
        return
    now = work.house.now()
    for told in await assistances.news_to(work.connection, event.complaint_id, now):
        # Not about the complaint, as far as the ledger goes: whoever quotes it is led to nothing.
        await work.say(
            NewDelivery(
                contact_id=told.contact_id,
                channel=told.channel,
                address=told.address,
                says=[("assist.news", {"ticket": told.ticket})],
                language=told.language,
            )
        )
    # While it is to be confirmed with the resident that they take the consent back, they are called anyway; if they do
    # not, whoever assisted has not silenced the news by saying so.
    confirming = helped.withdrawn_at is not None and await attention.is_open(
        work.connection, assistances.CONSENT, event.complaint_id
    )
    if _must_hear(event) and helped.reach in ("phone", "place") and not confirming:
        await attention.raise_matter(
            work.connection, assistances.REACH, complaint_id=event.complaint_id, detail=helped.reach
        )


def _must_hear(event: Event) -> bool:
    """Whether somebody must call or visit a resident for this news: an answer, what is missing, the end, and whatever
    an office has said to them in its own words."""
    match event.kind:
        case "moved" | "lapsed" | "reminded":
            return event.data["status"] in _MUST_HEAR
        case "noted" | "responded":
            return True
        case "heard":
            return bool(event.data["note"])
    return False


def _is_news(event: Event) -> bool:
    """Whether a pelapor with a chat would be told of it there."""
    data = event.data
    match event.kind:
        case "noted":
            return is_message(event)
        case "rerouted":
            return bool(data["changed"] and data["agency"])
        case "disposed":
            return bool(data["changed"] or data["note"])
        case "denied":
            return not data["again"]
    return True


# --- other systems ---------------------------------------------------------------------------------------


def system_name(system: str, name: str | None) -> dict[str, str] | str:
    """What another system is called, as a parameter of a text: by its code where we have words for that, else as its
    connection is."""
    return {"key": f"system.{system}"} if knows(f"system.{system}") else name or system


async def tell_reference(work: Unit, event: Event) -> None:
    """The report is in another system, and its number there. That of a letter to an agency nobody can look up."""
    known = await references.get(work.connection, event.data["reference"])
    way = await ways.get(work.connection, known.connection_id) if known.connection_id is not None else None
    if way is not None and way.kind == ways.EMAIL:
        return
    system = system_name(known.system, way.name if way else None)
    says: Says = [("push.referenced", {"ticket": event.ticket, "system": system, "number": known.external_id})]
    # Who looks there without an account finds no Rahasia report.
    if known.system == ways.SP4N and not (await references.bearings(work.connection, event.complaint_id)).secret:
        says.append(("push.referenced_sp4n", {}))
    theirs, _ = await _readers(work, event)
    for reader in theirs:
        await _push(work, reader, event, says)


async def tell_heard(work: Unit, event: Event) -> None:
    """A status of another system that is none of ours, or cannot be, in its own words; and what was said with it."""
    data, note = event.data, event.data["note"]
    system = system_name(data["system"], None)
    says: Says = [("push.heard", {"ticket": event.ticket, "system": system, "status": data["raw_status"]})]
    if note:
        says.append(("push.note_of", {"agency": data["office"], "note": note}) if data["office"] else _officer(note))
    theirs, _ = await _readers(work, event)
    for reader in theirs:
        acts = ("reply",) if reader.role == "pelapor" and data["status"] not in moves.ENDED else ()
        await _push(work, reader, event, says, acts)


def _officer(note: str) -> tuple[str, Mapping[str, Any]]:
    return "push.officer", {"note": note}


# --- joined reports --------------------------------------------------------------------------------------


async def tell_joined(work: Unit, event: Event) -> None:
    """The pelapor's report is handled with another one, or on its own again; the others learn nothing."""
    for reader in await complaints.readers(work.connection, event.complaint_id):
        if reader.role != "pengikut":
            await _push(work, reader, event, [(f"push.{event.kind}", {"ticket": event.ticket})])


def _agency(work: Unit, code: str | None) -> Any:
    return work.house.directory.names.get(code or "") or {"key": "office.kominfo"}


def _day(day: date) -> dict[str, str]:
    """A day as a parameter of a text, which is spoken with its weekday."""
    return {"date": day.isoformat()}


def is_message(event: Event) -> bool:
    """Whether these are words of an office to the pelapor, and no note among officers."""
    return bool(event.data["public"]) and event.data["by"] != "citizen"
