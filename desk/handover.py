"""What is to go into other systems, as far as a person must see to it: the queue "belum masuk SP4N", and one report of
it with SP4N-LAPOR!'s form to copy, the number that it was given there, and what to do where a machine could not.

What was entered twice is found here or nowhere: nothing goes back to a machine before a person has looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from desk import keeping, timeline, uploads
from desk.access import HouseRule, Officer, Opened, ReportRule, shell_of
from desk.insisting import Busy, insist
from desk.rendering import language_of, page
from desk.shell import Field, Shell, Work
from desk.uploads import Filled
from store import attention, audit, complaints, dossiers, handovers, media, posts, references, reports, tickets, ways
from store.complaints import NotFound
from store.dossiers import Dossier, File
from store.handovers import GROUPS, Row
from store.references import CONFIRMED, FAILED, UNKNOWN, WAITING, NotNow, Reference, Taken
from store.ways import Connection

router = APIRouter()

HERE = "/desk/sp4n"
A_PAGE = 50
# Rows that are looked through for the next one that nobody else has open.
_NEXT = 5
# What SP4N takes as a file: these, of at most so many bytes.
TAKES, LARGEST = ("application/pdf", "image/jpeg", "image/png"), 2 << 20
ENDINGS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "audio/ogg": ".ogg",
    "video/mp4": ".mp4",
}
# What is chosen or ticked in the form, and so needs no copying.
NOT_COPIED = ("class", "anonymous", "secret")
KEYS = "1234567890"
LONGEST_NUMBER = 100
# States of what follows a report that a person must settle, whoever passes it on.
SETTLED = (posts.UNKNOWN, posts.FAILED)
# What was done, as the page that follows says it.
DONE = ("confirmed", "already", "again", "by_hand", "dropped", "planned", "passed", "not_passed")


class Wrong(Exception):
    """A form cannot be carried out: a text key under `handover.problem`, and what it tells."""

    def __init__(self, key: str, status: int = 422, **told: str) -> None:
        super().__init__(key)
        self.key, self.status, self.told = key, status, told


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried and comes back: the form, the reference that it is about, what was typed, and what is wrong."""

    form: str = ""
    reference: int = 0
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copied:
    """A field of the form as the page shows it: with the key that copies it; none where there is nothing to copy."""

    field: Field
    key: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A reference as the page shows it: its way, what is to be passed on, and what an officer can do with it (forms:
    number, arrived, again, hand, drop). `passed_by_hand`: no machine passes anything on to that system."""

    reference: Reference
    way: Connection | None
    group: str | None
    posts: Sequence[posts.Post]
    passed_by_hand: bool
    forms: tuple[str, ...]

    @property
    def by_hand(self) -> bool:
        """Whether a person works it."""
        return self.way is None or self.way.kind == ways.MANUAL


# --- the queue ------------------------------------------------------------------------------------------------------


@router.get("/sp4n")
async def queue(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("handover.open"))],
    grup: Annotated[str, Query(max_length=20)] = "",
    setelah: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    selesai: Annotated[str, Query(max_length=20)] = "",
    pada: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """A page of a group of what is not in other systems yet: `grup` (the first that has something where it says none),
    beginning after the reference `setelah`; `selesai` and `pada` are what was done just now, and to which report."""
    shell = shell_of(request)
    reach, now, home = officer.reach("report.hand_over"), shell.now(), shell.home_region
    async with shell.engine.connect() as connection:
        counts = await handovers.counts(connection, reach, home)
        group = grup if grup in GROUPS else next((each for each in GROUPS if counts[each]), GROUPS[0])
        found = await handovers.listed(
            connection, group, reach, home, now, officer.staff_id, after=setelah, most=A_PAGE + 1
        )
    rows, more = found[:A_PAGE], len(found) > A_PAGE
    return page(
        request,
        "handover.html",
        rows=rows,
        counts=counts,
        groups=[(each, _address(each)) for each in GROUPS],
        group=group,
        first=_address(group) if setelah else None,
        following=_address(group, setelah=str(rows[-1].id)) if more else None,
        system=_system_names(request),
        state=lambda name: timeline.status(language_of(request), name),
        done=_done(selesai, pada),
    )


def _address(group: str, **more: str) -> str:
    return f"{HERE}?{urlencode({'grup': group, **more})}"


def _done(selesai: str, pada: str) -> tuple[str, str] | None:
    ticket = tickets.read(pada)
    return (selesai, ticket) if selesai in DONE and ticket else None


def _system_names(request: Request) -> Callable[[str, str | None], str]:
    """How a system is called: SP4N by its name, any other as its connection is."""
    return lambda system, named: "SP4N-LAPOR!" if system == ways.SP4N else named or system


# --- one report -----------------------------------------------------------------------------------------------------


@router.get("/sp4n/{ticket}")
async def one(
    request: Request,
    opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))],
    selesai: Annotated[str, Query(max_length=20)] = "",
    pada: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The report with what is to be done for other systems. `selesai` and `pada` are what was done just now, and to
    which report."""
    kept = await keeping.taken(request, opened.officer)
    return await _show(request, opened, _kept(kept), kept=kept, done=_done(selesai, pada))


