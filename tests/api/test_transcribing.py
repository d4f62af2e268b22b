"""Voice notes in words: a transcriber is named, found and called; the conversation hears its words once."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from making import eventually, rows, run, value
from peers.bot_api import Citizen, FakeBotApi

from api import jobs
from api.house import House, open_house
from api.media.transcribing import Listener, Transcribe, load
from api.processes import worker
from api.providers import telegram
from api.settings import Settings, SettingsWrong
from api.suggesting import Suggester
from api.webhooks.telegram import take_update

SPOKEN = "Lampu jalan di depan Puskesmas Sekayu mati sejak tiga minggu lalu."


def sound(comment: str) -> bytes:
    """A second of silence in a WAV, whose comment says what is spoken in it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(1)
        written.setframerate(8000)
        written.writeframes(bytes([128]) * 8000)
    said = comment.encode()
    said += bytes(len(said) % 2)
    info = b"INFO" + b"ICMT" + struct.pack("<I", len(said)) + said
    return file.getvalue() + b"LIST" + struct.pack("<I", len(info)) + info


def read_comment(content: bytes, content_type: str) -> str | None:
    """A transcriber for sounds that carry their words with them."""
    if content_type != "audio/wav":
        raise ValueError(content_type)
    at = content.find(b"ICMT")
    if at < 0:
        return None
    [length] = struct.unpack_from("<I", content, at + 4)
    return content[at + 8 : at + 8 + length].rstrip(b"\0").decode()


NOT_CALLABLE = 1


@pytest.fixture
def settings(telegram_settings: Settings) -> Settings:
    return telegram_settings.model_copy(update={"transcriber": f"{__name__}:read_comment"})


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    async with open_house(settings, database, name="test", suggester=Suggester.load()) as opened:
        yield opened


@pytest.fixture
def citizen(telegram_api: FakeBotApi) -> Citizen:
    return telegram_api.citizen(77)


@asynccontextmanager
async def working(house: House, transcribe: Transcribe, seconds: float = 30.0) -> AsyncIterator[None]:
    """A worker that hears with this function."""
    async with telegram(house.settings) as channel, jobs.queue(house.url) as queue:
        tools = jobs.Tools(house, {"telegram": channel}, Listener(transcribe, seconds))
        running = asyncio.create_task(
            queue.run_worker_async(
                install_signal_handlers=False, additional_context={"tools": tools}, fetch_job_polling_interval=0.1
            )
        )
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def say(house: House, citizen: Citizen, words: str) -> dict[str, Any]:
    """A voice note comes in, and its reply goes out."""
    update = citizen.message(voice={**citizen._file(sound(words)), "duration": 1, "mime_type": "audio/wav"})
    await take_update(house, update, house.now())
    await run(house.engine, "UPDATE deliveries SET claimed_at = now(), sent_at = now()")
    return update


async def settled(house: House) -> None:
    """No job waits or runs."""
    waiting = (
        "SELECT count(*) FROM procrastinate_jobs"
        " WHERE status IN ('todo', 'doing') AND task_name IN ('fetch_media', 'transcribe')"
    )
    await eventually(lambda: value(house.engine, waiting), 0)


async def heard(house: House) -> list[Any]:
    return await rows(
        house.engine,
        "SELECT message_id, address, sequence, payload FROM inbox WHERE message_id LIKE 'transcript:%' ORDER BY id",
    )


# --- the setting --------------------------------------------------------------------------------------


def test_a_function_is_found_by_its_name() -> None:
    assert load(f"{__name__}:read_comment") is read_comment


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:hear", "no_such_module"),
        (f"{__name__}:no_such_function", "no_such_function"),
        (f"{__name__}:NOT_CALLABLE", "NOT_CALLABLE"),
    ],
)
def test_a_name_of_nothing_is_told_in_a_sentence(name: str, why: str, settings: Settings) -> None:
    with pytest.raises(SettingsWrong) as refusal:
        load(name)
    assert str(refusal.value).startswith("TRANSCRIBER names")
    assert why in str(refusal.value)
    with pytest.raises(SettingsWrong):  # the worker tells it before it opens anything
        worker.run(settings.model_copy(update={"transcriber": name}))


def test_a_module_that_fails_is_told_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_transcriber.py").write_text("raise RuntimeError('the key is 12345')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsWrong, match="RuntimeError") as refusal:
        load("failing_transcriber:hear")
    assert "12345" not in str(refusal.value)


@pytest.mark.parametrize("name", ["hear", "a.b", "a:", ":b", "a b:c", "a:b:c", "a..b:c", "folder/a.py:b"])
def test_a_name_must_look_like_one(name: str, settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"package\.module:function"):
        Settings.model_validate(settings.model_dump() | {"transcriber": name})


# --- the words ----------------------------------------------------------------------------------------


async def test_the_words_of_a_voice_note_reach_its_conversation(house: House, citizen: Citizen) -> None:
    update = await say(house, citizen, f"  {SPOKEN}\u202e ")
    async with working(house, read_comment):
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM inbox"), 2)
        await settled(house)
    [media] = await rows(house.engine, "SELECT id, state, content_type, transcript FROM media")
    assert tuple(media)[1:] == ("stored", "audio/wav", SPOKEN)
    [words] = await heard(house)
    assert tuple(words) == (
        f"transcript:{media.id}",
        "77",
        update["message"]["message_id"],
        {"transcript": media.id},
    )
    [contact] = await rows(house.engine, "SELECT name, conversation FROM contacts")
    assert contact.name == "Budi Santoso"
    assert SPOKEN in str(contact.conversation), "the engine has the words"


