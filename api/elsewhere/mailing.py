"""What came back by e-mail: each letter of our mailbox once, in a transaction of its own.

A letter is put away in the mailbox only after the commit; whoever dies in between finds it there again, knows it by its
key, and puts it away. An answer of the office that the report went to is told to the pelapor at once, by the same verb
as at the desk. Everything else is kept for a person (desk/mailing.py): what a machine wrote, what says nothing, what
comes from somebody else, what comes too late. Nothing is dropped by a machine.

The token is the key: names and addresses of senders are anybody's to invent. But a letter is passed on inside offices
and beyond, and its token with it; so an answer from outside the office's own domain waits for a person, who sees whom
it is from. Where the office has its address among everybody's (gmail.com), only that very address speaks for it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api.elsewhere.postbox import box_of, threads_of
from api.house import House
from api.media.scanning import ScannerAway, infection
from api.problems import where
from api.unit import Unit, patiently, unit
from bridges import letters as reader
from bridges.letters import Letter, Piece
from bridges.mailbox import Away, Locked, Mailbox
from desk import uploads
from store import attention, dispositions, evidence, letters
from store.complaints import Actor, NotAllowed
from store.database import is_down
from store.letters import Thread

log = structlog.get_logger(__name__)

# So many letters in one run; the next comes in a minute.
MOST = 200
# What is larger is left in the mailbox, and its headers alone are read. In bytes; mail servers take 25 to 50 MB.
LARGEST = 40_000_000
# The longest answer, in characters: one message in any chat, and what an office may write at the desk.
LONGEST = 3000


@dataclass(frozen=True, slots=True)
class Judged:
    """A file of a letter that can be kept, where its bytes lie, how it looks if it is a picture."""

    file: uploads.Ready
    sha256: str
    looks: int | None


async def read_mailbox(house: House) -> int:
    """Read what waits in the mailbox, where there is one; returns how many letters were put away."""
    box = box_of(house.settings)
    if box is None:
        return 0
    mailbox = Mailbox(box)
    try:
        await asyncio.to_thread(mailbox.__enter__)
        try:
            async with unit(house) as work:
                await attention.settle(work.connection, letters.MAILBOX)
            return await _read_all(house, mailbox)
        finally:
            await asyncio.to_thread(mailbox.__exit__)
    except Away as problem:
        log.warning("mailbox_away", why=str(problem))
    except Locked as problem:
        log.error("mailbox_locked", why=problem.what)
        async with unit(house) as work:
            await attention.raise_matter(work.connection, letters.MAILBOX, detail=problem.what)
    return 0


async def _read_all(house: House, mailbox: Mailbox) -> int:
    done = 0
    for number in await asyncio.to_thread(mailbox.waiting):
        try:
            done += await _read_one(house, mailbox, number)
        except Away:
            raise
        except ScannerAway as problem:  # it waits in the mailbox, and holds up no other
            log.warning("letter_not_checked", why=str(problem))
        except Exception as error:
            if is_down(error):
                log.info("mailbox_put_off", kind=type(error).__name__)
                break
            log.error("letter_failed", kind=type(error).__name__, where=where(error))
            await _show(house, mailbox, number)
        if done >= MOST:
            break
    return done


async def _show(house: House, mailbox: Mailbox, number: int) -> None:
    """We fail on a letter: it stays where it is, to be tried again, and a person hears of it, once."""
    head = await asyncio.to_thread(lambda: mailbox.fetch(number, headers=True))
    if head is None:
        return
    key = f"failed:{hashlib.sha256(head).hexdigest()}"
    async with unit(house) as work:
        added = await letters.add(work.connection, key=key, reference_id=None, sha256="", size=len(head))
        if added is not None:
            await letters.keep(work.connection, added, "unreadable", None)


async def _read_one(house: House, mailbox: Mailbox, number: int) -> bool:
    """Read one letter and put it away; False where it is gone."""
    size = await asyncio.to_thread(mailbox.size, number)
    large = size is not None and size > LARGEST
    raw = await asyncio.to_thread(lambda: mailbox.fetch(number, headers=large)) if size is not None else None
    if size is None or raw is None:
        return False
    kept = await take(house, raw, size, "too_large" if large else None)
    await asyncio.to_thread(lambda: mailbox.put_away(number, flagged=kept))
    return True


async def take(house: House, raw: bytes, size: int, problem: str | None = None) -> bool:
    """Take a letter in, once; whether a person must look at it. `problem`: why nobody but a person may act on it.

    Raises `ScannerAway` where it cannot be looked through for viruses just now.
    """
    letter = await asyncio.to_thread(reader.read, raw, threads_of(house.settings))
    async with house.engine.connect() as connection:
        if await letters.known(connection, letter.key):
            return False
    if await infection(house.settings.clamd_host, raw) is not None:
        # Of what carries a virus nothing is kept but that it came.
        log.warning("letter_infected")
        letter, problem, sha256 = replace(letter, files=()), "infected", ""
    else:
        sha256 = await asyncio.to_thread(house.shelf.put, raw)
    files, unusable = await _judge(house, letter.files if letter.kind == "answer" else ())
    return await patiently(house, lambda work: _settle(work, letter, sha256, size, problem, files, unusable))


async def _judge(house: House, pieces: Sequence[Piece]) -> tuple[list[Judged], int]:
    """The files that can be kept, their bytes on the shelf, as at the desk; and how many cannot."""
    judged: dict[str, Judged] = {}
    unusable = max(0, len(pieces) - uploads.MOST_FILES)
    for each in pieces[: uploads.MOST_FILES]:
        infected = await infection(house.settings.clamd_host, each.content) is not None
        found = None if infected else await asyncio.to_thread(uploads.read, each.content, each.name)
        if not isinstance(found, uploads.Ready):
            unusable += 1
            continue
        sha256 = await asyncio.to_thread(house.shelf.put, found.content)
        looks = evidence.looks(found.content) if found.content_type.startswith("image/") else None
        judged.setdefault(sha256, Judged(found, sha256, looks))
    return list(judged.values()), unusable


async def _settle(
    work: Unit,
    letter: Letter,
    sha256: str,
    size: int,
    problem: str | None,
    files: Sequence[Judged],
    unusable: int,
) -> bool:
    """What becomes of a letter, in one transaction; whether a person must look at it."""
    connection = work.connection
    thread = await letters.thread(connection, letter.number) if letter.number else None
    reference_id = thread.reference_id if thread else None
    letter_id = await letters.add(connection, key=letter.key, reference_id=reference_id, sha256=sha256, size=size)
    if letter_id is None:
        return False
    problem = problem or why_kept(letter, thread)
    if problem is None and thread is not None:
        if letter.kind in ("bounced", "delayed"):
            await _came_back(connection, letter_id, letter, thread)
            return False
        problem = await _answer(work, thread, letter.words, files)
    if problem is not None:
        await letters.keep(connection, letter_id, problem, thread.complaint_id if thread else None)
        return True
    await letters.settle(connection, letter_id, letters.ANSWERED, problem="files" if unusable else None)
    if unusable and thread is not None:
        # The answer goes on without them; an officer sees which they are, and can ask for them in another form.
        await attention.raise_matter(connection, letters.FILES, complaint_id=thread.complaint_id, detail=str(unusable))
    return False


def why_kept(letter: Letter, thread: Thread | None) -> str | None:
    """Why a person must look at a letter, as far as the letter itself tells: a key of texts; None where it tells
    nothing against acting on it."""
    if letter.kind == "unreadable":
        return "unreadable"
    if thread is None:
        return "forged" if letter.forged else "nobody"
    if letter.kind in ("bounced", "delayed"):
        return None
    if letter.kind == "automatic":
        return "automatic"
    if not reader.speaks_for(letter.sender, thread.address or ""):
        return "elsewhere"
    if not letter.words:
        return "empty"
    if len(letter.words) > LONGEST:
        return "long"
    if letter.not_ours:
        return "not_ours"
    return "no_agency" if thread.agency is None else None


async def _came_back(connection: AsyncConnection, letter_id: int, letter: Letter, thread: Thread) -> None:
    if letter.kind == "bounced":
        await letters.came_back(connection, thread, letter.code, report=letter.of_report)
    await letters.settle(connection, letter_id, letters.BOUNCED, problem=letter.kind)


async def _answer(work: Unit, thread: Thread, words: str, files: Sequence[Judged]) -> str | None:
    """Tell the pelapor what the office has answered; why that cannot be, or None where it is done."""
    agency = thread.agency or ""
    try:
        async with work.connection.begin_nested():
            mailbox = await letters.attaches(work.connection) if files else 0
            proof = [await _attach(work.connection, thread, each, mailbox) for each in files]
            event = await dispositions.answer(
                work.connection,
                thread.ticket,
                Actor("agency", agency),
                agency,
                words,
                finished=False,
                evidence=proof,
            )
    except dispositions.NotDisposed:
        return "not_disposed"
    except NotAllowed:
        return "ended"
    except (dispositions.WordsRefused, dispositions.UnknownEvidence):
        return "empty"
    work.record(event)
    return None


async def _attach(connection: AsyncConnection, thread: Thread, each: Judged, mailbox: int) -> int:
    return await evidence.add(
        connection,
        complaint_id=thread.complaint_id,
        staff_id=mailbox,
        agency=thread.agency,
        sha256=each.sha256,
        content_type=each.file.content_type,
        size=len(each.file.content),
        name=each.file.name,
        looks=each.looks,
    )