def _kept(kept: Mapping[str, str] | None) -> Attempt | None:
    if kept is None:
        return None
    number = kept.get("reference", "")
    form = kept.get(keeping.SENT_TO, "").rpartition("/")[2]
    return Attempt(form, int(number) if number.isascii() and number.isdecimal() else 0, kept)


@router.get("/sp4n/{ticket}/berkas/{file_id}")
async def file(
    request: Request, file_id: int, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]
) -> Response:
    """A file of the report to be saved, of a picture its clean copy, under a name that ends as SP4N's form wants it."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.file(connection, opened.complaint_id, file_id) if 0 < file_id < 2**63 else None
    if found is None:
        raise NotFound(opened.ticket)
    try:
        content, content_type = await asyncio.to_thread(media.handed_out, shell.shelf, found)
    except FileNotFoundError:
        raise NotFound(opened.ticket) from None
    name = f"{opened.ticket}-{file_id}{ENDINGS.get(content_type or '', '')}"
    return shell.served(content, content_type, name=name, asked=request.headers.get("range"))


@router.get("/sp4n/{ticket}/lampiran.pdf")
async def attachment(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """The whole report as PDF, to be attached where SP4N's field is too short for it."""
    shell = shell_of(request)
    content = await shell.rest_pdf(opened.ticket)
    return shell.served(content, "application/pdf", name=f"{opened.ticket}-isi.pdf", asked=request.headers.get("range"))


