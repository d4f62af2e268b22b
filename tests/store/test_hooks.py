"""Webhooks out, in the store: who is told what, in which order, until when; and never a word of anybody."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import complaints, contacts, hooks, moves, references, subscriptions
from store.complaints import Event
from store.hooks import Post
from store.subscriptions import KINDS, Wrong

SCHEMA = json.loads((Path(__file__).parents[2] / "bridges" / "webhook_schema.json").read_text(encoding="utf-8"))
PERSON, STORY, PLACE = "Zulkarnain Tersembunyi", "Lampu di depan rumah Pak KataRahasia mati.", "belakang pasar Cinde"
URL = "https://hook.example/lapor"
ANSWERED, CLOSED = moves.ANSWERS[0], "Ditutup oleh Admin"


async def subscribe(connection: AsyncConnection, name: str = "Dasbor", *kinds: str, region: str | None = None) -> int:
    return (await subscriptions.add(connection, name, URL, kinds or KINDS, region))[0]


async def filed(connection: AsyncConnection, **details: Any) -> Event:
    """A complaint with a pelapor whose name nobody must be told."""
    chat = await contact(connection, "998877665544")
    citizen = await contacts.become_citizen(connection, chat, PERSON, "id")
    wanted = {"text": STORY, "place": PLACE, "region": "16.71.01", "agency": "16.71-pu", "category": "118", **details}
    return await file(connection, citizen_id=citizen, contact_id=chat, latitude=-2.98, longitude=104.75, **wanted)


async def record(connection: AsyncConnection, event: Event) -> list[int]:
    return await hooks.record(connection, event, datetime.now(UTC))


async def bodies(engine: AsyncEngine) -> list[dict[str, Any]]:
    return [row.body for row in await rows(engine, "SELECT body FROM webhook_events ORDER BY id")]


# --- what it is called ------------------------------------------------------------------------------------------

FIRST, DISPOSED, DISPUTED = moves.FIRST, moves.DISPOSED, moves.DISPUTED


@pytest.mark.parametrize(
    ("verb", "data", "kind"),
    [
        ("filed", {}, "complaint.filed"),
        ("filed", {"again": True}, None),
        ("moved", {"status": ANSWERED, "was": DISPOSED}, "complaint.answered"),
        ("moved", {"status": ANSWERED, "was": ANSWERED}, "complaint.answered"),
        ("moved", {"status": CLOSED, "was": ANSWERED}, "complaint.closed"),
        ("moved", {"status": "Diarsipkan oleh Admin", "was": FIRST}, "complaint.closed"),
        ("moved", {"status": moves.WAITING, "was": FIRST}, "complaint.status_changed"),
        ("moved", {"status": DISPOSED, "was": DISPOSED}, None),
        ("disposed", {"status": DISPOSED, "changed": True}, "complaint.routed"),
        ("disposed", {"status": DISPOSED, "changed": False}, None),
        ("rerouted", {"status": FIRST, "changed": True}, "complaint.routed"),
        ("rerouted", {"status": FIRST, "changed": False}, "complaint.corrected"),
        ("handed_back", {"status": DISPOSED}, None),
        ("responded", {"status": DISPOSED}, "complaint.responded"),
        ("replied", {"status": DISPOSED, "was": DISPOSED}, None),
        ("replied", {"status": FIRST, "was": moves.WAITING}, "complaint.status_changed"),
        ("disputed", {"status": DISPUTED, "was": ANSWERED}, "complaint.status_changed"),
        ("confirmed", {"status": moves.CONFIRMED, "was": ANSWERED}, "complaint.closed"),
        ("withdrawn", {"status": moves.WITHDRAWN, "was": FIRST}, "complaint.closed"),
        ("denied", {"status": FIRST, "was": DISPOSED, "again": False}, "complaint.status_changed"),
        ("denied", {"status": FIRST, "was": FIRST, "again": True}, None),
        ("lapsed", {"status": "Ditutup oleh Sistem", "was": ANSWERED}, "complaint.closed"),
        ("edited", {"changed": ["title"]}, "complaint.corrected"),
        ("edited", {"changed": []}, None),
        ("referenced", {"system": "sp4n"}, "complaint.referenced"),
        ("noted", {"public": True}, None),
        ("rated", {}, None),
        ("followed", {}, None),
        ("a verb of tomorrow", {}, None),
    ],
)
def test_every_event_has_one_name_outside_or_none(verb: str, data: dict[str, Any], kind: str | None) -> None:
    assert hooks.kind_of(Event(verb, 1, "T-482-173-9051", data)) == kind


def test_the_schema_knows_every_kind() -> None:
    assert set(SCHEMA["properties"]["kind"]["enum"]) == {*KINDS, "webhook.test"}


# --- what is told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("details", [{}, {"anonymous": True}, {"region": None, "agency": None, "category": None}])
async def test_facts_are_told_and_no_words(engine: AsyncEngine, details: dict[str, Any]) -> None:
    async with engine.begin() as connection:
        await subscribe(connection)
        event = await filed(connection, **details)
        await record(connection, event)
        reference = await references.plan(connection, event.complaint_id, "sp4n", connection_id=None)
        assert reference
        confirmed = await references.confirm(connection, reference, "7654321", OPERATOR)
        assert confirmed
        await record(connection, confirmed)
    first, second = await bodies(engine)
    for each in (first, second):
        jsonschema.validate(each, SCHEMA, format_checker=jsonschema.FormatChecker())
        told = json.dumps(each)
        for word in (PERSON, *PERSON.split(), "KataRahasia", "Cinde", "998877665544", "-2.98", "telegram"):
            assert word not in told
    assert first["complaint"]["ticket"] == event.ticket
    assert first["complaint"]["anonymous"] == details.get("anonymous", False)
    assert first["complaint"]["references"] == []
    assert second["complaint"]["references"] == [{"system": "sp4n", "number": "7654321"}]
    assert (first["kind"], second["kind"]) == ("complaint.filed", "complaint.referenced")
    assert first["sequence"] < second["sequence"]


async def test_of_rahasia_only_that_it_is_there_and_how_far(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await subscribe(connection)
        event = await filed(connection, secret=True)
        await record(connection, event)
    [body] = await bodies(engine)
    jsonschema.validate(body, SCHEMA)
    assert body["complaint"] == {"ticket": event.ticket, "status": FIRST, "secret": True}


@pytest.mark.parametrize(
    ("kinds", "region", "told"),
    [
        ((), None, True),
        ((), "16", True),
        ((), "16.71", True),
        ((), "16.71.01", True),
        ((), "16.06", False),
        ((), "16.71.02", False),
        ((), "73", False),
        (("complaint.filed",), None, True),
        (("complaint.closed", "complaint.routed"), None, False),
    ],
)
async def test_who_asked_for_it_there_is_told(
    engine: AsyncEngine, kinds: tuple[str, ...], region: str | None, told: bool
) -> None:
    async with engine.begin() as connection:
        mine = await subscribe(connection, "Dasbor", *kinds, region=region)
        assert await record(connection, await filed(connection)) == ([mine] if told else [])


async def test_whoever_is_switched_off_misses_it_and_what_is_rolled_back_did_not_happen(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        off, on = await subscribe(connection, "Mati"), await subscribe(connection, "Hidup")
        assert await subscriptions.disable(connection, off)
        assert not await subscriptions.disable(connection, off)
    async with engine.connect() as connection:
        assert await record(connection, await filed(connection)) == [on]
        await connection.rollback()
    assert await bodies(engine) == []


async def test_two_who_want_it_get_the_same_event(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await subscribe(connection, "A")
        await subscribe(connection, "B")
        await record(connection, await filed(connection))
    first, second = await bodies(engine)
    assert first == second


# --- subscriptions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"url": "ftp://x/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https:///path"}, "url"),
        ({"url": "https://user:password@hook.example/"}, "url"),
        ({"url": "https://hook.example:99999/"}, "url"),
        ({"url": "https://hook.example/a b"}, "url"),
        ({"url": "https://hook.example/\x00"}, "url"),
        ({"url": "https://[::1/"}, "url"),
        ({"url": "https://hook.example/" + "a" * 500}, "url"),
        ({"events": ()}, "events"),
        ({"events": ("complaint.filed", "webhook.test")}, "events"),
    ],
)
async def test_what_cannot_be_is_refused(engine: AsyncEngine, change: dict[str, Any], wrong: str) -> None:
    wanted: dict[str, Any] = {"name": "Dasbor", "url": URL, "events": KINDS, "region": None, **change}
    async with engine.connect() as connection:
        with pytest.raises(Wrong) as caught:
            await subscriptions.add(connection, **wanted)
    assert caught.value.key == wrong


@given(url=st.text(max_size=30) | st.from_regex(r"https?://[^ ]{0,20}", fullmatch=True))
def test_no_address_breaks_anything(url: str) -> None:
    assert subscriptions._is_address(url) in (True, False)


async def test_a_secret_is_changed_and_the_old_one_counts_for_a_day(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        mine, first = await subscriptions.add(connection, "Dasbor", URL, KINDS, "16")
        second = await subscriptions.rotate(connection, mine)
        assert second
        assert await subscriptions.rotate(connection, mine + 1) is None
        known = await subscriptions.get(connection, mine)
        assert known
        assert known.secrets == (second, first)
        assert not {first, second} & {repr(known), *repr(known).split("'")}
    assert {len(base64.b64decode(each.removeprefix("whsec_"))) for each in (first, second)} == {32}
    await run(engine, "UPDATE webhook_subscriptions SET old_secret_until = now() - interval '1 second'")
    async with engine.connect() as connection:
        known = await subscriptions.get(connection, mine)
        assert known
        assert known.secrets == (second,)


async def test_a_name_is_given_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await subscribe(connection)
    with pytest.raises(IntegrityError):
        async with engine.begin() as connection:
            await subscribe(connection)


# --- delivery ---------------------------------------------------------------------------------------------------


async def begin(engine: AsyncEngine, mine: int, complaint: int | None) -> Post | None:
    async with engine.begin() as connection:
        return await hooks.begin(connection, mine, complaint)


async def fail(engine: AsyncEngine, post: Post, problem: str = "broken", **more: Any) -> bool:
    async with engine.begin() as connection:
        return await hooks.not_delivered(connection, post, datetime.now(UTC), problem, **more)


async def take(engine: AsyncEngine, post: Post) -> None:
    async with engine.begin() as connection:
        await hooks.delivered(connection, post, 204)


async def two_events(engine: AsyncEngine) -> tuple[int, int]:
    """A subscription, and a complaint that was filed and closed."""
    async with engine.begin() as connection:
        mine = await subscribe(connection)
        event = await filed(connection)
        await record(connection, event)
        archived = moves.read("Diarsipkan oleh Admin")
        assert archived
        await record(
            connection, await complaints.move(connection, event.ticket, archived, OPERATOR, reason=None, note=None)
        )
    return mine, event.complaint_id


async def kinds_sent(engine: AsyncEngine) -> list[str]:
    return [
        row.kind for row in await rows(engine, "SELECT kind FROM webhook_events WHERE state = 'delivered' ORDER BY id")
    ]


async def test_the_oldest_goes_first_and_the_next_when_it_was_taken(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    first = await begin(engine, mine, complaint)
    assert first
    assert (first.body["kind"], first.attempts) == ("complaint.filed", 1)
    await take(engine, first)
    second = await begin(engine, mine, complaint)
    assert second
    assert second.body["kind"] == "complaint.closed"
    await take(engine, second)
    assert await begin(engine, mine, complaint) is None
    assert await kinds_sent(engine) == ["complaint.filed", "complaint.closed"]


async def test_one_that_failed_blocks_the_next_of_its_complaint_and_no_other(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    async with engine.begin() as connection:
        other = await filed(connection)
        await record(connection, other)
    first = await begin(engine, mine, complaint)
    assert first
    assert not await fail(engine, first, answered=500)
    assert await begin(engine, mine, complaint) is None  # it is not due, and nothing goes before it
    assert await begin(engine, mine, other.complaint_id)
    [entry] = [each async for each in _log(engine, mine) if each.blocked]
    assert entry.kind == "complaint.closed"
    await run(engine, "UPDATE webhook_events SET due_at = now()")
    again = await begin(engine, mine, complaint)
    assert again
    assert (again.id, again.attempts) == (first.id, 2)


async def _log(engine: AsyncEngine, mine: int) -> Any:
    async with engine.connect() as connection:
        for each in await hooks.log(connection, mine, 50):
            yield each


async def test_after_three_days_one_is_given_up_and_the_next_may_go(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    await run(
        engine, "UPDATE webhook_events SET created_at = now() - interval '71 hours' WHERE kind = 'complaint.filed'"
    )
    first = await begin(engine, mine, complaint)
    assert first
    assert not await fail(engine, first)
    await run(engine, "UPDATE webhook_events SET created_at = created_at - interval '2 hours', due_at = now()")
    first = await begin(engine, mine, complaint)
    assert first
    assert await fail(engine, first)
    second = await begin(engine, mine, complaint)
    assert second
    assert second.body["kind"] == "complaint.closed"
    # A person may have it tried once more.
    async with engine.begin() as connection:
        assert await hooks.again(connection, mine, first.id)
        assert not await hooks.again(connection, mine + 1, first.id)
    again = await begin(engine, mine, complaint)
    assert again
    assert again.id == first.id
    await take(engine, again)
    async with engine.begin() as connection:
        assert not await hooks.again(connection, mine, first.id)


async def test_where_nobody_wants_it_any_more_nothing_is_sent(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    first = await begin(engine, mine, complaint)
    assert first
    assert await fail(engine, first, "unwanted", answered=410, gone=True)
    assert await begin(engine, mine, complaint) is None
    async with engine.begin() as connection:
        assert await record(connection, await filed(connection)) == []
        [counted] = await subscriptions.listed(connection)
        assert (counted.subscription.problem, counted.waiting, counted.failed) == ("unwanted", 1, 1)
        assert counted.subscription.disabled_at is not None
        assert await subscriptions.failing(connection) == 1
        assert await subscriptions.enable(connection, mine)
        assert await subscriptions.failing(connection) == 0
    assert await begin(engine, mine, complaint)


async def test_who_is_away_is_tried_once_a_minute_with_what_was_not_tried_lately(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        mine, other = await subscribe(connection, "Jauh"), await subscribe(connection, "Dekat")
        ids = []
        for _ in range(hooks.AWAY + 2):
            event = await filed(connection)
            await record(connection, event)
            ids.append(event.complaint_id)
    for each in ids[: hooks.AWAY]:
        post = await begin(engine, mine, each)
        assert post
        assert not post.probing
        await fail(engine, post, "away")
    probe = await begin(engine, mine, ids[-1])
    assert probe
    assert probe.probing
    assert await begin(engine, mine, ids[-2]) is None  # one a minute
    assert await begin(engine, other, ids[-1])  # and nobody else waits for it
    await run(engine, "UPDATE webhook_events SET due_at = now() - interval '1 second'")
    async with engine.connect() as connection:
        assert await hooks.due(connection, 100, only=mine) == []
    await run(engine, "UPDATE webhook_subscriptions SET probed_at = now() - interval '2 minutes'")
    await run(engine, "UPDATE webhook_events SET due_at = now() - interval '9 s' WHERE complaint_id = :id", id=ids[3])
    async with engine.connect() as connection:
        assert await hooks.due(connection, 100, only=mine) == [(mine, ids[3])]
        assert len(await hooks.due(connection, 100, only=other)) == len(ids)
    await take(engine, probe)
    async with engine.connect() as connection:
        assert len(await hooks.due(connection, 100, only=mine)) == len(ids) - 1


async def test_the_many_of_one_do_not_keep_the_first_of_another(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        mine, other = await subscribe(connection, "A"), await subscribe(connection, "B", "complaint.filed", region="73")
        for _ in range(5):
            await record(connection, await filed(connection))
        await record(connection, await filed(connection, region="73.71"))
    async with engine.connect() as connection:
        assert {each for each, _ in await hooks.due(connection, 2)} == {mine, other}
        assert await hooks.due(connection, 2, since=timedelta(minutes=1)) == []


async def test_two_workers_begin_one_event_after_the_other(engine: AsyncEngine) -> None:
    """Should two ever be at it, both may have the oldest; nobody the next."""
    mine, complaint = await two_events(engine)
    begun = await asyncio.gather(*(begin(engine, mine, complaint) for _ in range(4)))
    assert {post.body["kind"] for post in begun if post} == {"complaint.filed"}


async def test_a_test_event_is_about_nothing_and_goes_by_itself(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    first = await begin(engine, mine, complaint)
    assert first
    await fail(engine, first)
    async with engine.begin() as connection:
        await hooks.record_test(connection, mine, datetime.now(UTC))
    assert (await rows(engine, "SELECT * FROM webhook_events WHERE complaint_id IS NULL"))[0].kind == "webhook.test"
    post = await begin(engine, mine, None)
    assert post
    jsonschema.validate(post.body, SCHEMA)
    assert (post.body["complaint"], post.body["sequence"]) == (None, 0)


@given(attempts=st.integers(0, 10_000))
def test_pauses_grow_up_to_an_hour(attempts: int) -> None:
    pause = hooks.pause_after(attempts)
    assert hooks.FIRST_PAUSE <= pause <= hooks.LAST_PAUSE
    assert pause <= hooks.pause_after(attempts + 1)


async def test_a_receiver_may_ask_for_a_longer_pause(engine: AsyncEngine) -> None:
    mine, complaint = await two_events(engine)
    first = await begin(engine, mine, complaint)
    assert first
    await fail(engine, first, "busy", after=7200.0)
    assert await value(
        engine, "SELECT due_at > now() + interval '110 minutes' FROM webhook_events WHERE id = :i", i=first.id
    )


async def test_old_events_go_whatever_became_of_them(engine: AsyncEngine) -> None:
    mine, _ = await two_events(engine)
    await run(
        engine, "UPDATE webhook_events SET created_at = now() - interval '31 days' WHERE kind = 'complaint.filed'"
    )
    async with engine.begin() as connection:
        assert await hooks.sweep(connection, datetime.now(UTC) - hooks.KEPT, 100) == 1
        assert [each.kind for each in await hooks.log(connection, mine, 10)] == ["complaint.closed"]


async def test_the_log_is_the_newest_first_in_pages(engine: AsyncEngine) -> None:
    mine, _ = await two_events(engine)
    async with engine.connect() as connection:
        newest, oldest = await hooks.log(connection, mine, 10)
        assert newest.id > oldest.id
        assert await hooks.log(connection, mine, 10, before=newest.id) == [oldest]
        assert await hooks.log(connection, mine, 10, state="failed") == []
        assert await hooks.log(connection, mine + 1, 10) == []
