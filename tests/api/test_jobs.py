"""Slow work: files are fetched, looked at, kept or refused; what a dead worker left is taken up again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import contact, eventually, rows, run, value
from peers.bot_api import Citizen, FakeBotApi, Update, broken, refused, silence
from peers.clamd import EICAR, SIGNATURE, FakeClamd
from pictures import OWNER, bomb, encoded, from_phone, scene
from running import working
from sqlalchemy import text

from api import jobs
from api.house import House, open_house
from api.media import fetching
from api.settings import Settings
from api.unit import unit
from api.webhooks.telegram import take_update
from bot.channels import telegram
from bot.channels.sending import Limits
from bot.texts import LANGUAGES, speak
from store import media, pictures
from store.media import NewMedia

JPEG, PNG, WEBP = (encoded(scene(), form) for form in ("JPEG", "PNG", "WEBP"))
PDF, WORDS = b"%PDF-1.4\n%%EOF", b"Ini bukan foto."


# --- what bytes are ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (JPEG, "photo", "image/jpeg"),
        (PNG, "photo", "image/png"),
        (PNG, "document", "image/png"),
        (WEBP, "photo", "image/webp"),
        (PDF, "document", "application/pdf"),
        (JPEG + b"PK\x03\x04 and a program", "document", "image/jpeg"),
        (b"OggS\0\2", "voice", "audio/ogg"),
        (b"OggS\0\2", "video", "video/ogg"),
        (b"ID3\4\0", "voice", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "voice", "audio/mpeg"),
        (b"\xff\xf3\x48\xc4", "voice", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "voice", "audio/aac"),
        (b"\0\0\0\x1cftypM4A \0", "voice", "audio/mp4"),
        (b"\0\0\0\x18ftypmp42", "video", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video", "video/quicktime"),
        (b"\0\0\0\x18ftyp3gp4", "voice", "audio/3gpp"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "voice", "audio/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "video", "video/webm"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "voice", "audio/wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "video", "video/x-msvideo"),
        (b"#!AMR\n\x3c", "voice", "audio/amr"),
        (b"#!AMR-WB\n", "voice", "audio/amr-wb"),
        (b"fLaC\0\0", "voice", "audio/flac"),
        (b"GIF89a", "video", "image/gif"),
        (b"\xff\xfeI\0n\0i\0", "voice", "application/octet-stream"),
        (b"<html><script>", "voice", "application/octet-stream"),
        (JPEG, "voice", "application/octet-stream"),
        (b"\xff", "voice", "application/octet-stream"),
        (b"", "video", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_bytes_show(content: bytes, kind: str, found: str) -> None:
    assert fetching.look(content, kind) == found


@given(st.binary(max_size=40), st.sampled_from(["voice", "video"]))
def test_sound_and_film_are_never_refused_for_what_they_are(content: bytes, kind: str) -> None:
    assert fetching.look(content, kind)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (WORDS, "unreadable"),
        (b"", "unreadable"),
        (encoded(scene(), "GIF"), "unreadable"),
        (JPEG[:20], "unreadable"),
        (PNG[:80], "broken"),
        (b"<svg onload='alert(1)'/>", "unreadable"),
        (bomb(), "too_many_pixels"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (JPEG + bytes(20 * 1024 * 1024), "too_large"),
    ],
    ids=["words", "nothing", "GIF", "half a JPEG", "half a PNG", "SVG", "bomb", "HEIC", "too large"],
)
def test_a_file_that_no_office_could_open_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(fetching.UselessFile) as refusal:
        fetching.look(content, "photo")
    assert refusal.value.key == why
    assert all(speak(f"media.{why}", {}, language) for language in LANGUAGES)


# --- fetching ------------------------------------------------------------------------------------------


@pytest.fixture
async def house(telegram_settings: Settings, database: str) -> AsyncIterator[House]:
    """The house of the door, without a classifier."""
    async with open_house(telegram_settings, database, name="test") as opened:
        yield opened


@pytest.fixture
def citizen(telegram_api: FakeBotApi) -> Citizen:
    return telegram_api.citizen(77)


@asynccontextmanager
async def sent(house: House, update: Update) -> AsyncIterator[None]:
    """A citizen's file has come in, and a worker is at work."""
    await take_update(house, update, house.now())
    await run(house.engine, "UPDATE deliveries SET claimed_at = now(), sent_at = now()")
    async with working(house.settings, house.url):
        yield


