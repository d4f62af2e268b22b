"""Letters that came back by e-mail and wait for a person: read, made an answer of an office, or put away.

That a letter was opened, or a file of it, is written down before anybody sees it. Its words are plain text; its files
are kept as files only where an officer takes them along with an answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from desk import uploads
from desk.access import HouseRule, Officer, Opened, shell_of
from desk.insisting import Busy, insist
from desk.rendering import page
from desk.shell import Letter, Shell, Work
from desk.uploads import Ready
from store import audit, dispositions, evidence, holders, letters, reports, tickets
from store.complaints import Changed, NotAllowed, NotFound
from store.letters import DROP_REASONS

router = APIRouter()

VERB = "report.hand_over"
# The longest answer, as of an agency at the desk.
LONGEST = 3000
DONE = ("answered", "dropped")
# Letters that are settled and shown below those that wait.
_LATELY = 50
# By what an officer's computer knows a saved file again; any other ending is left off.
_ENDING = re.compile(r"\.(?:pdf|docx?|xlsx?|odt|ods|zip|heic)$")


class Wrong(Exception):
    """A form cannot be carried out: the last part of a text key under `letters.wrong`."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was typed and came back; `files` count from 0."""

    words: str = ""
    ticket: str = ""
    agency: str = ""
    files: tuple[int, ...] = ()


@router.get("/surel")
async def waiting(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("handover.open"))], selesai: str = ""
) -> Response:
    """The letters within the officer's reach that wait, and those that were settled lately."""
    shell = shell_of(request)
    reach, home = officer.reach(VERB), shell.home_region
    async with shell.engine.connect() as connection:
        kept = await letters.listed(connection, reach, home, kept=True)
        lately = await letters.listed(connection, reach, home, kept=False, most=_LATELY)
    return page(request, "letters.html", kept=kept, lately=lately, done=selesai if selesai in DONE else "")


@router.get("/surel/{number}")
async def read(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("handover.open"))]
) -> Response:
    """One letter."""
    return await _show(request, officer, number)


@router.get("/surel/{number}/lampiran/{place}")
async def attached(
    request: Request, number: int, place: int, officer: Annotated[Officer, Depends(HouseRule("handover.open"))]
) -> Response:
    """A file of a letter (they count from 0): a picture as its clean copy, all else to be saved. It is looked through
    for viruses once more: what was not known when the letter came may be by now."""
    shell = shell_of(request)
    found = await _found(shell, officer, number)
    letter = await _read(shell, found)
    files = letter.files if letter else ()
    if not 0 <= place < len(files):
        raise NotFound(str(number))
    name, content = files[place]
    harm = await uploads.harm_of(shell, content)
    if harm:
        return await _show(request, officer, number, problem=harm, status=409 if harm == "infected" else 503)
    async with shell.unit() as work:
        await _note(work, officer, found)
    usable = await asyncio.to_thread(uploads.read, content, name)
    given, kind = (usable.content, usable.content_type) if isinstance(usable, Ready) else (content, None)
    ending = _ENDING.search(name.lower())
    saved = f"surel-{number}-{place + 1}" + (ending[0] if ending and not (kind or "").startswith("image/") else "")
    return shell.served(given, kind, name=saved, asked=request.headers.get("range"))


@router.post("/surel/{number}/jawaban")
async def answer(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("handover.open"))]
) -> Response:
    """Tell the pelapor the words of the form, as the answer of an office or of Kominfo, with those files of the letter
    that are ticked."""
    shell, filled = shell_of(request), await uploads.form(request)
    attempt = Attempt(filled.get("words"), filled.get("ticket"), filled.get("agency"), filled.numbers("file"))
    found, opened = await _opened(shell, officer, number, attempt.ticket)
    try:
        if opened is None:
            raise Wrong("ticket")
        _check(attempt)
        letter = await _read(shell, found)
        files, refused = await _judge(shell, letter, attempt.files)
        if refused:
            raise Wrong("files")
        await insist(shell, opened, lambda work: _carry(work, shell, opened, number, attempt, files))
    except Wrong as wrong:
        return await _show(request, officer, number, attempt, str(wrong), 409 if str(wrong) == "settled" else 422)
    except dispositions.NotDisposed:
        return await _show(request, officer, number, attempt, "not_disposed", 409)
    except (NotAllowed, Changed):
        return await _show(request, officer, number, attempt, "not_allowed", 409)
    except Busy:
        return await _show(request, officer, number, attempt, "busy", 503)
    except dispositions.WordsRefused:
        return await _show(request, officer, number, attempt, "empty", 422)
    return RedirectResponse(f"/desk/surel?{urlencode({'selesai': 'answered'})}", 303)


@router.post("/surel/{number}/buang")
async def drop(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("handover.open"))]
) -> Response:
    """Put a letter away, for a reason; it stays in the mailbox."""
    shell, filled = shell_of(request), await uploads.form(request)
    await _found(shell, officer, number)
    reason = filled.get("reason")
    if reason not in DROP_REASONS:
        return await _show(request, officer, number, problem="reason", status=422)
    async with shell.unit() as work:
        done = await letters.settle(work.connection, number, letters.DROPPED, problem=f"as_{reason}")
        if done:
            of = ("letter", str(number))
            actor = officer.actor("handover.open")
            await audit.write(work.connection, actor, "letter.drop", of=of, detail={"reason": reason})
    if not done:
        return await _show(request, officer, number, problem="settled", status=409)
    return RedirectResponse(f"/desk/surel?{urlencode({'selesai': 'dropped'})}", 303)