async def test_a_job_that_is_repeated_is_heard_once(house: House, citizen: Citizen) -> None:
    calls: list[str] = []

    def counting(content: bytes, content_type: str) -> str | None:
        calls.append(content_type)
        return read_comment(content, content_type)

    await say(house, citizen, SPOKEN)
    async with working(house, counting):
        await settled(house)
    media_id = await value(house.engine, "SELECT id FROM media")
    before = await rows(house.engine, "SELECT id, conversation FROM contacts")
    spoken = await value(house.engine, "SELECT count(*) FROM deliveries")
    listener = Listener(counting)
    await asyncio.gather(*(listener.listen(house, media_id) for _ in range(4)))
    assert len(await heard(house)) == 1
    assert len(calls) == 1, "what is written down is not heard again"
    assert await rows(house.engine, "SELECT id, conversation FROM contacts") == before
    assert await value(house.engine, "SELECT count(*) FROM deliveries") == spoken


async def test_a_worker_that_died_before_the_turn_loses_no_word(house: House, citizen: Citizen) -> None:
    """It had written the words down, and not yet handed them over."""
    await say(house, citizen, SPOKEN)
    async with working(house, lambda content, content_type: None):
        await settled(house)
    assert await heard(house) == []
    await run(house.engine, "UPDATE media SET transcript = 'Jembatan putus di Lais'")

    def never(content: bytes, content_type: str) -> str | None:
        raise AssertionError

    await Listener(never).listen(house, await value(house.engine, "SELECT id FROM media"))
    assert len(await heard(house)) == 1


@pytest.mark.parametrize("words", ["", "  \n", "\u200b"])
async def test_where_nothing_is_heard_nothing_is_said(house: House, citizen: Citizen, words: str) -> None:
    await say(house, citizen, words)
    async with working(house, read_comment):
        await settled(house)
    assert await heard(house) == []
    assert await value(house.engine, "SELECT transcript FROM media") is None


async def test_a_transcriber_that_fails_is_asked_again_and_tells_no_word(
    house: House, citizen: Citizen, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def failing(content: bytes, content_type: str) -> str | None:
        words = read_comment(content, content_type)
        if broken.pop() if broken else False:
            raise RuntimeError(words)
        return words

    await say(house, citizen, SPOKEN)
    async with working(house, failing):
        attempts = "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'transcribe'"
        await eventually(lambda: rows(house.engine, attempts), [(1,)])
        await run(house.engine, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
        await settled(house)
    assert len(await heard(house)) == 1
    assert SPOKEN not in caplog.text


async def test_what_takes_too_long_is_given_up(house: House, citizen: Citizen) -> None:
    release = threading.Event()

    def stuck(content: bytes, content_type: str) -> str | None:
        release.wait(30)
        return read_comment(content, content_type)

    await say(house, citizen, SPOKEN)
    async with working(house, stuck, seconds=0.1):
        await settled(house)
    release.set()
    assert await heard(house) == []


async def test_voices_that_take_long_hold_up_no_photo(house: House, citizen: Citizen) -> None:
    """As the process runs it: voice notes have a queue of their own."""
    release, stopped = threading.Event(), asyncio.Event()

    def slow(content: bytes, content_type: str) -> str | None:
        release.wait(30)
        return read_comment(content, content_type)

    for _ in range(6):
        await say(house, citizen, SPOKEN)
    async with telegram(house.settings) as channel:
        tools = jobs.Tools(house, {"telegram": channel}, Listener(slow))
        running = asyncio.create_task(worker._run(house.url, tools, stopped))
        stored = "SELECT count(*) FROM media WHERE state = 'stored'"
        await eventually(lambda: value(house.engine, stored), 6)
        await take_update(house, citizen.photo(), house.now())
        await eventually(lambda: value(house.engine, stored), 7)
        assert await heard(house) == []
        release.set()
        await eventually(lambda: value(house.engine, "SELECT count(transcript) FROM media"), 6, patience=30)
        stopped.set()
        await running
    assert len(await heard(house)) == 6


async def test_sounds_of_every_kind_but_only_voices_are_written_down(house: House, citizen: Citizen) -> None:
    await take_update(house, citizen.video(b"\0\0\0\x18ftypmp42"), house.now())
    async with working(house, read_comment):
        await eventually(lambda: value(house.engine, "SELECT state FROM media"), "stored")
    assert await value(house.engine, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'transcribe'") == 0


async def test_a_worker_without_a_transcriber_leaves_it(house: House, citizen: Citizen) -> None:
    await say(house, citizen, SPOKEN)
    async with telegram(house.settings) as channel, jobs.queue(house.url) as queue:
        tools = jobs.Tools(house, {"telegram": channel})
        await queue.run_worker_async(
            queues=["default"], wait=False, install_signal_handlers=False, additional_context={"tools": tools}
        )
    waiting = "SELECT queue_name, status FROM procrastinate_jobs WHERE task_name = 'transcribe'"
    assert [tuple(row) for row in await rows(house.engine, waiting)] == [(jobs.VOICE, "todo")]