async def until(house: House, statement: str, wanted: Any = True) -> None:
    """Wait until a query finds that value."""
    await eventually(lambda: value(house.engine, statement), wanted)


async def outcome(house: House) -> tuple[str, str | None]:
    """State and problem of the only file, once it is settled."""
    await until(house, "SELECT state <> 'waiting' FROM media")
    [(state, problem)] = await rows(house.engine, "SELECT state, problem FROM media")
    return state, problem


async def told(house: House) -> list[Any]:
    """What the citizen is told about files."""
    return [each for [each] in await rows(house.engine, "SELECT says FROM deliveries WHERE sent_at IS NULL")]


HURRY = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("foto", JPEG, "image/jpeg"),
        ("foto", PNG, "image/png"),
        ("foto", WEBP, "image/webp"),
        ("surat", PDF, "application/pdf"),
    ],
)
async def test_a_good_file_is_stored(house: House, citizen: Citizen, name: str, content: bytes, kind: str) -> None:
    update = citizen.photo(data=content) if name == "foto" else citizen.document(content)
    async with sent(house, update):
        assert await outcome(house) == ("stored", None)
    [(found, size, digest)] = await rows(house.engine, "SELECT content_type, size, sha256 FROM media")
    assert (found, size) == (kind, len(content))
    assert house.shelf.get(digest) == content
    assert await told(house) == []


@pytest.mark.parametrize(
    ("content", "why"), [(WORDS, "unreadable"), (bomb(), "too_many_pixels")], ids=["words", "bomb"]
)
async def test_a_useless_file_is_refused_and_the_citizen_told(
    house: House, citizen: Citizen, content: bytes, why: str
) -> None:
    async with sent(house, citizen.document(content, "foto.jpg", "image/jpeg")):
        assert await outcome(house) == ("refused", why)
    assert await told(house) == [[["push.media_refused", {"problem": {"key": f"media.{why}"}}]]]
    assert list(house.shelf.names()) == [], "what could not be used is not ours to keep"
    assert await rows(house.engine, "SELECT * FROM attention") == []


async def test_of_a_picture_the_original_and_a_clean_copy_are_kept(house: House, citizen: Citizen) -> None:
    photo = from_phone()
    async with sent(house, citizen.photo(data=photo)):
        assert await outcome(house) == ("stored", None)
    [row] = await rows(house.engine, "SELECT * FROM media")
    assert house.shelf.get(row.sha256) == photo
    copy = house.shelf.get(row.clean_sha256)
    assert copy == pictures.read(photo).content
    assert OWNER.encode() not in copy
    assert (row.clean_type, row.clean_size) == ("image/jpeg", len(copy))


async def test_a_file_that_is_gone_is_told_to_citizen_and_operators(
    house: House, citizen: Citizen, telegram_api: FakeBotApi
) -> None:
    telegram_api.faults.add(refused("wrong file_id or the file is temporarily unavailable"), method="getFile")
    async with sent(house, citizen.photo()):
        assert await outcome(house) == ("failed", "gone")
    assert await told(house) == [[["push.media_refused", {"problem": {"key": "media.gone"}}]]]
    assert await rows(house.engine, "SELECT kind FROM attention") == [("media_failed",)]


@pytest.mark.parametrize(("fault", "method"), [(broken(), "getFile"), (broken(), "file"), (silence(), "getFile")])
async def test_a_provider_that_fails_is_asked_again(
    house: House, citizen: Citizen, telegram_api: FakeBotApi, monkeypatch: pytest.MonkeyPatch, fault: Any, method: str
) -> None:
    limits = Limits(connect=0.3, total=0.3, download=0.3)
    monkeypatch.setattr(telegram, "Limits", lambda: limits)
    telegram_api.faults.add(fault, method=method)
    async with sent(house, citizen.photo()):
        await until(house, "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'fetch_media'", 1)
        assert await value(house.engine, "SELECT state FROM media") == "waiting"
        await run(house.engine, HURRY)
        assert await outcome(house) == ("stored", None)
    assert await told(house) == []


