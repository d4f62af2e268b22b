"""The nightly job: rounds until nothing is due, masked with the real rules, and bytes that nobody names go."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import CHANNEL, OPERATOR, contact, eventually, file, rows, run, value

from api import jobs, retention
from api.house import House, open_house
from api.settings import Settings
from bot.texts import speak
from store import complaints, contacts, inbox, media, moves, rights
from store.media import NewMedia, Shelf

PHONE = "081234567890"
OLD = 90_000.0  # seconds; longer than any grace


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """The house of a worker, which reads no texts."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


def aged(house: House, content: bytes, seconds: float = OLD) -> str:
    """Bytes that were put on the shelf so long ago."""
    name = house.shelf.put(content)
    at = time.time() - seconds
    os.utime(path(house, name), (at, at))
    return name


def path(house: House, name: str) -> Path:
    return house.settings.data_dir / "media" / name[:2] / name


def there(house: House) -> set[str]:
    return {name for names in house.shelf.names() for name in names}


async def kept_file(house: House, content: bytes, **details: object) -> str:
    """A file with its row."""
    name = aged(house, content)
    async with house.engine.begin() as connection:
        contact_id = await contact(connection)
        media_id = await media.add(connection, NewMedia(contact_id, "photo", CHANNEL, name, **details))  # type: ignore[arg-type]
        await media.stored(connection, media_id, name, "image/jpeg", len(content))
    return name


async def closed(house: House, days: int, **details: object) -> str:
    """A complaint that ended so many days ago."""
    status = moves.read("Diarsipkan oleh Admin")
    assert status is not None
    async with house.engine.begin() as connection:
        ticket = (await file(connection, text=f"Hubungi {PHONE}, jalan rusak.", **details)).ticket
        await complaints.move(connection, ticket, status, OPERATOR, reason=None, note=None)
    at = house.now() - timedelta(days=days)
    await run(house.engine, "UPDATE complaints SET changed_at = :at WHERE ticket = :t", at=at, t=ticket)
    return ticket


async def test_one_night_does_all_that_is_due(house: House) -> None:
    for number in range(retention.BATCH + 5):
        await closed(house, 366, title=f"Laporan {number}")
    young = await closed(house, 364)
    found = await retention.retain(house)
    assert found.complaints == retention.BATCH + 5
    left = await rows(house.engine, "SELECT ticket FROM complaints WHERE text LIKE :phone", phone=f"%{PHONE}%")
    assert [row.ticket for row in left] == [young]
    assert (
        await value(house.engine, "SELECT count(*) FROM complaints WHERE text = 'Hubungi [TELP], jalan rusak.'") == 55
    )


async def test_a_notice_about_somebody_who_is_in_no_chat_goes_too(house: House) -> None:
    async with house.engine.begin() as connection:
        for days in (89, 91):
            name, at = f"wamid.{days}", house.now() - timedelta(days=days)
            await inbox.keep(connection, channel=CHANNEL, message_id=name, payload={"wa_id": PHONE}, received_at=at)
    await retention.retain(house)
    found = await rows(house.engine, "SELECT message_id, payload FROM inbox ORDER BY received_at DESC")
    assert [row.payload for row in found] == [{"wa_id": PHONE}, {}]
    assert [row.message_id.startswith("wamid.") for row in found] == [True, False]


async def test_how_long_is_configuration(settings: Settings, database: str) -> None:
    shorter = settings.model_copy(update={"retention_closed_days": 30})
    async with open_house(shorter, database, name="test") as house:
        await closed(house, 31)
        assert (await retention.retain(house)).complaints == 1
        assert retention.policy(shorter) == rights.Policy(closed_days=30, draft_days=7, chat_days=90)


async def test_the_files_of_an_anonymous_complaint_leave_the_shelf(house: House) -> None:
    async with house.engine.begin() as connection:
        chat = await contact(connection)
        sender = {"contact_id": chat, "citizen_id": await contacts.become_citizen(connection, chat, "Siti", "id")}
    name = await kept_file(house, b"foto", ticket=await closed(house, 366, draft=1, **sender))
    shared = await kept_file(house, b"juga orang lain", ticket=await closed(house, 366, draft=2, **sender))
    await kept_file(house, b"juga orang lain", draft=3)
    await retention.retain(house)
    assert there(house) == {shared}
    assert name != shared


async def test_the_worker_does_it_by_itself(settings: Settings, house: House) -> None:
    await closed(house, 366)
    async with jobs.queue(house.url) as queue:
        assert "retain" in {task.name for task in queue.tasks.values()}
        [periodic] = [each for each in queue.periodic_registry.periodic_tasks.values() if each.task.name == "retain"]
        assert periodic.cron.split()[2:] == ["*", "*", "*"], "every day"
        await periodic.task.defer_async(timestamp=0)
        tools = jobs.Tools(house, {})
        worker = asyncio.create_task(
            queue.run_worker_async(wait=False, install_signal_handlers=False, additional_context={"tools": tools})
        )
        await eventually(
            lambda: value(house.engine, "SELECT count(*) FROM complaint_history WHERE event = 'anonymised'"), 1
        )
        await worker


