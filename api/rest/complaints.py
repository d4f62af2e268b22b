"""Complaints over REST: file, list, read, move, route, deny, note, and what waits for a person."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.security import APIKeyHeader
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from api import facts, whole
from api.house import House
from api.media import files
from api.problems import Problem
from api.rest.schemas import (
    AgencyOut,
    ClockOut,
    ComplaintIn,
    ComplaintOut,
    ComplaintRow,
    DenyIn,
    DispositionIn,
    DispositionOut,
    FileRow,
    Guess,
    HistoryRow,
    MoveIn,
    NeighbourRow,
    Neighbours,
    NoteIn,
    Page,
    PersonalOut,
    RatingOut,
    ReasonOut,
    Receipt,
    ReferenceOut,
    RoutingIn,
    SuggestIn,
    SuggestionOut,
)
from api.unit import Unit, unit
from bot.turns import ASK, Suggestion
from store import (
    clocks,
    closure,
    complaints,
    dispositions,
    idempotency,
    media,
    moves,
    neighbours,
    references,
    tickets,
)
from store.complaints import Actor, Event, NewComplaint

_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key of API_KEYS")


def house_of(request: Request) -> House:
    """The house that this app runs in."""
    house: House = request.app.state.house
    return house


async def client(request: Request, key: Annotated[str | None, Depends(_KEY)]) -> Actor:
    """Who calls: the name that goes with the API key."""
    name = house_of(request).settings.client_of(key) if key else None
    if name is None:
        raise Problem(401, "X-API-Key is missing or not known.")
    return Actor("operator", name)


_PROBLEM = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not JSON", **_PROBLEM},
    401: {"description": "No valid key", **_PROBLEM},
    422: {"description": "The request does not fit the schema", **_PROBLEM},
    503: {"description": "The store cannot be reached", **_PROBLEM},
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such complaint", **_PROBLEM}}
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "Not possible in this state", **_PROBLEM}}

router = APIRouter(prefix="/api/v1", responses=ERRORS, tags=["complaints"])
Caller = Annotated[Actor, Depends(client)]
Here = Annotated[House, Depends(house_of)]


Key = Annotated[
    str | None,
    Header(max_length=255, pattern=r"^[\x21-\x7e]+$", description="The same request with the same key is done once"),
]


def _ticket(ticket: str) -> str:
    """The ticket number in the path, however it is written."""
    found = tickets.read(ticket)
    if found is None:
        raise complaints.NotFound(ticket)
    return found


Ticket = Annotated[str, Depends(_ticket)]


# --- filing ------------------------------------------------------------------------------------------


@router.post("/complaints", status_code=201, responses=CONFLICT)
async def file(
    body: ComplaintIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> Receipt:
    """File a complaint. With an `Idempotency-Key` the same request again gives the same ticket."""
    region = house.directory.regions.nearest(body.region)
    if body.region is not None and region is None:
        raise Problem(422, "The region is not known.")
    suggestion = house.suggester.suggest(body.text, body.title or "") if house.suggester else None
    new = _new_complaint(house, body, region.code if region else None, suggestion)
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        ticket = await once.seen()
        if ticket is None:
            event = await whole.file(once.work, new, caller, name=body.name, suggestion=suggestion)
            await once.done(event)
            ticket = event.ticket
        return await _receipt(connection, ticket)


def _new_complaint(house: House, body: ComplaintIn, region: str | None, suggestion: Suggestion | None) -> NewComplaint:
    stated = NewComplaint(
        text=body.text,
        title=body.title or "",
        report_class=body.report_class or "",
        channel="api",
        place=body.place,
        region=region or whole.region_in(house, body.place or body.text),
        latitude=body.latitude,
        longitude=body.longitude,
        happened=body.happened,
        happened_on=body.happened_on,
        anonymous=body.anonymous,
        secret=body.secret,
    )
    return whole.sorted_by(house, stated, body.text, suggestion)


@dataclass(slots=True)
class _Once:
    """A request under its idempotency key, if it has one."""

    work: Unit
    caller: Actor
    key: str | None
    digest: str

    async def seen(self) -> str | None:
        """The ticket of the same request done before. Raises `Problem` for another one under this key."""
        if self.key is None:
            return None
        # Two requests with one key wait for each other before either does anything.
        await idempotency.lock(self.work.connection, self.caller.id, self.key)
        done = await idempotency.seen(self.work.connection, self.caller.id, self.key)
        if done is not None and done.digest != self.digest:
            raise Problem(409, "This Idempotency-Key was used for another request.")
        return None if done is None else done.ticket

    async def done(self, event: Event) -> None:
        """Record what happened, and that it was done under this key."""
        self.work.record(event)
        if self.key is not None:
            done = idempotency.Done(self.digest, event.ticket)
            await idempotency.remember(self.work.connection, self.caller.id, self.key, done)


@asynccontextmanager
async def _once(
    house: House, caller: Actor, key: str | None, request: Request, body: BaseModel
) -> AsyncIterator[_Once]:
    digest = hashlib.sha256(f"{request.url.path} {body.model_dump_json()}".encode()).hexdigest()
    async with unit(house) as work:
        yield _Once(work, caller, key, digest)


async def _receipt(connection: Any, ticket: str) -> Receipt:
    row = (await complaints.get(connection, ticket)).complaint
    return Receipt(ticket=row.ticket, status=row.status, agency=row.agency_name)


# --- reading -----------------------------------------------------------------------------------------


@router.get("/complaints")
async def list_complaints(
    house: Here,
    _caller: Caller,
    status: str | None = None,
    region: str | None = None,
    agency: str | None = None,
    function: str | None = None,
    report_class: str | None = None,
    channel: str | None = None,
    filed_from: datetime | None = None,
    filed_to: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Page:
    """Complaints, newest first. `region` also finds what lies within it."""
    wanted = moves.read(status) if status else None
    if status and wanted is None:
        raise Problem(422, "The status is not known.", known=[each.name for each in moves.STATUSES])
    filters = {
        "status": wanted.name if wanted else None,
        "region": region,
        "agency": agency,
        "function": function,
        "report_class": report_class,
        "channel": channel,
        "filed_from": filed_from,
        "filed_to": filed_to,
        "before": _read_cursor(cursor) if cursor else None,
    }
    if any("\x00" in value for value in filters.values() if isinstance(value, str)):
        raise Problem(422, "A filter contains a character that cannot be stored.")
    async with house.engine.connect() as connection:
        rows = await complaints.page(connection, filters, limit + 1)
    return Page(
        items=[ComplaintRow.model_validate(row, from_attributes=True) for row in rows[:limit]],
        next=_cursor(rows[limit - 1].id) if len(rows) > limit else None,
    )


def _cursor(last: int) -> str:
    return base64.urlsafe_b64encode(f"k{last}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> int:
    try:
        words = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        last = int(words.removeprefix("k"))
    except (ValueError, binascii.Error):
        raise Problem(422, "The cursor is not one of ours.") from None
    if not 0 < last < 2**63:
        raise Problem(422, "The cursor is not one of ours.")
    return last


@router.get("/complaints/{ticket}", responses=MISSING)
async def read(ticket: Ticket, house: Here, _caller: Caller) -> ComplaintOut:
    """One complaint, with its history, its files, and what it is called in other systems."""
    async with house.engine.connect() as connection:
        return await _whole(house, connection, ticket)


async def _whole(house: House, connection: AsyncConnection, ticket: str) -> ComplaintOut:
    found = await complaints.get(connection, ticket)
    row = found.complaint
    return ComplaintOut(
        **ComplaintRow.model_validate(row, from_attributes=True).model_dump(),
        text=row.text,
        place=row.place,
        latitude=row.latitude,
        longitude=row.longitude,
        happened=row.happened,
        happened_on=row.happened_on,
        pelapor=None if row.anonymous else row.citizen_name,
        suggestion=row.suggestion,
        reasons=_reasons(house, row.text, row.function),
        personal=_personal(house, row.text),
        allowed=list(moves.allowed(row.status)),
        clocks=[ClockOut.model_validate(each) for each in found.clocks if each.kind in clocks.ENDS],
        deadlines=[ClockOut.model_validate(each) for each in found.clocks if each.kind in clocks.DEADLINES],
        dispositions=[DispositionOut.model_validate(each) for each in found.dispositions],
        rating=RatingOut.model_validate(found.rating) if found.rating else None,
        followers=row.followers,
        history=[
            HistoryRow(
                at=each.at,
                # A citizen's number would tie an Anonim report to the same person's others.
                actor="citizen" if each.actor_kind == "citizen" else f"{each.actor_kind}:{each.actor_id}",
                event=each.event,
                was=each.was,
                became=each.became,
                reason=each.reason,
                note=each.note,
                public=each.public,
            )
            for each in found.history
        ],
        files=[_file(each) for each in found.files],
        references=[ReferenceOut.model_validate(each) for each in await references.of_complaint(connection, row.id)],
    )


def _file(row: Any) -> FileRow:
    return FileRow(
        id=row.id,
        kind=row.kind,
        # What a citizen's phone calls a file may tell whose it is.
        name=None if row.staff_id is None else row.name,
        content_type=row.clean_type or row.content_type,
        size=row.clean_size or row.size,
        state=row.state,
        transcript=row.transcript,
        sender="citizen" if row.staff_id is None else "office",
        agency=row.agency,
    )


def _reasons(house: House, words: str, function: str | None) -> list[ReasonOut]:
    found = house.suggester.why(words, function) if house.suggester else ()
    return [ReasonOut(start=each.start, end=each.end, weight=round(each.weight, 4)) for each in found]


def _personal(house: House, words: str) -> list[PersonalOut] | None:
    found = house.suggester.personal(words) if house.suggester else None
    return None if found is None else [PersonalOut.model_validate(each, from_attributes=True) for each in found]


@router.get("/complaints/{ticket}/files/{file_id}", responses=MISSING, response_class=Response)
async def read_file(ticket: Ticket, file_id: int, request: Request, house: Here, _caller: Caller) -> Response:
    """The bytes of a file, or the part that a Range header asks for: to be played or saved, and never run. Of a picture
    they are a copy without anything that a camera wrote beside it, of at most 2 MB."""
    async with house.engine.connect() as connection:
        found = await complaints.get(connection, ticket)
    row = next((each for each in found.files if each.id == file_id and each.state == "stored"), None)
    if row is None:
        raise Problem(404, "There is no such file.")
    try:
        content, content_type = await asyncio.to_thread(media.handed_out, house.shelf, row)
    except FileNotFoundError:
        raise Problem(404, "There is no such file.") from None
    return files.answer(content, content_type, request.headers.get("range"))


@router.get("/complaints/{ticket}/neighbours", responses=MISSING)
async def read_neighbours(ticket: Ticket, house: Here, _caller: Caller) -> Neighbours:
    """The open complaints that are probably about the same matter in the same place, none of them Rahasia."""
    async with house.engine.connect() as connection:
        row = (await complaints.get(connection, ticket)).complaint
        found = await neighbours.neighbours(
            connection,
            text=f"{row.title} . {row.text}",
            place=row.place,
            function=row.function,
            region=row.region,
            latitude=row.latitude,
            longitude=row.longitude,
            at=row.filed_at,
            besides=row.id,
        )
        ids = [each.complaint_id for each in found]
        titles = await neighbours.titles(connection, ids)
        voices = await neighbours.voices(connection, ids)
    return Neighbours(
        items=[
            NeighbourRow(
                ticket=each.ticket,
                title=titles[each.complaint_id],
                likeness=round(each.likeness, 3),
                asked=each.asked,
                metres=each.metres,
                shared=list(each.shared),
                status=each.status,
                function=each.function,
                region=each.region,
                agency=each.agency,
                agency_name=house.directory.names.get(each.agency) if each.agency else None,
                filed_at=each.filed_at,
            )
            for each in found
        ],
        voices=voices,
    )


# --- changing ----------------------------------------------------------------------------------------


@router.post("/complaints/{ticket}/moves", responses=MISSING | CONFLICT)
async def move(
    ticket: Ticket, body: MoveIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> ComplaintOut:
    """Give a complaint another status; the citizen hears of it in the chat."""
    status = moves.read(body.status)
    if status is None:
        raise Problem(422, "The status is not known.", known=[each.name for each in moves.STATUSES])
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        if await once.seen() is None:
            await once.done(
                await complaints.move(connection, ticket, status, caller, reason=body.reason, note=body.note)
            )
        return await _whole(house, connection, ticket)


@router.post("/complaints/{ticket}/routing", responses=MISSING | CONFLICT)
async def route(
    ticket: Ticket, body: RoutingIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> ComplaintOut:
    """Correct function, agency or category. With a function alone the agency follows from it and the region."""
    if body.agency is not None and body.agency not in house.directory.names:
        raise Problem(422, "The agency is not known.")
    functions = house.suggester.functions if house.suggester else ()
    if body.function is not None and body.function not in functions:
        raise Problem(422, "The function is not known.", known=sorted(functions))
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        if await once.seen() is None:
            await once.done(
                await complaints.route(
                    connection,
                    ticket,
                    caller,
                    function=body.function,
                    agency=body.agency or await _agency_for(house, connection, ticket, body.function),
                    category=body.category,
                    reason=body.reason,
                )
            )
        return await _whole(house, connection, ticket)


async def _agency_for(house: House, connection: AsyncConnection, ticket: str, function: str | None) -> str | None:
    if function is None:
        return None
    row = (await complaints.get(connection, ticket)).complaint
    return facts.office(house, function, row.region, row.text).code


@router.post("/complaints/{ticket}/dispositions", responses=MISSING | CONFLICT)
async def dispose(
    ticket: Ticket, body: DispositionIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> ComplaintOut:
    """Give a complaint to one agency or to several, of which one leads; the citizen hears of it in the chat."""
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        if await once.seen() is None:
            said = body.model_dump(exclude={"agencies"})
            try:
                await once.done(await dispositions.dispose(connection, ticket, caller, body.agencies, **said))
            except dispositions.UnknownAgency:
                raise Problem(422, "There is no such agency today, or the lead is not among them.") from None
            except dispositions.UnknownFunction:
                raise Problem(422, "The function is not known.") from None
        return await _whole(house, connection, ticket)


@router.post("/complaints/{ticket}/deny", responses=MISSING | CONFLICT)
async def deny(
    ticket: Ticket, body: DenyIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> ComplaintOut:
    """Send a complaint back because the agency is the wrong one; the Kominfo of its region sorts it again."""
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        if await once.seen() is None:
            region = (await complaints.get(connection, ticket)).complaint.region
            sorts = house.directory.agencies.responsible(None, region, house.today(region)).agency.code
            await once.done(await closure.deny(connection, ticket, caller, body.reason, sorts))
        return await _whole(house, connection, ticket)


@router.post("/complaints/{ticket}/notes", responses=MISSING | CONFLICT, status_code=201)
async def note(
    ticket: Ticket, body: NoteIn, request: Request, house: Here, caller: Caller, idempotency_key: Key = None
) -> ComplaintOut:
    """Add a note, for colleagues or, if public, for the citizen."""
    async with _once(house, caller, idempotency_key, request, body) as once:
        connection = once.work.connection
        if await once.seen() is None:
            await once.done(await complaints.note(connection, ticket, caller, body.text, public=body.public))
        return await _whole(house, connection, ticket)


# --- beside ------------------------------------------------------------------------------------------


@router.post("/suggest", tags=["classifier"])
async def suggest(body: SuggestIn, house: Here, _caller: Caller) -> SuggestionOut:
    """What a text is about, and whose it is. An empty list where the classifier does not know."""
    suggestion = house.suggester.suggest(body.text, body.title) if house.suggester else None
    region = body.region or whole.region_in(house, body.text)
    function = suggestion.functions[0][0] if suggestion and suggestion.functions else None
    office = facts.office(house, whole.sure_function(suggestion), region, body.text)

    def guesses(pairs: tuple[tuple[str, float], ...]) -> list[Guess]:
        return [Guess(label=label, confidence=confidence) for label, confidence in pairs]

    return SuggestionOut(
        model=suggestion.model if suggestion else None,
        functions=guesses(suggestion.functions if suggestion else ()),
        topics=guesses(suggestion.topics if suggestion else ()),
        report_class=guesses(suggestion.report_class if suggestion else ()),
        likely=list(suggestion.likely) if suggestion else [],
        band=suggestion.band if suggestion else ASK,
        danger=suggestion.danger if suggestion else None,
        chatter=suggestion.chatter if suggestion else None,
        reasons=_reasons(house, body.text, function),
        personal=_personal(house, body.text),
        agency=AgencyOut.model_validate(office, from_attributes=True),
    )
