"""The conversation in a terminal, through the same spine and ledger as every channel; or a golden one, replayed."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import uvicorn
from pydantic import SecretStr

from api import intake
from api.app import build
from api.delivery import Speaker
from api.house import House, open_house
from api.replaying import AttachingTerminal, Desk, Shell, Speech, StageFailed, TerminalPerson
from api.running import database, prepare
from api.settings import Settings, SettingsWrong
from api.suggesting import Suggester
from api.transcripts import Transcript, TranscriptWrong, Turn, play, read, tell
from bot.channels.terminal import Terminal
from store import embedded, rehearsal

# Seconds before a line, so that a replay reads like a conversation.
PAUSE = 1.2
# What a citizen who cannot just type does, as a replay shows it.
DOES = {
    "photo": "(foto)",
    "file": "(berkas)",
    "video": "(video)",
    "voice": "(pesan suara)",
    "transcript": "(isi pesan suara)",
    "gif": "(gif)",
    "sticker": "(stiker)",
    "contact_card": "(kartu kontak)",
    "poll": "(jajak pendapat)",
    "pin": "(lokasi)",
    "edit": "(mengubah pesan)",
    "forwarded": "(meneruskan)",
    "look": "(melihat)",
    "agency": "(petugas)",
    "grant": "(Kominfo)",
    "question_removed": "(pertanyaan ini dihapus)",
    "no_classifier": "(tanpa pengklasifikasi)",
}

# Whose chat a line is typed in, as a replay shows it.
CHATS = {"": ">", "other": ">>", "resident": "warga >"}


def run(settings: Settings, replay: Path | None = None, fast: bool = False) -> None:
    """Talk to the bot in this terminal, or watch it talk in a golden conversation.

    A replay ends the process with status 1 where the bot does not say what the file wants.
    """
    if replay is not None:
        _replay(settings, replay, 0.0 if fast else PAUSE)
        return
    with database(settings) as url:
        asyncio.run(_chat(settings, url))


async def _chat(settings: Settings, url: str) -> None:
    terminal = Terminal()
    async with open_house(settings, url, name="chat", suggester=Suggester.load()) as house:
        speaking = Speaker(house, {"terminal": terminal})
        running = asyncio.create_task(speaking.run())
        user, number = uuid.uuid4().hex[:12], 0
        print("Tulis laporan Anda; Ctrl-D untuk keluar. / Write your report; Ctrl-D to leave.")
        while line := await asyncio.to_thread(sys.stdin.readline):
            number += 1
            await intake.take(house, terminal.read(line.rstrip("\n"), user, number), {"text": line}, house.now())
            await _spoken(house)
        speaking.stop()
        await running


async def _spoken(house: House) -> None:
    """Wait until the reply is out, so that the next line is typed below it."""
    for _ in range(50):
        await asyncio.sleep(0.05)
        async with house.engine.connect() as connection:
            waiting = await connection.exec_driver_sql(
                "SELECT 1 FROM deliveries WHERE channel = 'terminal' AND sent_at IS NULL AND failed_at IS NULL "
                "AND held_at IS NULL LIMIT 1"
            )
            if waiting.one_or_none() is None:
                return


# --- a golden conversation, replayed --------------------------------------------------------------------


def _replay(settings: Settings, file: Path, pause: float) -> None:
    """Play a transcript on a database of its own, which is gone afterwards. Raises SystemExit at differences."""
    try:
        transcript = read(file)
    except TranscriptWrong as error:
        raise SettingsWrong(str(error)) from None
    if "reply" in transcript.words:
        raise SettingsWrong(f"{file.name} quotes a message, which a terminal cannot do.")
    with tempfile.TemporaryDirectory(prefix="lapor-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server may run as a user of its own
        with embedded.serve(Path(folder)) as url:
            prepare(url)
            rehearsal.wind(url)
            key = secrets.token_urlsafe(24)
            # Of the settings that are set here, none may reach the outside: it is only played.
            alone = {"data_dir": Path(folder), "telegram_token": None, "api_keys": SecretStr(f"replay:{key}")}
            problems = asyncio.run(_perform(settings.model_copy(update=alone), url, key, transcript, pause))
    if problems:
        raise SystemExit("\n\n".join(f"{file}, {problem}" for problem in problems))


async def _perform(settings: Settings, url: str, key: str, transcript: Transcript, pause: float) -> list[str]:
    """The differences from the file, in words."""
    terminal = AttachingTerminal()
    async with AsyncExitStack() as stack:
        opening = open_house(settings, url, name="chat", suggester=Suggester.load())
        house = await stack.enter_async_context(opening)
        speech = await stack.enter_async_context(Speech(house, {"terminal": terminal}).running())
        persons = [TerminalPerson(house, terminal, speech.ears["terminal"], user) for user in ("1", "2", "3")]
        desk = None
        if transcript.words & {"agency", "neighbours"}:
            desk = Desk(await stack.enter_async_context(_served(settings, url)), key)

        async def show(turn: Turn) -> None:
            if words := _shown(turn):
                await asyncio.sleep(pause)
                print(words, flush=True)
            await asyncio.sleep(pause)

        print(f"{transcript.title}\n")
        problems = []
        try:
            async for played in play(transcript, Shell(house, speech, persons, desk), show):
                problems += [words] if (words := tell(played)) else []
        except StageFailed as error:
            problems.append(str(error))
    return problems


@asynccontextmanager
async def _served(settings: Settings, url: str) -> AsyncIterator[str]:
    """The web process for the officers, on a port of its own; yields its address."""
    server = uvicorn.Server(uvicorn.Config(build(settings, url), host="127.0.0.1", port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def _shown(turn: Turn) -> str:
    """What happens in a turn, as the line that a citizen would have typed."""
    chat = CHATS[turn.chat]
    time = f"… {turn.wait} …\n" if turn.wait else ""
    if turn.action is None:
        return time.rstrip()
    if turn.action in {"citizen", "tap", "old_tap"}:
        return f"{time}{chat} {turn.what}"
    what = turn.what if isinstance(turn.what, str) else ""
    if isinstance(turn.what, dict):
        what = "; ".join(str(each) for each in turn.what.values())
    return f"{time}{chat} {DOES[turn.action]} {what}".rstrip()