async def test_after_the_last_attempt_a_file_is_given_up(
    house: House, citizen: Citizen, telegram_api: FakeBotApi
) -> None:
    update = citizen.photo()
    telegram_api.lose_file(update["message"]["photo"][1]["file_id"])
    await take_update(house, update, house.now())
    await run(house.engine, "UPDATE procrastinate_jobs SET attempts = 79")
    async with working(house.settings, house.url):
        assert await outcome(house) == ("failed", "gone")


async def test_a_file_of_the_page_that_is_not_on_the_shelf_is_given_up(house: House) -> None:
    async with unit(house) as work:
        new = NewMedia(await contact(work.connection), "photo", "webchat", "0" * 64)
        await jobs.fetch_media_later(work.connection, await media.add(work.connection, new))
    async with working(house.settings, house.url):
        assert await outcome(house) == ("failed", "gone")


async def test_a_file_of_the_page_is_stored(house: House) -> None:
    async with unit(house) as work:
        new = NewMedia(await contact(work.connection), "photo", "webchat", house.shelf.put(JPEG))
        await jobs.fetch_media_later(work.connection, await media.add(work.connection, new))
    async with working(house.settings, house.url):
        assert await outcome(house) == ("stored", None)


async def test_what_goes_wrong_on_our_side_is_tried_again(house: House, citizen: Citizen) -> None:
    """A full disk, a database that hiccups: the file stays with the provider and can be had later."""
    blocked = house.settings.data_dir / "media"
    blocked.write_text("no folder")
    async with sent(house, citizen.photo()):
        await until(house, "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'fetch_media'", 1)
        blocked.unlink()
        await run(house.engine, HURRY)
        assert await outcome(house) == ("stored", None)