async def test_two_workers_in_one_night_are_as_good_as_one(house: House) -> None:
    for _ in range(20):
        await closed(house, 366)
    async with asyncio.timeout(60):
        await asyncio.gather(retention.retain(house), retention.retain(house))
    await retention.retain(house)
    assert await value(house.engine, "SELECT count(*) FROM complaint_history WHERE event = 'anonymised'") == 20


async def test_what_cannot_be_masked_is_left_and_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await closed(house, 366)

    def broken(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(retention, "import_module", broken)
    found = await retention.retain(house)
    assert (found.complaints, found.unmasked) == (0, 1)
    monkeypatch.undo()
    assert (await retention.retain(house)).complaints == 1


# --- what citizens are told --------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["id", "en"])
async def test_a_citizen_is_told_what_is_kept_and_until_when(house: House, language: str) -> None:
    policy = retention.policy(house.settings)

    async def told() -> tuple[str, str]:
        async with house.engine.begin() as connection:
            held = await rights.held(connection, mine, policy)
            erased = await rights.erase(connection, mine, policy)
        words = (retention.held_words(house, held), retention.erased_words(house, erased))
        # As the ledger keeps them.
        said, gone = json.loads(json.dumps(words))
        return speak("rights.held", said, language), speak("rights.erased", gone, language)

    async with house.engine.begin() as connection:
        mine = await contact(connection)
    held, erased = await told()
    assert "Budi" in held
    assert speak("rights.kept_none", None, language) in erased
    async with house.engine.begin() as connection:
        citizen = await contacts.become_citizen(connection, mine, "Budi", language)
    ended = await closed(house, 10, contact_id=mine, citizen_id=citizen, draft=1)
    held, erased = await told()
    assert ended in held
    day = (house.now() + timedelta(days=355)).astimezone(house.zone(None)).date()
    assert speak("rights.kept_ended", {"complaints": ended, "until": {"date": day.isoformat()}}, language) in erased
    async with house.engine.begin() as connection:
        details = {"contact_id": mine, "citizen_id": citizen, "draft": 2}
        running = (await file(connection, **details)).ticket
    held, erased = await told()
    both = f"{ended}, {running}"
    assert both in held
    assert speak("rights.kept_open", {"complaints": both, "closed_days": 365}, language) in erased


# --- the shelf ---------------------------------------------------------------------------------------


async def test_what_no_row_names_is_removed_unless_it_was_put_just_now(house: House) -> None:
    named, lost, fresh = await kept_file(house, b"satu"), aged(house, b"dua"), house.shelf.put(b"tiga")
    assert await retention.tidy(house) == 1
    assert there(house) == {named, fresh}
    assert lost not in there(house)


async def test_bytes_that_come_again_are_not_taken_away(house: House) -> None:
    name = aged(house, b"foto")
    assert house.shelf.put(b"foto") == name
    assert await retention.put_away(house, [name]) == 0
    assert house.shelf.get(name) == b"foto"


async def test_a_shelf_of_another_database_is_left_alone(house: House) -> None:
    named = await kept_file(house, b"punya kita")
    others = {aged(house, f"lain {number}".encode()) for number in range(retention.SUSPICIOUS + 1)}
    assert await retention.tidy(house) == 0
    assert there(house) == others | {named}


async def test_half_written_files_of_dead_processes_go_after_a_day(house: House) -> None:
    name = await kept_file(house, b"utuh")
    left, writing = path(house, name).with_name("tmpabc"), path(house, name).with_name("tmpdef")
    for half in (left, writing):
        half.write_bytes(b"setengah")
    at = time.time() - OLD
    os.utime(left, (at, at))
    await retention.tidy(house)
    assert (left.exists(), writing.exists()) == (False, True)
    assert house.shelf.get(name) == b"utuh"


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    assert Shelf(tmp_path).remove("0" * 64, 0) is False
    assert list(Shelf(tmp_path / "none").names()) == []


@given(st.lists(st.sampled_from(["put", "age", "remove"]), max_size=12))
@examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_are_there_whenever_they_were_put_since(tmp_path: Path, steps: list[str]) -> None:
    shelf = Shelf(tmp_path / "media")
    name = shelf.put(b"foto")
    fresh = wanted = True
    for step in steps:
        if step == "put":
            shelf.put(b"foto")
            fresh = wanted = True
        elif step == "age" and wanted:
            at = time.time() - OLD
            os.utime(tmp_path / "media" / name[:2] / name, (at, at))
            fresh = False
        elif step == "remove":
            gone = shelf.remove(name, 60)
            assert gone is (wanted and not fresh)
            wanted = wanted and fresh
        assert (name in {each for names in shelf.names() for each in names}) is wanted
    assert [each.name for each in (tmp_path / "media").rglob("*.gone")] == []


async def test_many_may_put_and_remove_the_same_bytes_at_once(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    name = shelf.put(b"foto")

    def put() -> None:
        shelf.put(b"foto")

    def remove() -> None:
        at = time.time() - OLD
        try:
            os.utime(tmp_path / name[:2] / name, (at, at))
        except FileNotFoundError:
            return
        shelf.remove(name, 60)

    await asyncio.gather(*(asyncio.to_thread(each) for each in [put, remove] * 100))
    assert shelf.put(b"foto") == name
    assert shelf.get(name) == b"foto"
    assert list(shelf.names()) == [[name]]
    assert shelf.tidy(0) == 0, "nothing is left half removed"
