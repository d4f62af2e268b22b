"""What an agency does: what waits for it by deadline, its first word, its answer with evidence, handing back.

Nothing that was typed or sent is lost where an action is not carried out: the words come back in their form, and files
that could be read are attached already, though no answer speaks of them yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from desk import keeping, timeline, uploads, words
from desk.access import HouseRule, Officer, Opened, ReportRule, shell_of
from desk.insisting import Busy, insist
from desk.rendering import language_of, page
from desk.shell import Shell, Work
from desk.uploads import Filled, Ready, Refused
from store import audit, complaints, dispositions, dossiers, evidence, media, moves, oversight, reports, templates
from store.calendar import CalendarUnknown
from store.complaints import Changed, NotAllowed, NotFound
from store.dispositions import Disposition
from store.dossiers import Dossier, File

router = APIRouter()

# The longest answer: what SP4N keeps of a text, and one message in any chat.
LONGEST = 3000
# The forms of the panel, and what their templates are for.
PURPOSES = {"tanggapan": "first_response", "jawaban": "answer", "serahkan": "hand_back"}
_EMPTY = Path(__file__).parent / "empty_answers.toml"


# --- what waits ------------------------------------------------------------------------------------------


@router.get("/instansi")
async def waiting(request: Request, officer: Annotated[Officer, Depends(HouseRule("agency.open"))]) -> Response:
    """What the officer's agencies have: what waits for them by deadline, then what they have answered."""
    shell = shell_of(request)
    now = shell.now()
    async with shell.engine.connect() as connection:
        found = await oversight.tasks(connection, officer.agencies, now)
    soon = _soon(shell, now)
    waits = [each for each in found.rows if each.waits]
    return page(
        request,
        "agency.html",
        found=found,
        agencies=officer.agencies,
        late=[each for each in waits if each.due_at and each.due_at <= now],
        soon=[each for each in waits if each.due_at and each.due_at > now and each.due_on and each.due_on <= soon],
        later=[each for each in waits if not each.due_at or (each.due_at > now and each.due_on and each.due_on > soon)],
        answered=[each for each in found.rows if not each.waits],
        state=lambda name: timeline.status(language_of(request), name),
        handed_back=request.query_params.get("selesai") == "handed_back",
    )


def _soon(shell: Shell, now: datetime) -> date:
    """The next working day: what ends by then is soon. Tomorrow where the calendar does not tell."""
    today = now.astimezone(shell.zone(None)).date()
    try:
        return shell.directory.calendar.add(today, 1)
    except CalendarUnknown:
        return today + timedelta(days=1)


# --- the panel of one report -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that was used before: our file, and the other one. `ticket` is None where this officer may not know
    whose it is."""

    media_id: int
    name: str
    other_id: int
    ticket: str | None
    at: datetime
    same_bytes: bool
    by_citizen: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried and came back: the form, its words, what is wrong (the last part of a text key, with what it
    tells), and what must be confirmed first."""

    form: str = ""
    words: str = ""
    finished: bool = False
    chosen: tuple[int, ...] = ()
    problem: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    seen: tuple[Seen, ...] = ()
    empty: bool = False
    preview: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """All that the panel shows. `own` is the officer's agency's disposition, `unsent` its files that no answer has
    spoken of, `templates` by form (id, name, filled in), `meanwhile` what happened since the officer read."""

    ticket: str
    version: int
    agency: str | None
    own: Disposition | None
    lead: str | None
    others: tuple[str, ...]
    may_answer: bool
    may_respond: bool
    may_finish: bool
    may_hand_back: bool
    due_on: date | None
    late: bool
    closes_on: date | None
    unsent: tuple[File, ...]
    templates: Mapping[str, Sequence[tuple[int, str, str]]]
    attempt: Attempt
    meanwhile: Sequence[timeline.Entry]
    longest: int = LONGEST