# --- pieces ----------------------------------------------------------------------------------------------


async def _found(shell: Shell, officer: Officer, number: int) -> letters.Letter:
    """The letter, if it lies within the officer's reach. Raises `NotFound`."""
    if not 0 < number < 2**63:
        raise NotFound(str(number))
    async with shell.engine.connect() as connection:
        found = await letters.get(connection, number, officer.reach(VERB), shell.home_region)
    if found is None:
        raise NotFound(str(number))
    return found


async def _opened(shell: Shell, officer: Officer, number: int, typed: str) -> tuple[letters.Letter, Opened | None]:
    """The letter, and the report that it is about: its own, or the one that the officer names where it has none. None
    for one that the officer may not move."""
    found = await _found(shell, officer, number)
    ticket = found.ticket or tickets.read(typed)
    if ticket is None:
        return found, None
    try:
        async with shell.engine.connect() as connection:
            known = await reports.subject(connection, ticket, shell.home_region)
    except NotFound:
        return found, None
    if not officer.may(VERB, known.subject):
        return found, None
    return found, Opened(officer, VERB, ticket, known.id, known.subject)


def _check(attempt: Attempt) -> None:
    if not attempt.words:
        raise Wrong("empty")
    if len(attempt.words) > LONGEST:
        raise Wrong("long")


async def _read(shell: Shell, found: letters.Letter) -> Letter | None:
    """The letter as it lies on the shelf; None where it does not."""
    if not found.sha256:
        return None
    try:
        raw = await asyncio.to_thread(shell.shelf.get, found.sha256)
    except FileNotFoundError:
        return None
    return await asyncio.to_thread(shell.letter, raw)


async def _judge(
    shell: Shell, letter: Letter | None, chosen: Sequence[int]
) -> tuple[tuple[Ready, ...], tuple[uploads.Refused, ...]]:
    """The files that are ticked (they count from 0), as if they had been sent with the form."""
    ready: list[Ready] = []
    refused: list[uploads.Refused] = []
    files = letter.files if letter else ()
    for place in chosen[: uploads.MOST_FILES]:
        if place >= len(files):
            continue
        name, content = files[place]
        harm = await uploads.harm_of(shell, content)
        read_ = uploads.Refused(name, harm) if harm else await asyncio.to_thread(uploads.read, content, name)
        if isinstance(read_, Ready):
            ready.append(read_)
        else:
            refused.append(read_)
    return tuple(ready), tuple(refused)


async def _carry(
    work: Work, shell: Shell, opened: Opened, number: int, attempt: Attempt, files: Sequence[Ready]
) -> None:
    """The answer, in one transaction with what becomes of the letter. Raises `Wrong` where somebody was faster."""
    connection = work.connection
    if not await letters.lock(connection, number):
        raise Wrong("settled")
    held = [each.agency for each in await holders.present(connection, opened.complaint_id)]
    wanted = attempt.agency
    if attempt.ticket:  # the report was found just now: it is the answer of the office that leads, if one has it
        wanted = held[0] if held else ""
    if wanted and wanted not in held:
        raise Wrong("agency")
    agency = wanted or None
    proof = []
    for each in {hashlib.sha256(each.content).hexdigest(): each for each in files}.values():
        sha256 = await asyncio.to_thread(shell.shelf.put, each.content)
        picture = each.content_type.startswith("image/")
        proof.append(
            await evidence.add(
                connection,
                complaint_id=opened.complaint_id,
                staff_id=opened.officer.staff_id,
                agency=agency,
                sha256=sha256,
                content_type=each.content_type,
                size=len(each.content),
                name=each.name,
                looks=await asyncio.to_thread(evidence.looks, each.content) if picture else None,
            )
        )
    event = await dispositions.answer(
        connection, opened.ticket, opened.actor, agency, attempt.words, finished=False, evidence=proof
    )
    work.record(event)
    await letters.settle(connection, number, letters.ANSWERED)
    detail = {"agency": agency, "evidence": proof}
    await audit.write(connection, opened.actor, "letter.answer", of=("report", opened.ticket), detail=detail)


async def _show(
    request: Request,
    officer: Officer,
    number: int,
    attempt: Attempt | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """The page of a letter, with what was typed."""
    shell = shell_of(request)
    found = await _found(shell, officer, number)
    async with shell.unit() as work:
        await _note(work, officer, found)
        held = await holders.present(work.connection, found.complaint_id) if found.complaint_id else []
    letter = await _read(shell, found)
    agencies = [each.agency for each in held]
    own = found.agency if found.agency in agencies else (agencies[0] if agencies else "")
    shown = attempt or Attempt(words=letter.words if letter else "", agency=own, files=())
    return page(
        request,
        "letter.html",
        status,
        found=found,
        letter=letter,
        sizes=_sizes(letter),
        agencies=agencies,
        shown=shown,
        problem=problem,
        reasons=DROP_REASONS,
        longest=LONGEST,
    )


async def _note(work: Work, officer: Officer, found: letters.Letter) -> None:
    """Write down who opened it, before anything of it is shown."""
    of = ("report", found.ticket) if found.ticket else ("letter", str(found.id))
    await audit.write(work.connection, officer.actor("handover.open"), "letter.read", of=of)


def _sizes(letter: Letter | None) -> Mapping[int, int]:
    """The size of each file in kB, rounded up."""
    return {place: -(-len(content) // 1000) for place, (_, content) in enumerate(letter.files)} if letter else {}