async def test_a_job_of_a_turn_that_failed_does_not_exist(house: House) -> None:
    async def fail() -> None:
        async with unit(house) as work:
            await jobs.fetch_media_later(work.connection, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await value(house.engine, "SELECT count(*) FROM procrastinate_jobs") == 0


async def test_a_file_that_is_settled_is_left_alone(house: House, citizen: Citizen) -> None:
    await take_update(house, citizen.photo(), house.now())
    await run(house.engine, "UPDATE media SET state = 'refused'")
    async with working(house.settings, house.url):
        await until(
            house, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'fetch_media' AND status = 'todo'", 0
        )
        await until(house, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'", 0)
    assert await value(house.engine, "SELECT state FROM media") == "refused"


async def test_refusing_a_file_and_a_turn_of_its_sender_do_not_block_each_other(house: House, citizen: Citizen) -> None:
    """A turn that gives its files to a complaint has the chat locked, as the refusal does that is to be told there."""
    await take_update(house, citizen.document(WORDS, "foto.jpg", "image/jpeg"), house.now())
    async with working(house.settings, house.url):
        async with house.engine.begin() as connection:
            await connection.execute(text("SELECT id FROM contacts FOR UPDATE"))
            await until(house, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")  # the worker waits for the chat
            await connection.execute(text("UPDATE media SET draft = draft"))
        assert await outcome(house) == ("refused", "unreadable")


async def test_a_voice_note_is_kept_for_whoever_can_play_it(house: House, citizen: Citizen) -> None:
    async with sent(house, citizen.voice(b"OggS\0\2 suara")):
        assert await outcome(house) == ("stored", None)
    [kept] = await rows(house.engine, "SELECT kind, content_type, size, transcript FROM media")
    assert tuple(kept) == ("voice", "audio/ogg", 12, None)
    jobs_left = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'transcribe'"
    assert await value(house.engine, jobs_left) == 0, "nobody is there to write it down"


# --- looked through for viruses ----------------------------------------------------------------------------


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    """A clamd on loopback."""
    async with FakeClamd() as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def guarded(telegram_settings: Settings, database: str, clamd: FakeClamd) -> AsyncIterator[House]:
    """The house of the door, with a clamd."""
    settings = telegram_settings.model_copy(update={"clamd_host": clamd.where})
    async with open_house(settings, database, name="test") as opened:
        yield opened


async def test_a_file_is_kept_when_clamd_has_seen_all_of_it(guarded: House, citizen: Citizen, clamd: FakeClamd) -> None:
    async with sent(guarded, citizen.photo(data=JPEG)):
        assert await outcome(guarded) == ("stored", None)
    assert clamd.streams == [JPEG]


@pytest.mark.parametrize("carrier", [b"", b"%PDF-1.4", JPEG], ids=["bare", "pdf", "photo"])
async def test_an_infected_file_is_refused_and_not_kept(guarded: House, citizen: Citizen, carrier: bytes) -> None:
    async with sent(guarded, citizen.document(carrier + EICAR, "Surat Budi.pdf", "application/pdf")):
        assert await outcome(guarded) == ("refused", "infected")
    assert await told(guarded) == [[["push.media_refused", {"problem": {"key": "media.infected"}}]]]
    assert await rows(guarded.engine, "SELECT kind, detail FROM attention") == [("media_infected", SIGNATURE)]
    assert list(guarded.shelf.names()) == []


async def test_an_infected_file_of_the_page_is_taken_off_the_shelf_again(guarded: House) -> None:
    """Its bytes were there before anybody had looked at them. Somebody else has sent the same: they wait for that."""
    digest = guarded.shelf.put(EICAR)
    async with unit(guarded) as work:
        new = NewMedia(await contact(work.connection), "document", "webchat", digest)
        await jobs.fetch_media_later(work.connection, await media.add(work.connection, new))
        waiting = await media.add(work.connection, new)
    async with working(guarded.settings, guarded.url):
        await until(guarded, "SELECT state FROM media ORDER BY id LIMIT 1", "refused")
        await until(guarded, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')", 0)
        assert guarded.shelf.get(digest) == EICAR
        async with unit(guarded) as work:
            await jobs.fetch_media_later(work.connection, waiting)
        await until(guarded, "SELECT count(*) FROM media WHERE state = 'refused'", 2)
        await until(guarded, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')", 0)
    assert [name for names in guarded.shelf.names() for name in names] == []
    assert await value(guarded.engine, "SELECT count(*) FROM attention WHERE kind = 'media_infected'") == 1


async def test_while_clamd_is_away_files_wait(guarded: House, citizen: Citizen, clamd: FakeClamd) -> None:
    clamd.faults.append("hangs up")
    async with sent(guarded, citizen.photo(data=JPEG)):
        await until(guarded, "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'fetch_media'", 1)
        assert await value(guarded.engine, "SELECT state FROM media") == "waiting"
        assert list(guarded.shelf.names()) == []
        await run(guarded.engine, HURRY)
        assert await outcome(guarded) == ("stored", None)
    assert await told(guarded) == []


async def test_a_file_that_clamd_never_looked_at_is_not_taken(
    guarded: House, citizen: Citizen, clamd: FakeClamd
) -> None:
    clamd.faults.append("nonsense")
    await take_update(guarded, citizen.photo(data=JPEG), guarded.now())
    await run(guarded.engine, "UPDATE procrastinate_jobs SET attempts = 79")
    async with working(guarded.settings, guarded.url):
        assert await outcome(guarded) == ("failed", "unchecked")
    assert ["push.media_refused", {"problem": {"key": "media.unchecked"}}] in [each[0] for each in await told(guarded)]
    assert await rows(guarded.engine, "SELECT kind FROM attention") == [("media_failed",)]
    assert list(guarded.shelf.names()) == []


# --- dead workers ------------------------------------------------------------------------------------------


async def test_the_job_of_a_dead_worker_is_done_by_another(house: House, citizen: Citizen) -> None:
    await take_update(house, citizen.photo(data=JPEG), house.now())
    await run(house.engine, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    await run(
        house.engine,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)",
    )
    async with working(house.settings, house.url):
        assert await outcome(house) == ("stored", None)


async def test_the_job_of_a_living_worker_is_left_to_it(house: House, citizen: Citizen) -> None:
    await take_update(house, citizen.photo(data=JPEG), house.now())
    await run(house.engine, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '5 seconds')")
    await run(
        house.engine,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)",
    )
    async with working(house.settings, house.url):
        await until(house, "SELECT count(*) > 0 FROM procrastinate_jobs WHERE task_name = 'rescue'")
        await until(
            house,
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'rescue' AND status IN ('todo', 'doing')",
            0,
        )
    assert await value(house.engine, "SELECT status FROM procrastinate_jobs WHERE task_name = 'fetch_media'") == "doing"
