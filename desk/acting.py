"""What an officer does to a report: each form of its page, carried out in one transaction or not at all.

Whatever is not carried out comes back as the page of the report, with what was typed and a sentence that says why.
After an action the officer is led on: to the next report of the inbox, or back to this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import text

from desk import foretelling, marking, offices, uploads, words
from desk.access import Opened, ReportRule, shell_of
from desk.foretelling import Says
from desk.insisting import Busy, insist
from desk.places import inside
from desk.shell import Shell, Span, Work
from desk.showing import NAME_REASONS, PURPOSES, Attempt, placeholders, show
from desk.uploads import Filled
from store import (
    audit,
    complaints,
    dispositions,
    dossiers,
    editing,
    merging,
    reports,
    templates,
    tickets,
)
from store.agencies import Agency
from store.complaints import Changed, Event, NotAllowed, NotFound
from store.merging import NotMergeable

router = APIRouter()

MOST_WORDS = 3500
"""Characters of what is told to a citizen: with our own sentences around it, one message of every channel."""
MOST_NOTE = 20_000
# Covered words in a title are short: it has but a hundred characters.
_IN_TITLE = {"other": "[ditutup]"}


class Wrong(Exception):
    """A form cannot be carried out: a text key under `report.problem`, and the offices that its words may mean."""

    def __init__(self, key: str, meant: Sequence[Agency] = ()) -> None:
        super().__init__(key)
        self.key, self.meant = key, tuple(meant)


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be done: the verb's coroutine, the last part of its name in the audit, what the audit says of it
    (codes and counts), and how the next page calls it."""

    do: Callable[[Work], Awaitable[Event]]
    done: str
    detail: Mapping[str, Any] = field(default_factory=dict)


async def _carry(
    request: Request, opened: Opened, form: str, filled: Filled, read: Callable[[Filled], Awaitable[Deed]]
) -> Response:
    """Do what a form says, and lead the officer on; or show the page again with all that was typed."""
    try:
        deed = await read(filled)
        await _do(shell_of(request), opened, deed)
    except Wrong as wrong:
        return await show(request, opened, _attempt(form, filled, problem=wrong.key, meant=wrong.meant), 422)
    except Changed:
        since = _version(filled)
        return await show(request, opened, _attempt(form, filled, problem="changed", since=since), 409)
    except (NotAllowed, NotMergeable) as refused:
        problem = f"merge_{refused.why}" if isinstance(refused, NotMergeable) else "not_allowed"
        return await show(request, opened, _attempt(form, filled, problem=problem), 409)
    except Busy:
        return await show(request, opened, _attempt(form, filled, problem="busy"), 503)
    said = {"selesai": deed.done, "pada": opened.ticket}
    where = inside(filled.get("next")) or f"/desk/laporan/{opened.ticket}"
    return RedirectResponse(f"{where}{'&' if '?' in where else '?'}{urlencode(said)}", 303)


def _attempt(form: str, filled: Filled, **more: Any) -> Attempt:
    return Attempt(form=form, typed=filled.words, several=filled.several, **more)


async def _do(shell: Shell, opened: Opened, deed: Deed) -> None:
    """One transaction, with its row of the audit."""

    async def do(work: Work) -> None:
        work.record(await deed.do(work))
        of = ("report", opened.ticket)
        await audit.write(work.connection, opened.actor, opened.verb, of=of, detail=dict(deed.detail))

    try:
        await insist(shell, opened, do)
    except ValueError as refused:
        if key := _said_of(refused):
            raise Wrong(key) from None
        raise


def _said_of(refused: ValueError) -> str | None:
    """The text key of what a verb of the store refuses; None for a state that has changed, and for a defect."""
    match refused:
        case dispositions.WordsRefused() | editing.NotWorded():
            return f"words_{getattr(refused, 'field', 'empty')}"
        case dispositions.UnknownAgency():
            return "agency_gone"
        case dispositions.UnknownReason():
            return "reason"
        case dispositions.EvidenceNeeded() | dispositions.UnknownEvidence():
            return "evidence"
        case dispositions.NotLead():
            return "not_lead"
        case dispositions.UnknownFunction():
            return "function"
        case _:
            return None