async def panel(
    request: Request,
    opened: Opened,
    found: Dossier,
    attempt: Attempt | None = None,
    kept: Mapping[str, str] | None = None,
) -> Panel:
    """The panel for the template agency_panel.html, which wants it as `panel`. A page that includes it asks
    `speaks_for` first; `kept` is what `keeping.taken` has given back."""
    agency = speaks_for(opened)
    shell = shell_of(request)
    now = shell.now()
    async with shell.engine.connect() as connection:
        held = [each for each in await dispositions.of(connection, found.id) if each.ended_at is None]
        offered = {
            form: await _templates(connection, shell, found, agency, purpose) for form, purpose in PURPOSES.items()
        }
    attempt = attempt or _kept(kept) or _picked(request, offered)
    own = next((each for each in held if each.agency == agency), None)
    due = min((each for each in found.clocks if each.kind in _DEADLINES), key=lambda each: each.due_at, default=None)
    silent = next((each for each in found.clocks if each.kind not in _DEADLINES), None)
    ended, answered = found.ended, "Ditindaklanjuti oleh Instansi"
    return Panel(
        ticket=found.ticket,
        version=found.version,
        agency=agency,
        own=own,
        lead=held[0].agency if held else None,
        others=tuple(each.agency for each in held if not each.leads),
        may_answer=not ended and (answered in moves.allowed(found.status) or found.status == answered),
        may_respond=not ended,
        may_finish=own is None or own.leads or len(held) == 1,
        may_hand_back=not ended and own is not None and opened.may("report.hand_back"),
        due_on=due.due_on if due else None,
        late=due is not None and due.due_at <= now,
        closes_on=silent.due_on if silent else None,
        unsent=_unsent(found, agency),
        templates=offered,
        attempt=attempt,
        meanwhile=_meanwhile(request, opened, found, attempt),
    )


_DEADLINES = (oversight.VERIFY, oversight.FOLLOW_UP, oversight.HANDLE)


def speaks_for(opened: Opened, asked: str = "") -> str | None:
    """The agency that the officer speaks for: the one that is asked for if they may, else the first that has the
    report; None for Kominfo."""
    own = [each for each in opened.subject.agencies if each in opened.officer.agencies]
    return asked if asked in own else own[0] if own else None


def _unsent(found: Dossier, agency: str | None) -> tuple[File, ...]:
    sent = {media_id for each in found.history for media_id in each.became.get("evidence") or ()}
    return tuple(
        each
        for each in found.files
        if each.office and each.agency == agency and each.state == "stored" and each.id not in sent
    )


async def _templates(
    connection: Any, shell: Shell, found: Dossier, agency: str | None, purpose: str
) -> list[tuple[int, str, str]]:
    today = shell.today(found.region)
    # What citizens read is filled in as they read it: in Indonesian.
    known = {
        "tiket": found.ticket,
        "instansi": shell.directory.names.get(agency or "", "Kominfo"),
        "tanggal": words.day("id", today),
    }
    suitable = await templates.of(connection, purpose, region=found.region, agency=agency, on=today)
    return [(each.id, each.name, templates.fill(each.body, known)) for each in suitable]


def _kept(kept: Mapping[str, str] | None) -> Attempt | None:
    form = (kept or {}).get(keeping.SENT_TO, "").rpartition("/")[2]
    if not kept or form not in PURPOSES:
        return None
    return Attempt(form, kept.get("words", ""), kept.get("finished") == "yes")


def _picked(request: Request, offered: Mapping[str, Sequence[tuple[int, str, str]]]) -> Attempt:
    """A template that was picked by its link, where there is no JavaScript."""
    picked = request.query_params.get("templat", "")
    for form, suitable in offered.items():
        for template_id, _, body in suitable:
            if picked == str(template_id):
                return Attempt(form, body)
    return Attempt()


def _meanwhile(request: Request, opened: Opened, found: Dossier, attempt: Attempt) -> list[timeline.Entry]:
    missed = 0 if attempt.since is None else found.version - attempt.since
    return timeline.entries(found.history[-missed:], _reading(request, opened)) if missed > 0 else []