async def _show(
    request: Request,
    opened: Opened,
    attempt: Attempt | None = None,
    status: int = 200,
    *,
    kept: Mapping[str, str] | None = None,
    done: tuple[str, str] | None = None,
) -> Response:
    shell, language = shell_of(request), language_of(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
        standings = await _standings(connection, opened.complaint_id)
    national = next((each for each in standings if each.reference.system == ways.SP4N), None)
    entered = national is not None and national.reference.state != CONFIRMED
    return page(
        request,
        "handover_report.html",
        status,
        report=found,
        state=timeline.status(language, found.status),
        standings=standings,
        national=national,
        copied=_copied(await shell.form_of(opened.ticket)) if entered else [],
        files=_files(found),
        takes=lambda file: file.content_type in TAKES and (file.size or 0) <= LARGEST,
        due=next((each for each in found.clocks if each.kind == "verify"), None),
        reasons=handovers.REASONS,
        attempt=attempt or Attempt(),
        kept=kept,
        done=done,
        system=_system_names(request),
        here=HERE,
    )


async def _standings(connection: Any, complaint_id: int) -> list[Standing]:
    """What is known of the complaint in other systems, SP4N first."""
    all_ = await ways.listed(connection)
    known = {each.id: each for each in all_}
    held = await references.of_complaint(connection, complaint_id)
    still = await posts.open_of(connection, [each.id for each in held])
    found = []
    for each in sorted(held, key=lambda each: each.system != ways.SP4N):
        way = known.get(each.connection_id or 0)
        manual = await handovers.manual(connection, each.system)
        found.append(
            Standing(
                each,
                way,
                handovers.group_of(each.system, each.state, way.kind if way else None),
                [post for post in still if post.reference_id == each.id],
                not any(one.system == each.system and one.kind in ways.MACHINES and not one.disabled for one in all_),
                _forms(each, way, manual is not None),
            )
        )
    return found


def _forms(reference: Reference, way: Connection | None, can_be_entered: bool) -> tuple[str, ...]:
    """What an officer can do with a reference. A number is given where no machine may be sending it just now."""
    kind, state = way.kind if way else None, reference.state
    machine = kind in ways.MACHINES
    looked = state in (UNKNOWN, FAILED)
    wanted = {
        "number": kind != ways.EMAIL and (looked or (state == WAITING and not machine)),
        "arrived": kind == ways.EMAIL and state == UNKNOWN,
        "again": way is not None and not way.disabled and (looked if machine else state == FAILED),
        "hand": looked and (machine or way is None or way.disabled) and can_be_entered,
        "drop": (state == FAILED and reference.problem not in handovers.IDLE) or (state == WAITING and not machine),
    }
    return tuple(form for form, fits in wanted.items() if fits)


def _copied(form: Sequence[Field]) -> list[Copied]:
    keys = iter(KEYS)
    return [Copied(each, next(keys, "") if each.value and each.key not in NOT_COPIED else "") for each in form]


# --- what is done ---------------------------------------------------------------------------------------------------

Do = Callable[[Work, Standing], Awaitable[str]]


async def _carry(request: Request, opened: Opened, form: str, read: Callable[[Filled], Do]) -> Response:
    """Do what a form says to a reference of the report, in one transaction with its row of the audit, and lead the
    officer to the next of the queue; or show the page again with all that was typed. `Do` says what was done."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    asked = (*filled.numbers("reference"), 0)[0]
    try:
        wanted = read(filled)

        async def do(work: Work) -> tuple[str, Standing]:
            found = await _standings(work.connection, opened.complaint_id)
            standing = next((each for each in found if each.reference.id == asked), None)
            if standing is None:
                raise Wrong("gone", 409)
            if form not in standing.forms:
                raise _late(standing.reference)
            done = await wanted(work, standing)
            await _quiet(work, opened, found, standing)
            detail = {"system": standing.reference.system, "was": standing.reference.state}
            if reason := filled.get("reason"):
                detail["reason"] = reason
            of = ("report", opened.ticket)
            await audit.write(work.connection, opened.actor, f"handover.{form}", of=of, detail=detail)
            return done, standing

        done, standing = await insist(shell, opened, do)
    except (Wrong, Taken, NotNow, Busy) as problem:
        wrong = await _said(request, opened, problem, asked)
        attempt = Attempt(form, asked, filled.words, wrong.key, wrong.told)
        return await _show(request, opened, attempt, wrong.status)
    return await _onwards(request, opened, standing.group, asked, done)


async def _quiet(work: Work, opened: Opened, found: Sequence[Standing], seen_to: Standing) -> None:
    """Nobody need look at it any more, unless another system's is unknown or failed as well."""
    left = [each for each in found if each is not seen_to and each.reference.problem not in handovers.IDLE]
    if not any(each.reference.state in (UNKNOWN, FAILED) for each in left):
        await attention.settle(work.connection, handovers.MATTER, opened.complaint_id)


def _late(reference: Reference) -> Wrong:
    """Somebody was quicker: with which number, if there is one now."""
    if reference.state == CONFIRMED and reference.external_id:
        return Wrong("quicker_number", 409, number=reference.external_id)
    return Wrong("quicker", 409)


async def _said(request: Request, opened: Opened, problem: Exception, asked: int) -> Wrong:
    shell = shell_of(request)
    match problem:
        case Wrong():
            return problem
        case Taken():
            return await _whose(shell, opened, str(problem), asked)
        case Busy():
            return Wrong("busy", 503)
    async with shell.engine.connect() as connection:
        try:
            return _late(await references.get(connection, asked))
        except NotFound:
            return Wrong("gone", 409)


async def _whose(shell: Shell, opened: Opened, number: str, asked: int) -> Wrong:
    """The number is another report's: which one, if the officer may read it."""
    async with shell.engine.connect() as connection:
        mine = await references.get(connection, asked)
        other = await references.by_external(connection, mine.system, number)
        if other is not None:
            subject = (await reports.subject(connection, other.ticket, shell.home_region)).subject
            if opened.officer.may("report.read", subject):
                return Wrong("number_taken_by", 409, number=number, ticket=other.ticket)
    return Wrong("number_taken", 409, number=number)


async def _onwards(request: Request, opened: Opened, group: str | None, after: int, done: str) -> Response:
    """The next report of the same group, one that nobody else has open if there is one; else the queue."""
    shell, officer = shell_of(request), opened.officer
    said = {"selesai": done, "pada": opened.ticket}
    async with shell.engine.connect() as connection:

        async def rows(beginning: int) -> list[Row]:
            reach = officer.reach("report.hand_over")
            found = await handovers.listed(
                connection,
                group or "",
                reach,
                shell.home_region,
                shell.now(),
                officer.staff_id,
                after=beginning,
                most=_NEXT,
            )
            return [each for each in found if each.ticket != opened.ticket]

        found = await rows(after) or await rows(0)
    following = next((each for each in found if not each.others), found[0] if found else None)
    if following is None:
        return RedirectResponse(f"{HERE}?{urlencode(said)}", 303)
    return RedirectResponse(f"{HERE}/{following.ticket}?{urlencode(said)}", 303)


@router.post("/sp4n/{ticket}/number")
async def number(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """It is there, under a number that was typed twice; its pelapor is told."""
    shell = shell_of(request)

    def read(filled: Filled) -> Do:
        async def do(work: Work, standing: Standing) -> str:
            given = _number(shell, filled, standing.reference.system)
            event = await references.confirm(work.connection, standing.reference.id, given, opened.actor)
            if event is None:
                return "already"
            work.record(event)
            if standing.by_hand:
                await _follow_files(work, opened, standing.reference.id, filled.numbers("file"))
            return "confirmed"

        return do

    return await _carry(request, opened, "number", read)


async def _follow_files(work: Work, opened: Opened, reference_id: int, shown: Sequence[int]) -> None:
    """Files of the pelapor that came while it was entered are still to be passed on."""
    found = await dossiers.get(work.connection, opened.ticket, named=False)
    late = [each.id for each in _files(found) if each.id not in shown]
    await posts.attach(work.connection, reference_id, late)


def _files(found: Dossier) -> list[File]:
    """The pelapor's files."""
    return [each for each in found.files if each.state == "stored" and not each.office]


def _number(shell: Shell, filled: Filled, system: str) -> str:
    """The number as it was typed twice. Raises `Wrong`."""
    typed = [filled.get("number"), filled.get("repeated")]
    if not all(typed):
        raise Wrong("number_missing")
    if system != ways.SP4N:
        if typed[0] != typed[1]:
            raise Wrong("number_differs")
        if len(typed[0]) > LONGEST_NUMBER or not typed[0].isprintable():
            raise Wrong("number_other")
        return typed[0]
    try:
        (given, unusual), (again, _) = (shell.read_tracking_id(each) for each in typed)
    except ValueError:
        raise Wrong("number_wrong") from None
    if given != again:
        raise Wrong("number_differs")
    if unusual and filled.get("sure") != "yes":
        raise Wrong("number_long", digits=str(len(given)))
    return given


@router.post("/sp4n/{ticket}/arrived")
async def arrived(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """A letter of which nobody knew has arrived: the office says so. It has no number there but ours."""

    def read(_: Filled) -> Do:
        async def do(work: Work, standing: Standing) -> str:
            its = standing.reference
            given = its.token or ":".join(each for each in (its.ticket, its.agency) if each)
            event = await references.confirm(work.connection, its.id, given, opened.actor)
            if event is not None:
                work.record(event)
            return "confirmed"

        return do

    return await _carry(request, opened, "arrived", read)


@router.post("/sp4n/{ticket}/again")
async def again(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """It is not there, or what it failed for is mended: it is sent again, by its machine or by a person."""
    shell = shell_of(request)

    def read(filled: Filled) -> Do:
        async def do(work: Work, standing: Standing) -> str:
            if standing.reference.state == UNKNOWN and filled.get("looked") != "yes":
                raise Wrong("not_looked")
            await references.not_there(work.connection, standing.reference.id, shell.now())
            await posts.anew(work.connection, [standing.reference.id])
            if standing.by_hand:
                return "by_hand"
            await work.later("hand_over", reference_id=standing.reference.id)
            return "again"

        return do

    return await _carry(request, opened, "again", read)


@router.post("/sp4n/{ticket}/hand")
async def by_hand(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """What a machine could not do goes into the queue of those that are entered by hand."""

    def read(filled: Filled) -> Do:
        async def do(work: Work, standing: Standing) -> str:
            if standing.reference.state == UNKNOWN and filled.get("looked") != "yes":
                raise Wrong("not_looked")
            connection_id = await handovers.manual(work.connection, standing.reference.system)
            if connection_id is None:
                raise Wrong("no_manual", 409)
            await handovers.by_hand(work.connection, standing.reference.id, connection_id)
            await posts.anew(work.connection, [standing.reference.id])
            return "by_hand"

        return do

    return await _carry(request, opened, "hand", read)


@router.post("/sp4n/{ticket}/drop")
async def drop(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """It need not go there, for one of the known reasons, which the audit keeps; it can be put back."""

    def read(filled: Filled) -> Do:
        if filled.get("reason") not in handovers.REASONS:
            raise Wrong("reason")

        async def do(work: Work, standing: Standing) -> str:
            await handovers.drop(work.connection, standing.reference.id)
            return "dropped"

        return do

    return await _carry(request, opened, "drop", read)


@router.post("/sp4n/{ticket}/plan")
async def plan(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """A report that was not to go into SP4N shall do so, by hand."""
    shell = shell_of(request)
    filled = await uploads.form(request)

    async def do(work: Work) -> None:
        connection_id = await handovers.manual(work.connection, ways.SP4N)
        if connection_id is None:
            raise Wrong("no_manual", 409)
        row = await complaints.lock(work.connection, opened.ticket)
        planned = await references.plan(work.connection, row.id, ways.SP4N, connection_id=connection_id)
        if planned is None:
            raise Wrong("quicker", 409)
        await posts.anew(work.connection, [planned])
        of = ("report", opened.ticket)
        await audit.write(work.connection, opened.actor, "handover.plan", of=of, detail={"system": ways.SP4N})

    try:
        if filled.get("sure") != "yes":
            raise Wrong("plan_unsure")
        await insist(shell, opened, do)
    except Wrong as wrong:
        return await _show(request, opened, Attempt("plan", 0, filled.words, wrong.key, wrong.told), wrong.status)
    except Busy:
        return await _show(request, opened, Attempt("plan", 0, filled.words, "busy"), 503)
    said = {"selesai": "planned", "pada": opened.ticket}
    return RedirectResponse(f"{HERE}/{opened.ticket}?{urlencode(said)}", 303)


@router.post("/sp4n/{ticket}/post")
async def post(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_over"))]) -> Response:
    """What the pelapor has said since is there now (`done=yes`), or is not and goes again."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    asked = (*filled.numbers("post"), 0)[0]
    passed = filled.get("done") == "yes"

    async def do(work: Work) -> tuple[str | None, int, bool]:
        standings = await _standings(work.connection, opened.complaint_id)
        standing = next((each for each in standings if any(asked == one.id for one in each.posts)), None)
        if standing is None:
            raise Wrong("post_gone", 409)
        [its] = [each for each in standing.posts if each.id == asked]
        if standing.reference.state != CONFIRMED or not (standing.passed_by_hand or its.state in SETTLED):
            raise Wrong("quicker", 409)
        await posts.settle(work.connection, asked, passed)
        if not passed and not standing.passed_by_hand:
            await work.later("pass_post", post_id=asked)
        of = ("report", opened.ticket)
        detail = {"system": standing.reference.system, "kind": its.kind, "was": its.state}
        verb = "handover.post" if passed else "handover.post_again"
        await audit.write(work.connection, opened.actor, verb, of=of, detail=detail)
        return standing.group, standing.reference.id, len(standing.posts) > 1 or not passed

    try:
        group, reference_id, more = await insist(shell, opened, do)
    except (Wrong, NotNow, NotFound) as problem:
        wrong = problem if isinstance(problem, Wrong) else Wrong("post_gone", 409)
        return await _show(request, opened, Attempt("post", 0, filled.words, wrong.key, wrong.told), wrong.status)
    except Busy:
        return await _show(request, opened, Attempt("post", 0, filled.words, "busy"), 503)
    done = "passed" if passed else "not_passed"
    if more:
        said = {"selesai": done, "pada": opened.ticket}
        return RedirectResponse(f"{HERE}/{opened.ticket}?{urlencode(said)}", 303)
    return await _onwards(request, opened, group, reference_id, done)