def _version(filled: Filled) -> int:
    written = filled.get("version")
    if not (written.isascii() and written.isdecimal() and len(written) <= 9):
        raise Wrong("version")
    return int(written)


def _words(filled: Filled, name: str = "words", most: int = MOST_WORDS) -> str:
    found = filled.get(name)
    if not found:
        raise Wrong("words_empty")
    if len(found) > most:
        raise Wrong("words_long")
    return found


def _today(shell: Shell, opened: Opened) -> date:
    return shell.today(opened.subject.region)


def _speaker(opened: Opened) -> str | None:
    """The agency that an officer speaks for with this report; None for Kominfo itself."""
    if opened.actor.kind == "operator":
        return None
    return next((each for each in opened.officer.agencies if each in opened.subject.agencies), None)


# --- where it goes -----------------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/terima")
async def accept(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.accept"))]) -> Response:
    """Dispose the report to a suggested office: the one that the form names, with its function; the one that stands in
    the report where it names none."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version = _version(filled)
        code, function = filled.get("agency"), filled.get("function") or None
        if not code:
            code, function = await _standing(shell, opened)
        agency = _valid(shell, opened, code)

        async def do(work: Work) -> Event:
            return await dispositions.dispose(
                work.connection,
                opened.ticket,
                opened.actor,
                [agency.code],
                lead=agency.code,
                function=function,
                expected=version,
            )

        return Deed(do, "disposed", {"agency": agency.code, "function": function})

    return await _carry(request, opened, "terima", await uploads.form(request), read)


async def _standing(shell: Shell, opened: Opened) -> tuple[str, str | None]:
    async with shell.engine.connect() as connection:
        found = await dispositions.standing(connection, opened.complaint_id)
    if found is None:
        raise Wrong("agency_none")
    return found


def _valid(shell: Shell, opened: Opened, code: str) -> Agency:
    found = offices.read(shell.directory, code, opened.subject.region, _today(shell, opened))
    if isinstance(found, Agency):
        return found
    if found:
        raise Wrong("agency_several", found)
    raise Wrong("agency_gone" if code in shell.directory.agencies.by_code else "agency_unknown")


@router.post("/laporan/{ticket}/disposisi")
async def dispose(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.dispose"))]) -> Response:
    """Dispose the report to any offices: `agency` leads, those of `also` work with it. Each is a code or a name."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version = _version(filled)
        named = [each for each in (filled.get("agency"), *filled.several.get("also", ())) if each]
        if not filled.get("agency"):
            raise Wrong("agency_none")
        chosen = [_valid(shell, opened, each).code for each in named]
        function = filled.get("function") or None
        note = filled.get("note")
        reason = filled.get("reason")
        if len(note) > MOST_WORDS or len(reason) > MOST_NOTE:
            raise Wrong("words_long")

        async def do(work: Work) -> Event:
            return await dispositions.dispose(
                work.connection,
                opened.ticket,
                opened.actor,
                chosen,
                lead=chosen[0],
                function=function,
                note=note or None,
                reason=reason or None,
                expected=version,
            )

        return Deed(do, "disposed", {"agencies": chosen, "function": function})

    return await _carry(request, opened, "disposisi", await uploads.form(request), read)


@router.post("/laporan/{ticket}/kembalikan")
async def give_back(
    request: Request, opened: Annotated[Opened, Depends(ReportRule("report.return_to_triage"))]
) -> Response:
    """ "Bukan wewenang": back to triage, where the Kominfo of the place sorts it again; the pelapor is told why."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, reason = _version(filled), _words(filled, "reason", 2000)
        sorts = shell.directory.agencies.responsible(None, opened.subject.region, _today(shell, opened)).agency.code

        async def do(work: Work) -> Event:
            return await dispositions.return_to_triage(
                work.connection, opened.ticket, opened.actor, reason, agency=sorts, expected=version
            )

        return Deed(do, "returned", {"agency": sorts})

    return await _carry(request, opened, "kembalikan", await uploads.form(request), read)


# --- what is said to the citizen ---------------------------------------------------------------------------------


async def _tell(
    request: Request,
    opened: Opened,
    form: str,
    read: Callable[[Filled], Awaitable[Deed]],
    says: Callable[[Filled, dossiers.Dossier], Says],
) -> Response:
    """As `_carry`, for what a citizen reads: `do=preview` shows it as the chat will, and `do=fill` takes a template."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    what = filled.get("do")
    if what not in ("preview", "fill"):
        return await _carry(request, opened, form, filled, read)
    async with shell.engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
        body = (
            await _template(connection, filled, form, opened, found, _today(shell, opened)) if what == "fill" else None
        )
    if body is not None:
        filled_in = {**filled.words, "words": templates.fill(body, placeholders(shell, found))}
        return await show(request, opened, Attempt(form=form, typed=filled_in, several=filled.several))
    if what == "fill":
        return await show(request, opened, _attempt(form, filled, problem="template"), 422)
    try:
        await read(filled)
        preview = shell.spoken(says(filled, found), found.language)
    except Wrong as wrong:
        return await show(request, opened, _attempt(form, filled, problem=wrong.key), 422)
    return await show(request, opened, _attempt(form, filled, preview=preview))


async def _template(
    connection: Any, filled: Filled, form: str, opened: Opened, found: dossiers.Dossier, on: date
) -> str | None:
    agency = opened.officer.agencies[0] if opened.officer.agencies else None
    usable = await templates.of(connection, PURPOSES[form], region=found.region, agency=agency, on=on)
    return next((each.body for each in usable if str(each.id) == filled.get("template")), None)


@router.post("/laporan/{ticket}/pesan")
async def message(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.message"))]) -> Response:
    """A message to the citizen, in their chat."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, said = _version(filled), _words(filled)

        async def do(work: Work) -> Event:
            return await complaints.note(
                work.connection, opened.ticket, opened.actor, said, public=True, expected=version
            )

        return Deed(do, "message")

    def says(filled: Filled, found: dossiers.Dossier) -> Says:
        return foretelling.message(shell, found, filled.get("words"))

    return await _tell(request, opened, "pesan", read, says)


@router.post("/laporan/{ticket}/tunda")
async def ask(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.ask"))]) -> Response:
    """Ask the pelapor for what is missing ("tunda")."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, said = _version(filled), _words(filled)

        async def do(work: Work) -> Event:
            return await dispositions.ask(work.connection, opened.ticket, opened.actor, said, expected=version)

        return Deed(do, "asked")

    def says(filled: Filled, found: dossiers.Dossier) -> Says:
        return foretelling.asked(shell, found, filled.get("words"))

    return await _tell(request, opened, "tunda", read, says)


@router.post("/laporan/{ticket}/tanggapan-awal")
async def respond(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """The first word to the pelapor; the status stays."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, said = _version(filled), _words(filled)

        async def do(work: Work) -> Event:
            return await dispositions.respond(
                work.connection, opened.ticket, opened.actor, _speaker(opened), said, expected=version
            )

        return Deed(do, "responded")

    def says(filled: Filled, found: dossiers.Dossier) -> Says:
        return foretelling.responded(shell, found, filled.get("words"), _speaker(opened))

    return await _tell(request, opened, "tanggapan-awal", read, says)


@router.post("/laporan/{ticket}/jawab")
async def answer(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.answer"))]) -> Response:
    """The answer in substance; with `finished` it proposes to close, which needs evidence."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, said = _version(filled), _words(filled)
        finished, evidence = bool(filled.get("finished")), filled.numbers("evidence")
        if finished and not evidence:
            raise Wrong("evidence")

        async def do(work: Work) -> Event:
            return await dispositions.answer(
                work.connection,
                opened.ticket,
                opened.actor,
                _speaker(opened),
                said,
                finished=finished,
                evidence=evidence,
                expected=version,
            )

        return Deed(do, "finished" if finished else "answered", {"finished": finished, "evidence": len(evidence)})

    def says(filled: Filled, found: dossiers.Dossier) -> Says:
        return foretelling.answered(
            shell, found, filled.get("words"), _speaker(opened), finished=bool(filled.get("finished"))
        )

    return await _tell(request, opened, "jawab", read, says)


@router.post("/laporan/{ticket}/arsip")
async def archive(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.archive"))]) -> Response:
    """Archive the report for one of the official reasons."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version = _version(filled)
        reason = next((each for each in dispositions.reasons() if each.key == filled.get("reason")), None)
        if reason is None:
            raise Wrong("reason")
        said = _words(filled) if reason.words_needed or filled.get("words") else None

        async def do(work: Work) -> Event:
            return await dispositions.archive(
                work.connection, opened.ticket, opened.actor, reason.key, said, expected=version
            )

        return Deed(do, "archived", {"reason": reason.key})

    def says(filled: Filled, found: dossiers.Dossier) -> Says:
        return foretelling.archived(shell, found, filled.get("reason"), filled.get("words"))

    return await _tell(request, opened, "arsip", read, says)


# --- what stays inside -------------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/catatan")
async def note(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.note"))]) -> Response:
    """A note for colleagues. It contradicts nobody, and so it is kept whatever has changed meanwhile."""

    async def read(filled: Filled) -> Deed:
        said = _words(filled, most=MOST_NOTE)

        async def do(work: Work) -> Event:
            return await complaints.note(work.connection, opened.ticket, opened.actor, said, public=False)

        return Deed(do, "note")

    return await _carry(request, opened, "catatan", await uploads.form(request), read)


_CATEGORY = text("SELECT name FROM categories WHERE name = :said OR code = :said LIMIT 1")


@router.post("/laporan/{ticket}/ubah")
async def edit(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.edit"))]) -> Response:
    """Put title, class, category and "berkadar pengawasan" right; an empty category stays what it was. `anonymous`
    makes the report Anonim; there is no way back."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version = _version(filled)
        supervised = {"ya": True, "tidak": False}.get(filled.get("supervised"))
        category = await _category(shell, filled.get("category"))
        said = {
            "title": filled.words.get("title"),
            "report_class": filled.get("report_class") or None,
            "category": category,
            "supervised": supervised,
            "anonymous": True if filled.get("anonymous") else None,
        }

        async def do(work: Work) -> Event:
            return await editing.edit(work.connection, opened.ticket, opened.actor, **said, expected=version)  # type: ignore[arg-type]

        return Deed(do, "edited", {"fields": sorted(name for name, value in said.items() if value is not None)})

    return await _carry(request, opened, "ubah", await uploads.form(request), read)


async def _category(shell: Shell, said: str) -> str | None:
    if not said:
        return None
    async with shell.engine.connect() as connection:
        found: str | None = (await connection.execute(_CATEGORY, {"said": said})).scalar_one_or_none()
    if found is None:
        raise Wrong("category")
    return found


@router.post("/laporan/{ticket}/tutup-data")
async def cover(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.cover"))]) -> Response:
    """Cover personal data for agencies and overseers: `span` as "12-24:phone", and `phrases`, one in a line, wherever
    they stand. `do=preview` shows what they will read, `do=uncover` gives them the citizen's own words again."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
    if filled.get("do") == "preview":
        try:
            covered, _ = _covered(filled, found)
        except Wrong as wrong:
            return await show(request, opened, _attempt("tutup-data", filled, problem=wrong.key), 422)
        return await show(request, opened, _attempt("tutup-data", filled, covered=covered))

    async def read(filled: Filled) -> Deed:
        version = _version(filled)
        opens = filled.get("do") == "uncover"
        masked, title = (None, None) if opens else _covered(filled, found)

        async def do(work: Work) -> Event:
            event = await editing.cover(work.connection, opened.ticket, opened.actor, masked, expected=version)
            if title is not None:  # the title is the citizen's first sentence: what is covered below stands there, too
                work.record(await editing.edit(work.connection, opened.ticket, opened.actor, title=title))
            return event

        return Deed(do, "uncovered" if opens else "covered", {"covered": not opens, "title": title is not None})

    return await _carry(request, opened, "tutup-data", filled, read)


def _covered(filled: Filled, found: dossiers.Dossier) -> tuple[str, str | None]:
    """The covered text, and the covered title where the same words stand in it."""
    phrases = [line for line in filled.get("phrases").split("\n") if line.strip()]
    spans = [_span(each, found.text) for each in filled.several.get("span", ())]
    spans += marking.find(found.text, phrases)
    if not spans:
        raise Wrong("cover_nothing" if not phrases else "cover_not_found")
    hidden = [found.text[each.start : each.end] for each in spans]
    in_title = marking.find(found.title, hidden)
    title = marking.cover(found.title, in_title, _IN_TITLE)[: complaints.TITLE] if in_title else None
    return marking.cover(found.text, spans, _marks()), title


def _marks() -> dict[str, str]:
    """What stands in the place of each kind of personal data; agencies read Indonesian."""
    prefix = "report.covered."
    return {key.removeprefix(prefix): said for key, said in words.catalogue("id").items() if key.startswith(prefix)}


def _span(written: str, words_: str) -> Span:
    place, _, kind = written.partition(":")
    start, _, end = place.partition("-")
    numbers = [int(each) for each in (start, end) if each.isascii() and each.isdecimal() and len(each) <= 9]
    if len(numbers) != 2 or not 0 <= numbers[0] < numbers[1] <= len(words_):
        raise Wrong("cover_span")
    return Span(numbers[0], numbers[1], kind=kind)


# --- reports about one matter ------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/gabung")
async def merge(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.merge"))]) -> Response:
    """Join the report with the main one about its matter, which the officer must be able to move as well."""
    shell = shell_of(request)

    async def read(filled: Filled) -> Deed:
        version, into = _version(filled), tickets.read(filled.get("into"))
        if into is None:
            raise Wrong("merge_ticket")
        await _check_reach(shell, opened, into)

        async def do(work: Work) -> Event:
            return await merging.merge(work.connection, opened.ticket, into, opened.actor, expected=version)

        return Deed(do, "merged", {"into": into})

    return await _carry(request, opened, "gabung", await uploads.form(request), read)


async def _check_reach(shell: Shell, opened: Opened, ticket: str) -> None:
    """Whoever joins two reports must be able to move both."""
    async with shell.engine.connect() as connection:
        try:
            other = await reports.subject(connection, ticket, shell.home_region)
        except NotFound:
            raise Wrong("merge_unknown") from None
    if not opened.officer.may("report.merge", other.subject):
        raise Wrong("merge_unknown")


@router.post("/laporan/{ticket}/pisah")
async def part(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.merge"))]) -> Response:
    """Take the report apart again from the one that it was joined with."""

    async def read(filled: Filled) -> Deed:
        version = _version(filled)

        async def do(work: Work) -> Event:
            return await merging.unmerge(work.connection, opened.ticket, opened.actor, expected=version)

        return Deed(do, "unmerged")

    return await _carry(request, opened, "pisah", await uploads.form(request), read)


# --- the name behind Anonim --------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/nama")
async def name(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read_hidden_name"))]) -> Response:
    """The name of an Anonim pelapor, for a reason that is written down before it is shown; on this one page only."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    if filled.get("reason") not in NAME_REASONS:
        return await show(request, opened, _attempt("nama", filled, problem="name_reason"), 422)

    async def look(work: Work) -> str | None:
        found = await dossiers.hidden_name(work.connection, opened.complaint_id)
        detail = {"reason": filled.get("reason"), "found": found is not None}
        await audit.write(work.connection, opened.actor, opened.verb, of=("report", opened.ticket), detail=detail)
        return found

    found = await insist(shell, opened, look)
    return await show(request, opened, Attempt(form="nama", name=found, name_shown=True))