def _reading(request: Request, opened: Opened) -> timeline.Reading:
    names = shell_of(request).directory.names
    return timeline.Reading(
        language_of(request),
        lambda code: names.get(code or "", code or "") or "Kominfo",
        kominfo=opened.may("report.read_covered"),
        colleague=opened.may("report.note"),
    )


@router.get("/laporan/{ticket}/instansi")
async def work(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """The panel as a page of its own."""
    return await _show(request, opened, kept=await keeping.taken(request, opened.officer))


async def _show(
    request: Request,
    opened: Opened,
    attempt: Attempt | None = None,
    status: int = 200,
    *,
    kept: Mapping[str, str] | None = None,
) -> Response:
    async with shell_of(request).engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
    shown = await panel(request, opened, found, attempt, kept)
    language = language_of(request)
    return page(
        request,
        "agency_work.html",
        status,
        report=found,
        text=found.text if opened.may("report.read_covered") or found.masked_text is None else found.masked_text,
        state=timeline.status(language, found.status),
        sent=[each for each in found.files if not each.office and each.state == "stored"],
        history=timeline.entries(found.history, _reading(request, opened)),
        panel=shown,
        kept=kept,
        attached=request.query_params.get("selesai") == "attached",
    )


# --- what is said ------------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/instansi/tanggapan")
async def respond(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """A first word: the citizen hears that somebody looks into it. The status stays."""
    filled = await uploads.form(request)
    attempt, agency = Attempt("tanggapan", filled.get("words")), speaks_for(opened, filled.get("agency"))
    if problem := _wrong(attempt.words):
        return await _show(request, opened, replace(attempt, problem=problem), 422)
    if filled.get("step") == "preview":
        return await _show(request, opened, replace(attempt, preview=await _preview(request, opened, agency, attempt)))
    expected = _version(filled)

    async def do(work: Work) -> None:
        work.record(
            await dispositions.respond(
                work.connection, opened.ticket, opened.actor, agency, attempt.words, expected=expected
            )
        )
        await _write(work.connection, opened, "report.respond", agency)

    try:
        await insist(shell_of(request), opened, do)
    except _REFUSALS as error:
        return await _refused(request, opened, attempt, error, expected)
    return _onwards(opened, "responded")


@router.post("/laporan/{ticket}/instansi/jawaban")
async def answer(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """An answer in substance with its evidence; finished: it proposes to close. What should be looked at twice comes
    back first: a picture that was used before, an answer that says nothing."""
    filled = await uploads.form(request)
    agency, expected = speaks_for(opened, filled.get("agency")), _version(filled)
    files = await _Files.of(request, opened, filled)
    attempt = Attempt(
        "jawaban",
        filled.get("words"),
        filled.get("finished") == "yes",
        refused=filled.refused,
        seen=files.seen,
    )
    problem = _wrong(attempt.words) or ("files" if filled.refused else "")
    if not problem and attempt.finished and not (files.fresh or files.chosen):
        problem = "evidence_needed"
    if problem:
        return await files.come_back(replace(attempt, problem=problem, seen=()), 422)
    if filled.get("step") == "preview":
        return await files.come_back(
            replace(attempt, seen=(), preview=await _preview(request, opened, agency, attempt)), 200
        )
    sure = filled.get("sure") == "yes"
    unsure = [each for each in files.seen if not sure or each.media_id not in filled.numbers("confirmed")]
    if unsure or (not sure and says_nothing(attempt.words)):
        return await files.come_back(replace(attempt, problem="look_again", empty=says_nothing(attempt.words)), 409)

    async def do(work: Work) -> None:
        proof = [*files.chosen, *await files.attach(work.connection)]
        event = await dispositions.answer(
            work.connection,
            opened.ticket,
            opened.actor,
            agency,
            attempt.words,
            finished=attempt.finished,
            evidence=proof,
            expected=expected,
        )
        work.record(event)
        await _note_reuse(work, opened, files.seen)
        await _write(work.connection, opened, "report.answer", agency, finished=attempt.finished, evidence=proof)

    try:
        await insist(shell_of(request), opened, do)
    except _REFUSALS as error:
        return await files.come_back(_said(replace(attempt, seen=()), error, expected), _status(error))
    return _onwards(opened, "finished" if attempt.finished else "answered")


@router.post("/laporan/{ticket}/instansi/lampiran")
async def attach(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.attach"))]) -> Response:
    """Files alone, for an answer that is still to come."""
    filled = await uploads.form(request)
    files = await _Files.of(request, opened, filled)
    if filled.refused or not filled.ready:
        problem = "files" if filled.refused else "no_files"
        return await files.come_back(Attempt("lampiran", problem=problem, refused=filled.refused), 422)
    await insist(shell_of(request), opened, files.keep)
    return RedirectResponse(f"/desk/laporan/{opened.ticket}/instansi?selesai=attached", 303)


@router.post("/laporan/{ticket}/instansi/serahkan")
async def hand_back(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.hand_back"))]) -> Response:
    """The report is not this agency's; the reason is told. Afterwards the agency does not have it any more."""
    filled = await uploads.form(request)
    attempt, agency = Attempt("serahkan", filled.get("words")), speaks_for(opened, filled.get("agency"))
    if agency is None:
        raise NotFound(opened.ticket)
    if problem := _wrong(attempt.words):
        return await _show(request, opened, replace(attempt, problem=problem), 422)
    shell, expected = shell_of(request), _version(filled)
    region = opened.subject.region
    sorts = shell.directory.agencies.responsible(None, region, shell.today(region)).agency.code

    async def do(work: Work) -> None:
        work.record(
            await dispositions.hand_back(
                work.connection, opened.ticket, opened.actor, agency, attempt.words, kominfo=sorts, expected=expected
            )
        )
        await _write(work.connection, opened, "report.hand_back", agency)

    try:
        await insist(shell, opened, do)
    except _REFUSALS as error:
        return await _refused(request, opened, attempt, error, expected)
    return RedirectResponse("/desk/instansi?selesai=handed_back", 303)


@router.post("/laporan/{ticket}/instansi/pratinjau")
async def preview(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """What the citizen would read, as JSON for the page: {"lines": […]}."""
    filled = await uploads.form(request)
    attempt = Attempt(filled.get("form"), filled.get("words"), filled.get("finished") == "yes")
    if attempt.form not in PURPOSES or _wrong(attempt.words):
        raise HTTPException(422)
    lines = await _preview(request, opened, speaks_for(opened, filled.get("agency")), attempt)
    return JSONResponse({"lines": list(lines), "empty": attempt.form == "jawaban" and says_nothing(attempt.words)})


# --- files with an answer -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fresh:
    file: Ready
    sha256: str
    looks: int | None


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of an answer: those that were sent with it, those that were attached before, and those among them that
    were used before. Fresh ones have no id yet: in `seen` they count from -1 down."""

    request: Request
    opened: Opened
    agency: str | None
    filled: Filled
    fresh: tuple[_Fresh, ...]
    chosen: tuple[int, ...]
    seen: tuple[Seen, ...]

    @classmethod
    async def of(cls, request: Request, opened: Opened, filled: Filled) -> _Files:
        """The files of a form. What was sent twice, or is attached already, is taken once."""
        agency = speaks_for(opened, filled.get("agency"))
        fresh = await asyncio.to_thread(_looked_at, filled.ready)
        async with shell_of(request).engine.connect() as connection:
            found = await dossiers.get(connection, opened.ticket, named=False)
            rows = [await media.get(connection, each.id) for each in _unsent(found, agency)]
            there = {row.sha256: row for row in rows}
            wanted = set(filled.numbers("evidence")) | {there[each.sha256].id for each in fresh if each.sha256 in there}
            chosen = [row for row in rows if row.id in wanted]
            fresh = [each for each in fresh if each.sha256 not in there]
            pictures = [(row.id, row.name or "", row.sha256, row.looks) for row in chosen]
            pictures += [(-place, each.file.name, each.sha256, each.looks) for place, each in enumerate(fresh, 1)]
            seen = [one for each in pictures if (one := await _seen(connection, request, opened, *each))]
        return cls(request, opened, agency, filled, tuple(fresh), tuple(row.id for row in chosen), tuple(seen))

    async def attach(self, connection: Any) -> list[int]:
        """Attach the fresh ones in this transaction; their ids."""
        shelf = shell_of(self.request).shelf
        added = []
        for each in self.fresh:
            await asyncio.to_thread(shelf.put, each.file.content)
            added.append(
                await evidence.add(
                    connection,
                    complaint_id=self.opened.complaint_id,
                    staff_id=self.opened.officer.staff_id,
                    agency=self.agency,
                    sha256=each.sha256,
                    content_type=each.file.content_type,
                    size=len(each.file.content),
                    name=each.file.name,
                    looks=each.looks,
                )
            )
        return added

    async def keep(self, work: Work) -> list[int]:
        """Attach the fresh files, and write it down; returns their ids."""
        added = await self.attach(work.connection)
        await _write(work.connection, self.opened, "report.attach", self.agency, evidence=added)
        return added

    async def come_back(self, attempt: Attempt, status: int) -> Response:
        """Show the page again, with what was typed; the fresh files are attached meanwhile, and no answer speaks of
        them yet."""
        added: list[int] = []
        if self.fresh:
            added = await insist(shell_of(self.request), self.opened, self.keep)
        seen = tuple(
            replace(each, media_id=added[-each.media_id - 1]) if each.media_id < 0 else each for each in attempt.seen
        )
        return await _show(
            self.request, self.opened, replace(attempt, chosen=(*self.chosen, *added), seen=seen), status
        )


def _looked_at(ready: Sequence[Ready]) -> list[_Fresh]:
    found: dict[str, _Fresh] = {}
    for each in ready:
        sha256 = hashlib.sha256(each.content).hexdigest()
        looks = evidence.looks(each.content) if each.content_type.startswith("image/") else None
        found.setdefault(sha256, _Fresh(each, sha256, looks))
    return list(found.values())


async def _seen(
    connection: Any, request: Request, opened: Opened, media_id: int, name: str, sha256: str, looks: int | None
) -> Seen | None:
    """Where a file was used before; None if nowhere. Whose it was is said only to those who may read that report."""
    found = await evidence.similar(connection, complaint_id=opened.complaint_id, sha256=sha256, looks=looks)
    if not found:
        return None
    other = found[0]
    ticket = other.ticket
    if ticket is not None and ticket != opened.ticket:
        theirs = await reports.subject(connection, ticket, shell_of(request).home_region)
        ticket = ticket if opened.officer.may("report.read", theirs.subject) else None
    return Seen(media_id, name, other.media_id, ticket, other.at, other.same_bytes, other.by_citizen)


async def _note_reuse(unit: Work, opened: Opened, seen: Sequence[Seen]) -> None:
    """That pictures were used before and sent all the same stands in the history, for officers."""
    if not seen:
        return
    where = [each.ticket or words.day("id", each.at.date()) for each in seen]
    said = words.say("id", "agency.reused.note", where=", ".join(dict.fromkeys(where)))
    unit.record(await complaints.note(unit.connection, opened.ticket, opened.actor, said, public=False))
    detail = {"media": [each.other_id for each in seen]}
    await audit.write(
        unit.connection, opened.actor, "report.reuse_picture", of=("report", opened.ticket), detail=detail
    )


# --- pieces ----------------------------------------------------------------------------------------------------


# What the verbs of the store say when they do not do it; each is said to the officer, with the words kept.
_REFUSALS = (
    Busy,
    Changed,
    NotAllowed,
    dispositions.NotLead,
    dispositions.EvidenceNeeded,
    dispositions.UnknownEvidence,
    dispositions.WordsRefused,
)


def _said(attempt: Attempt, error: Exception, expected: int) -> Attempt:
    match error:
        case Busy():
            return replace(attempt, problem="busy")
        case Changed():
            return replace(attempt, problem="changed", since=expected)
        case dispositions.NotDisposed():
            return replace(attempt, problem="not_yours")
        case NotAllowed():
            return replace(attempt, problem="not_allowed")
        case dispositions.NotLead():
            return replace(attempt, problem="not_lead")
        case dispositions.EvidenceNeeded():
            return replace(attempt, problem="evidence_needed")
        case dispositions.UnknownEvidence():
            return replace(attempt, problem="evidence_gone")
    return replace(attempt, problem="no_words")


def _status(error: Exception) -> int:
    if isinstance(error, Busy):
        return 503
    return 409 if isinstance(error, Changed | NotAllowed) else 422


async def _refused(request: Request, opened: Opened, attempt: Attempt, error: Exception, expected: int) -> Response:
    return await _show(request, opened, _said(attempt, error, expected), _status(error))


def _wrong(written: str) -> str:
    if not written:
        return "no_words"
    return "too_long" if len(written) > LONGEST else ""


def _version(filled: Filled) -> int:
    """The version that the officer has read. Raises HTTPException 422 where the form does not say."""
    numbers = filled.numbers("version")
    if len(numbers) != 1:
        raise HTTPException(422)
    return numbers[0]


def _onwards(opened: Opened, done: str) -> Response:
    return RedirectResponse(f"/desk/laporan/{opened.ticket}?selesai={done}&pada={opened.ticket}", 303)


async def _write(connection: Any, opened: Opened, verb: str, agency: str | None, **detail: Any) -> None:
    await audit.write(connection, opened.actor, verb, of=("report", opened.ticket), detail={"agency": agency, **detail})


async def _preview(request: Request, opened: Opened, agency: str | None, attempt: Attempt) -> tuple[str, ...]:
    """What the citizen would read, as api/telling.py says it."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
    name = shell.directory.names.get(agency or "") or {"key": "office.kominfo"}
    about = {"ticket": opened.ticket, "agency": name}
    says: list[tuple[str, Mapping[str, Any]]]
    if attempt.form == "tanggapan":
        says = [("push.responded", {**about, "note": attempt.words})]
    elif attempt.form == "serahkan":
        says = [("push.denied", about), ("push.reason", {"reason": attempt.words})]
    else:
        state = {"key": f"state.{moves.key(moves.ANSWERS[0])}", "params": {"agency": name}}
        news = (
            ("push.finished", about) if attempt.finished else ("push.moved", {"ticket": opened.ticket, "state": state})
        )
        says = [news, ("push.note_of", {"agency": name, "note": attempt.words})]
        if until := _until(shell, found.region):
            says.append(("push.answer_until", {"date": {"date": until.isoformat()}}))
    return tuple(shell.spoken(says, found.language))


def _until(shell: Shell, region: str | None) -> date | None:
    """The day on which an answer of today closes the report, if the citizen says nothing."""
    today = shell.today(region)
    rule = shell.directory.calendar.rule("close", today)
    try:
        return shell.directory.calendar.add(today, rule.working_days) if rule else None
    except CalendarUnknown:
        return None


def says_nothing(written: str) -> bool:
    """Whether an answer is only courtesy and "akan ditindaklanjuti": too few words about the matter are left."""
    fewest, phrases = _phrases()
    return len(phrases.sub(" ", " ".join(_WORD.findall(written.casefold()))).split()) < fewest


_WORD = re.compile(r"[^\W_]+")


@cache
def _phrases() -> tuple[int, re.Pattern[str]]:
    """So many words must be left, and the phrases that are taken out: the longest first."""
    found = tomllib.loads(_EMPTY.read_text(encoding="utf-8"))
    longest = sorted((re.escape(each.casefold()) for each in found["phrases"]), key=len, reverse=True)
    return found["fewest_words"], re.compile(rf"\b(?:{'|'.join(longest)})\b")
