"""What goes through when the citizen has been silent for too long, and what Meta tells of it afterwards: with the real
speaker and channel, against a Cloud API on loopback."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import eventually, rows, run, value
from peers import bot_api, cloud_api
from peers.bot_api import FakeBotApi
from peers.cloud_api import PHONE_ID, TOKEN, Call, FakeCloudApi, Fault
from pydantic import SecretStr

from api import condition, delivery, reporting
from api.delivery import Speaker
from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from bot.channels.sending import Limits
from bot.channels.telegram import Telegram
from bot.channels.whatsapp import WINDOW, WhatsApp, templates
from bot.channels.whatsapp.reading import read
from bot.messages import Channel, Report, TemplateRefused, TryLater
from store import channels, contacts, inbox, undelivered
from store.deliveries import NewDelivery
from store.policy import Reach

TEMPLATES = templates.load()
NUMBER = "6281234567890"
TICKET = "T-482-173-9056"
DISPOSED = "push.disposed"  # a template says all of it
MESSAGE = "push.message"  # it has words of an office: a template only announces it
# On a busy machine a time-out would be one more thing that happens; what time-outs do, test_delivery.py sees.
PATIENT = Limits(connect=30, total=60)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are tenths of seconds."""
    monkeypatch.setattr(delivery, "BACKOFF_LONGEST", 0.05)
    monkeypatch.setattr(delivery, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "CHANNEL_RESTS", 0.1)
    monkeypatch.setattr(delivery, "BEAT_SECONDS", 0.1)


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """A house without a classifier: it only speaks."""
    both = settings.model_copy(update={"telegram_token": SecretStr("t"), "whatsapp_token": SecretStr("w")})
    async with open_house(both, database, name="test") as opened:
        yield opened


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """A Cloud API on which our templates are approved."""
    async with FakeCloudApi() as api:
        for each in TEMPLATES.submissions():
            api.add_template(each.name, each.language, each.body, button=each.button)
        yield api
        assert api.problems == []
        assert api.dropped == []


@asynccontextmanager
async def speaking(house: House, meta: FakeCloudApi, **more: Channel) -> AsyncIterator[Speaker]:
    """A speaker on WhatsApp (and more) that stops when the test is done."""
    async with WhatsApp(TOKEN, PHONE_ID, meta.base_url, limits=PATIENT) as whatsapp:
        speaker = Speaker(house, {"whatsapp": whatsapp, **more}, {"whatsapp": TEMPLATES})
        running = asyncio.create_task(speaker.run())
        try:
            yield speaker
        finally:
            speaker.stop()
            async with asyncio.timeout(10):
                await running


@dataclass
class Person:
    """A citizen with WhatsApp, as we and Meta know them."""

    house: House
    meta: FakeCloudApi
    number: str = NUMBER
    contact_id: int = 0
    written: Iterator[int] = field(default_factory=itertools.count)

    async def write(self, reply: str | None = None) -> None:
        """A message comes in just now; we reply."""
        now = self.house.now()
        self.meta.citizen(self.number).chat.wrote_at = now
        async with unit(self.house) as work:
            taken = await inbox.take(
                work.connection,
                channel="whatsapp",
                message_id=f"{self.number} {next(self.written)} {uuid.uuid4()}",
                address=self.number,
                sequence=0,
                name=None,
                payload={},
                received_at=now,
                window_until=now + WINDOW,
            )
            assert taken is not None
            self.contact_id = taken.contact_id
            if reply is not None:
                await work.say(self.message(reply, asks="place"))

    async def be_silent(self, hours: float = 30) -> None:
        """So much time passes."""
        chat = self.meta.citizen(self.number).chat
        assert chat.wrote_at is not None
        chat.wrote_at -= timedelta(hours=hours)
        await run(
            self.house.engine,
            "UPDATE contacts SET window_until = window_until - :passed, last_message_at = last_message_at - :passed, "
            "announced_at = announced_at - :passed WHERE id = :id",
            passed=timedelta(hours=hours),
            id=self.contact_id,
        )

    async def push(self, *words: str, key: str = MESSAGE, **details: Any) -> None:
        """An office tells something about the report; the words stand at the end, or are the agency of `DISPOSED`."""
        for each in words:
            async with unit(self.house) as work:
                await contacts.lock(work.connection, self.contact_id)
                await work.say(self.message(each, key, **details))

    def message(self, words: str, key: str = MESSAGE, **details: Any) -> NewDelivery:
        says = [(key, {"ticket": TICKET, "note": words, "agency": words})]
        return NewDelivery(self.contact_id, "whatsapp", self.number, says, "id", **details)

    def heard(self) -> list[str]:
        """What they were sent, a line each; announcements as "(news)"."""
        told = [each.text.splitlines()[-1] for each in self.meta.sent(self.number)]
        return ["(news)" if "Balas pesan ini untuk membacanya" in each else each for each in told]

    def last_id(self) -> str:
        """Meta's id of the last message."""
        return self.meta.sent(self.number)[-1].wamid


@pytest.fixture
async def budi(house: House, meta: FakeCloudApi) -> Person:
    """Somebody who has just written."""
    person = Person(house, meta)
    await person.write()
    return person


async def on_telegram(house: House, person: Person, chat: int = 7) -> None:
    """That citizen has a chat on Telegram, too."""
    await run(
        house.engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person) WHERE contacts.id = :id) "
        "INSERT INTO contacts (channel, address, citizen_id) SELECT 'telegram', :chat, id FROM person",
        id=person.contact_id,
        chat=str(chat),
    )


async def worked_off(house: House, patience: float = 10) -> None:
    """Wait until nothing is pending."""
    pending = "SELECT count(*) FROM deliveries WHERE sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL"
    await eventually(lambda: value(house.engine, pending), 0, patience)


async def ledger(house: House) -> list[str]:
    """What has become of each message, in their order."""
    found = await rows(
        house.engine,
        "SELECT CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN failed_at IS NOT NULL THEN 'failed' "
        "WHEN held_at IS NOT NULL THEN 'held' ELSE 'pending' END FROM deliveries ORDER BY id",
    )
    return [each for [each] in found]


async def reported(house: House, meta: FakeCloudApi, wamid: str, state: Any, code: int | None = None) -> None:
    """Meta posts what became of a message of ours."""
    for heard in read(meta.payload(meta.report(wamid, state, code))):
        assert isinstance(heard.part, Report)
        async with unit(house) as work:
            await reporting.told(work, "whatsapp", heard.part)


async def template_states(house: House) -> dict[str, str]:
    async with house.engine.connect() as connection:
        known = await channels.templates(connection, "whatsapp")
    return {name: each.state for (name, _), each in known.items()}


async def ailment(house: House) -> str | None:
    async with house.engine.connect() as connection:
        known = (await channels.health(connection)).get("whatsapp")
    return known.ails if known else None


# --- which way a message goes ------------------------------------------------------------------------------


async def test_while_the_window_is_open_plain_words_go_through(house: House, meta: FakeCloudApi, budi: Person) -> None:
    async with speaking(house, meta):
        await budi.push("one")
        await worked_off(house)
    [sent] = meta.sent(NUMBER)
    assert (sent.kind, sent.text.splitlines()[-1]) == ("text", "one")
    assert await rows(house.engine, "SELECT provider_id FROM provider_messages") == [(sent.wamid,)]


async def test_a_minute_before_its_end_it_counts_as_closed(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await budi.be_silent(23.99)
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    assert [each.kind for each in meta.sent(NUMBER)] == ["template"]


async def test_later_a_template_says_all_of_it(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    [sent] = meta.sent(NUMBER)
    assert sent.kind == "template"
    assert f"Laporan {TICKET} sudah diteruskan ke Dinas PU." in sent.text
    assert await ledger(house) == ["sent"]
    await reported(house, meta, sent.wamid, "read")
    assert await value(house.engine, "SELECT read_at IS NOT NULL FROM deliveries")


async def test_or_it_announces_once_that_something_waits(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("one", "two", "three")
        await worked_off(house)
        assert budi.heard() == ["(news)"]
        assert TICKET in meta.sent(NUMBER)[0].text
        assert meta.sent(NUMBER)[0].choices == [f"{TICKET}:read"]
        assert await ledger(house) == ["held"] * 3
        await budi.write("reply")
        await worked_off(house)
    assert budi.heard() == ["(news)", "one", "two", "three", "reply"]
    assert await ledger(house) == ["sent"] * 4


async def test_each_silence_has_one_announcement(house: House, meta: FakeCloudApi, budi: Person) -> None:
    async with speaking(house, meta):
        for words in ("one", "two"):
            await budi.be_silent()
            await budi.push(words, words)
            await worked_off(house)
            await budi.write(f"reply to {words}")
            await worked_off(house)
    assert budi.heard() == ["(news)", "one", "one", "reply to one", "(news)", "two", "two", "reply to two"]


async def test_what_a_template_says_whole_overtakes_what_waits(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("one")
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    assert await ledger(house) == ["held", "sent"]


async def test_a_reply_waits_without_a_word(house: House, meta: FakeCloudApi, budi: Person) -> None:
    """It is only understood in its conversation."""
    await budi.write("late reply")
    await budi.be_silent()
    await on_telegram(house, budi)
    async with speaking(house, meta):
        await worked_off(house)
    assert await ledger(house) == ["held"]
    assert meta.calls == []


async def test_a_template_takes_no_files_so_the_whole_message_waits(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    name = house.shelf.put(b"%PDF-1.7 a letter")
    media_id = await value(house.engine, "SELECT coalesce(max(id), 0) FROM media") + 1
    await run(
        house.engine,
        "INSERT INTO media (kind, channel, provider_id, name, content_type, size, sha256, state) "
        "VALUES ('document', 'desk', 'x', 'surat.pdf', 'application/pdf', 17, :name, 'stored')",
        name=name,
    )
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED, files=(media_id,))
        await worked_off(house)
        assert (await ledger(house), [each.kind for each in meta.sent(NUMBER)]) == (["held"], ["template"])
        await budi.write()
        await worked_off(house)
    assert [each.kind for each in meta.sent(NUMBER)] == ["template", "document", "text"]
    assert meta.sent(NUMBER)[1].content == b"%PDF-1.7 a letter"


async def test_it_goes_where_meta_wants_it(house: House, meta: FakeCloudApi, budi: Person) -> None:
    user_id = "ID.13491208655302741918"
    meta.citizen(None, user_id).chat.wrote_at = house.now()
    await run(house.engine, "UPDATE contacts SET route = :route", route=user_id)
    async with speaking(house, meta):
        await budi.push("one")
        await worked_off(house)
    assert [each.text.splitlines()[-1] for each in meta.sent(user_id)] == ["one"]
    assert meta.sent(NUMBER) == []


async def test_nothing_is_said_to_whoever_has_the_number_now(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await run(house.engine, "UPDATE contacts SET route = ''")
    async with speaking(house, meta):
        await budi.push("one", "two")
        await worked_off(house)
    assert meta.calls == []
    assert await ledger(house) == ["failed", "failed"]
    assert await value(house.engine, "SELECT unreachable_reason FROM contacts") == "number_taken"


# --- templates that are refused ------------------------------------------------------------------------------


async def test_a_refused_template_is_tried_once_and_the_next_way_taken(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    meta.templates["lapor_diteruskan", "id"].status = "PAUSED"
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
        await budi.push("Dinas PU", "Dinas PU", key=DISPOSED)
        await worked_off(house)
    assert budi.heard() == ["(news)"]
    assert await ledger(house) == ["held"] * 3
    tried = [each["template"]["name"] for each in meta.called("messages")]
    assert tried == ["lapor_diteruskan", "lapor_kabar_laporan"]
    assert (await template_states(house))["lapor_diteruskan"] == "refused"


async def test_a_template_that_the_account_lacks_is_not_tried(house: House, meta: FakeCloudApi, budi: Person) -> None:
    async with unit(house) as work:
        await channels.learn_template(work.connection, "whatsapp", "lapor_diteruskan", "id", "rejected", None)
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    assert [each["template"]["name"] for each in meta.called("messages")] == ["lapor_kabar_laporan"]


async def test_in_another_language_rather_than_not_at_all(house: House, meta: FakeCloudApi, budi: Person) -> None:
    for (name, language), template in meta.templates.items():
        if language == "id" and name != "lapor_diteruskan":
            template.status = "REJECTED"
    meta.templates["lapor_diteruskan", "id"].status = "DISABLED"
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    [sent] = meta.sent(NUMBER)
    assert sent.body["template"] | {"components": None} == {
        "name": "lapor_diteruskan",
        "language": {"code": "en"},
        "components": None,
    }


@contextmanager
def all_refused(meta: FakeCloudApi) -> Iterator[None]:
    """No template goes through."""
    for template in meta.templates.values():
        template.status = "PAUSED"
    yield
    for template in meta.templates.values():
        template.status = "APPROVED"


async def test_without_any_template_it_goes_to_the_telegram_of_the_same_citizen(
    house: House, meta: FakeCloudApi, budi: Person, telegram_api: FakeBotApi
) -> None:
    await on_telegram(house, budi)
    await budi.be_silent()
    async with Telegram(bot_api.TOKEN, telegram_api.base_url) as telegram:
        with all_refused(meta):
            async with speaking(house, meta, telegram=telegram):
                await budi.push("Dinas PU", key=DISPOSED)
                await budi.push("one")
                await worked_off(house)
    assert [each.text.splitlines()[-1] for each in telegram_api.sent(7)] == [
        f"Laporan {TICKET} sudah diteruskan ke Dinas PU.",
        "one",
    ]
    assert budi.heard() == []


async def test_with_neither_it_waits_for_the_next_message_and_operators_see_it(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    await budi.be_silent()
    async with speaking(house, meta):
        with all_refused(meta):
            await budi.push("Dinas PU", key=DISPOSED)
            await budi.push("one")
            await worked_off(house)
        async with house.engine.connect() as connection:
            seen = await undelivered.held(connection, Reach(), "16", everything=True, most=10)
        # The second one knows better than to try them again.
        assert [each.templates[:1] for each in seen] == [(), ("lapor_diteruskan id",)]
        assert {each.announced for each in seen} == {False}
        await budi.write("reply")
        await worked_off(house)
    assert budi.heard() == [f"Laporan {TICKET} sudah diteruskan ke Dinas PU.", "one", "reply"]


# --- Meta's clock -----------------------------------------------------------------------------------------------


async def test_where_our_clock_was_wrong_the_same_ways_are_gone(house: House, meta: FakeCloudApi, budi: Person) -> None:
    meta.citizen(NUMBER).chat.wrote_at = house.now() - timedelta(hours=30)
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await budi.push("one", "two")
        await worked_off(house)
    assert await value(house.engine, "SELECT window_until <= now() FROM contacts")
    assert await ledger(house) == ["sent", "held", "held"]
    kinds = [each["type"] for each in meta.called("messages")]
    assert kinds == ["text", "template", "template"], "only the first was tried in plain words"


async def test_a_closed_window_that_is_told_later_opens_the_message_again(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    meta.citizen(NUMBER).chat.wrote_at = house.now() - timedelta(hours=30)
    meta.refuses_late = True
    async with speaking(house, meta):
        await budi.push("one")
        await worked_off(house)
        [(wamid,)] = await rows(house.engine, "SELECT provider_id FROM provider_messages")
        for _ in range(5):
            await reported(house, meta, wamid, "failed", 131047)
        await worked_off(house)
        assert (budi.heard(), await ledger(house)) == (["(news)"], ["held"])
        await budi.write("reply")
        await worked_off(house)
    assert budi.heard() == ["(news)", "one", "reply"]


# --- reports --------------------------------------------------------------------------------------------------


async def test_a_template_that_fails_later_is_refused_for_all(house: House, meta: FakeCloudApi, budi: Person) -> None:
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
        await reported(house, meta, budi.last_id(), "failed", 132015)
        await worked_off(house)
    assert [each["template"]["name"] for each in meta.called("messages")] == ["lapor_diteruskan", "lapor_kabar_laporan"]
    assert (await template_states(house))["lapor_diteruskan"] == "refused"


async def test_or_only_for_this_person(house: House, meta: FakeCloudApi, budi: Person) -> None:
    """Meta keeps templates from somebody who has had many; others still get them."""
    sari = Person(house, meta, "6281111111111")
    await sari.write()
    for each in (budi, sari):
        await each.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
        async with unit(house) as work:
            trouble = TemplateRefused("the provider keeps templates from this person (131049)", person=True)
            await reporting.told(work, "whatsapp", Report(budi.last_id(), "failed", None, trouble))
        await worked_off(house)
        await sari.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
    assert budi.heard()[1:] == ["(news)"]
    assert [each.body["template"]["name"] for each in meta.sent(sari.number)] == ["lapor_diteruskan"]
    assert await template_states(house) == {}


async def test_news_that_nobody_was_told_of_goes_elsewhere(
    house: House, meta: FakeCloudApi, budi: Person, telegram_api: FakeBotApi
) -> None:
    """What announces it fails only later, and there is no other template."""
    for (name, language), template in meta.templates.items():
        if (name, language) != ("lapor_kabar_laporan", "id"):
            template.status = "REJECTED"
    await on_telegram(house, budi)
    await budi.be_silent()
    async with Telegram(bot_api.TOKEN, telegram_api.base_url) as telegram, speaking(house, meta, telegram=telegram):
        await budi.push("one", "two")
        await worked_off(house)
        assert budi.heard() == ["(news)"]
        await reported(house, meta, budi.last_id(), "failed", 132015)
        await worked_off(house)
    assert [each.text.splitlines()[-1] for each in telegram_api.sent(7)] == ["one", "two"]


async def test_whoever_is_not_on_whatsapp_any_more_is_shown_or_reached_elsewhere(
    house: House, meta: FakeCloudApi, budi: Person, telegram_api: FakeBotApi
) -> None:
    meta.refuses_late = True
    meta.citizen(NUMBER).chat.gone = True
    async with Telegram(bot_api.TOKEN, telegram_api.base_url) as telegram, speaking(house, meta, telegram=telegram):
        for linked in (False, True):
            if linked:
                await on_telegram(house, budi)
            await budi.push("one")
            await worked_off(house)
            newest = "SELECT provider_id FROM provider_messages ORDER BY created_at DESC LIMIT 1"
            await reported(house, meta, await value(house.engine, newest), "failed", 131026)
            await worked_off(house)
    assert await ledger(house) == ["failed", "sent"]
    assert [each.text.splitlines()[-1] for each in telegram_api.sent(7)] == ["one"]
    assert await value(house.engine, "SELECT unreachable_since IS NOT NULL FROM contacts WHERE channel = 'whatsapp'")


async def test_what_is_not_paid_for_is_red_until_a_template_arrives(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    """Replies cost nothing and go through: they show nothing."""
    await budi.be_silent()
    async with speaking(house, meta):
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
        await reported(house, meta, budi.last_id(), "failed", 131042)
        assert await ailment(house) == "payment"
        await budi.write("reply")
        await eventually(lambda: asyncio.sleep(0, len(meta.sent(NUMBER))), 1)
        await run(house.engine, "UPDATE deliveries SET due_at = now()")
        await worked_off(house)
        await reported(house, meta, budi.last_id(), "delivered")
        await asyncio.sleep(0.3)
        assert await ailment(house) == "payment"
        await budi.be_silent()
        await budi.push("Dinas PU", key=DISPOSED)
        await worked_off(house)
        await reported(house, meta, budi.last_id(), "delivered")
    assert await ailment(house) is None


# --- the whole channel -------------------------------------------------------------------------------------------


async def test_a_dead_token_is_red_until_something_goes_through_and_nothing_is_lost(
    house: House, meta: FakeCloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [Person(house, meta, f"62810000000{number:02}") for number in range(20)]
    for each in people:
        await each.write()
    meta.faults.add(cloud_api.dead_token(), times=math.inf)
    async with speaking(house, meta):
        for each in people:
            await each.push("one", "two")
        await eventually(lambda: ailment(house), "token")
        await asyncio.sleep(0.5)
        assert set(await ledger(house)) == {"pending"}
        meta.faults.clear()
        await worked_off(house)
        assert await ailment(house) is None
    assert [each.heard() for each in people] == [["one", "two"]] * 20


async def test_after_a_rest_one_message_shows_whether_the_channel_works(
    house: House, meta: FakeCloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CHANNEL_RESTS", 0.05)
    people = [Person(house, meta, f"62810000000{number:02}") for number in range(20)]
    for each in people:
        await each.write()
    began: list[float] = []

    def choose(call: Call) -> Fault:
        began.append(time.monotonic())
        return replace(cloud_api.dead_token(), delay=0.1)

    meta.faults.choose = choose
    async with speaking(house, meta):
        await people[0].push("one")
        await eventually(lambda: value(house.engine, "SELECT problem IS NOT NULL FROM deliveries"))
        for each in people[1:]:
            await each.push("one")
        await eventually(lambda: asyncio.sleep(0, len(began) >= 5))
        assert all(after - before >= 0.1 for before, after in itertools.pairwise(began)), "one at a time"
        meta.faults.clear()
        await worked_off(house)


async def test_what_ails_a_channel_is_written_now_and_then(
    house: House, meta: FakeCloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = "SELECT checked_at FROM channel_health WHERE channel = 'whatsapp'"
    people = [Person(house, meta, f"62810000000{number:02}") for number in range(10)]
    for each in people:
        await each.write()
    meta.faults.add(cloud_api.dead_token(), times=math.inf)
    async with speaking(house, meta):
        for each in people:
            await each.push("one")
        await eventually(lambda: ailment(house), "token")
        at = await value(house.engine, written)
        count = meta.counts["messages"]
        await eventually(lambda: asyncio.sleep(0, meta.counts["messages"] >= count + 3))
        assert await value(house.engine, written) == at
        monkeypatch.setattr(condition, "WRITE_SECONDS", 0.0)
        count = meta.counts["messages"]
        await eventually(lambda: asyncio.sleep(0, meta.counts["messages"] >= count + 3))
        assert await value(house.engine, written) > at
        meta.faults.clear()
        await worked_off(house)


async def test_what_another_process_found_out_is_healed_too(house: House, meta: FakeCloudApi, budi: Person) -> None:
    async with unit(house) as work:
        await channels.ail(work.connection, "whatsapp", "account", "restricted")
    async with speaking(house, meta):
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM heartbeats"), 1)
        await budi.push("one")
        await worked_off(house)
        await eventually(lambda: ailment(house), None)


async def test_messages_wait_without_an_end_while_the_channel_ails(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    meta.faults.add(cloud_api.dead_token(), times=math.inf)
    await budi.push("old")
    await run(house.engine, "UPDATE deliveries SET created_at = now() - interval '90 hours'")
    async with speaking(house, meta):
        await eventually(lambda: ailment(house), "token")
        await asyncio.sleep(0.3)
        assert await ledger(house) == ["pending"]
        # What comes then, for this address alone, has its own three days.
        meta.faults.clear()
        meta.faults.add(cloud_api.broken(), times=3)
        await worked_off(house)
    assert budi.heard() == ["old"]


async def test_too_much_for_one_person_concerns_nobody_else(house: House, meta: FakeCloudApi, budi: Person) -> None:
    sari = Person(house, meta, "6281111111111")
    await sari.write()
    meta.faults.add(cloud_api.too_many_to_one(), user=NUMBER)
    async with speaking(house, meta):
        await budi.push("one")
        await eventually(lambda: value(house.engine, "SELECT problem IS NOT NULL FROM deliveries"))
        await sari.push("one", "two")
        await meta.wait_for_sent(sari.number, 2)
        assert budi.heard() == []
        await run(house.engine, "UPDATE deliveries SET due_at = now() WHERE sent_at IS NULL")
        await worked_off(house)
    assert budi.heard() == ["one"]


@pytest.mark.parametrize("trouble", [None, TryLater("the provider failed")])
async def test_a_failure_without_a_reason_we_know_is_no_reason_to_lose_it(
    house: House, meta: FakeCloudApi, budi: Person, trouble: TryLater | None
) -> None:
    async with speaking(house, meta):
        await budi.push("one")
        await worked_off(house)
        async with unit(house) as work:
            await reporting.told(work, "whatsapp", Report(budi.last_id(), "failed", None, trouble))
        assert await ledger(house) == ["failed" if trouble is None else "pending"]
        await run(house.engine, "UPDATE deliveries SET due_at = now()")
        await worked_off(house)


async def test_what_is_to_be_said_again_in_a_while_holds_up_no_reply(
    house: House, meta: FakeCloudApi, budi: Person
) -> None:
    async with speaking(house, meta):
        await budi.push("one")
        await worked_off(house)
        # The longest pause: it came back a few times.
        await run(house.engine, "UPDATE deliveries SET reopened = 2")
        await run(house.engine, "UPDATE provider_messages SET round = 2")
        await reported(house, meta, budi.last_id(), "failed", 131000)
        assert await value(house.engine, "SELECT due_at > now() + interval '2 minutes' FROM deliveries")
        await budi.write("two")
        await meta.wait_for_sent(budi.number, 3, 30)
    assert budi.heard() == ["one", "one", "two"]


# --- any order of anything ------------------------------------------------------------------------------------

HAPPENS = (
    *("push", "push", "whole", "write", "write", "silence", "silence", "refuse", "approve", "work", "work"),
    *("delivered", "failed 131047", "failed 131000", "failed 132015", "failed 131053", "dies", "broken"),
)
STEPS = st.lists(st.sampled_from(HAPPENS), max_size=25)


class World:
    """One citizen, a speaker that works when it is told to, and what must come of it."""

    def __init__(self, house: House, meta: FakeCloudApi, person: Person, whatsapp: WhatsApp) -> None:
        self.house, self.meta, self.person, self.whatsapp = house, meta, person, whatsapp
        self.speaker = self._new_speaker()
        self.made: list[str] = []
        self.deaths = 0
        self.failed: set[str] = set()  # ids of Meta's that did not arrive after all
        self.told: set[str] = set()
        self.doubtful: set[str] = set()  # words whose fate nobody knows, or that have failed

    def _new_speaker(self) -> Speaker:
        return Speaker(self.house, {"whatsapp": self.whatsapp}, {"whatsapp": TEMPLATES})

    async def do(self, step: str) -> None:
        """One thing happens."""
        word = f"w{len(self.made)}"
        match step.split():
            case ["push"]:
                self.made.append(word)
                await self.person.push(f"push {word}")
            case ["whole"]:
                self.made.append(word)
                await self.person.push(f"whole {word}", key=DISPOSED)
            case ["write"]:
                self.made.append(word)
                await self.person.write(f"reply {word}")
            case ["silence"]:
                await self.person.be_silent()
            case ["refuse"] | ["approve"]:
                status, state = ("PAUSED", None) if step == "refuse" else ("APPROVED", "approved")
                for (name, language), template in self.meta.templates.items():
                    template.status = status
                    if state:
                        async with unit(self.house) as work:
                            await channels.learn_template(work.connection, "whatsapp", name, language, state, None)
            case ["work"]:
                await self.work()
            case ["broken"]:
                self.meta.faults.add(cloud_api.broken())
            case ["dies"]:
                await self.die()
            case [state, *code]:
                await self.report(state, int(code[0]) if code else None)
        await self.check()

    async def work(self) -> None:
        """All that is due is said, and what must wait a while, too."""
        for _ in range(200):
            await run(self.house.engine, "UPDATE deliveries SET due_at = now() WHERE due_at > now()")
            claimed, _ = await self.speaker._turn()
            await asyncio.gather(*(self.speaker._send(each) for each in claimed))
            if not claimed and not self.speaker._finished:
                return
            await self.check()
        raise AssertionError("there is no end to it")

    async def die(self) -> None:
        """A speaker sends something, and dies before it can say so."""
        claimed, _ = await self.speaker._turn()
        await asyncio.gather(*(self.speaker._send(each) for each in claimed))
        self.deaths += len(claimed)
        self.doubtful |= {found for each in claimed for found in words(str(each.says))}
        self.speaker = self._new_speaker()
        await run(self.house.engine, "UPDATE deliveries SET leased_until = now() - interval '1 second'")

    async def report(self, state: str, code: int | None) -> None:
        """Meta tells of the last message that it has not yet told of."""
        sent = [each for each in self.meta.sent(self.person.number) if each.wamid not in self.told]
        if not sent:
            return
        self.told.add(sent[-1].wamid)
        if state == "failed":
            self.failed.add(sent[-1].wamid)
            self.doubtful |= words(sent[-1].text)
        for _ in range(2):
            await reported(self.house, self.meta, sent[-1].wamid, state, code)

    def heard(self) -> list[str]:
        """The words that arrived, in their order."""
        arrived = [each for each in self.meta.sent(self.person.number) if each.wamid not in self.failed]
        return [word for each in arrived for word in sorted(words(each.text))]

    async def check(self) -> None:
        """No message is two things at once, and none is gone."""
        found = await rows(self.house.engine, "SELECT says, sent_at, failed_at, held_at FROM deliveries")
        assert all(sum(moment is not None for moment in row[1:]) <= 1 for row in found)
        assert sorted(word for row in found for word in words(str(row.says))) == sorted(self.made)

    async def end(self) -> None:
        """Everything works again and the citizen writes: then nothing waits any more."""
        self.meta.faults.clear()
        for template in self.meta.templates.values():
            template.status = "APPROVED"
        await self.do("write")
        await self.work()
        found = await rows(self.house.engine, "SELECT says, asks, sent_at, failed_at FROM deliveries ORDER BY id")
        assert all(row.sent_at is not None or row.failed_at is not None for row in found)
        heard = self.heard()
        lost = {word for row in found if row.failed_at is not None for word in words(str(row.says))}
        assert lost <= self.doubtful
        assert set(self.made) - lost <= set(heard)
        assert all(heard.count(word) == 1 for word in self.made if word not in self.doubtful)
        replies = [min(words(str(row.says))) for row in found if row.asks is not None]
        said = [word for word, _ in itertools.groupby(word for word in heard if word in replies)]
        assert said == sorted(said, key=replies.index), "a reply overtook another"
        for at, word in enumerate(heard):
            if word in replies:
                before = self.made[: self.made.index(word)]
                assert set(before) - self.doubtful <= set(heard[:at]), "a reply overtook what waited"


def words(text: str) -> set[str]:
    """The words of ours in a text."""
    return set(re.findall(r"\bw\d+\b", text))


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_happens_nothing_is_lost_nothing_doubled_and_nothing_overtaken(
    house: House, meta: FakeCloudApi, steps: list[str]
) -> None:
    for table in ("deliveries", "provider_messages", "message_templates", "channel_health", "inbox", "contacts"):
        await run(house.engine, f"DELETE FROM {table}")  # noqa: S608
    for template in meta.templates.values():
        template.status = "APPROVED"
    meta.faults.clear()
    person = Person(house, meta, f"628{uuid.uuid4().int % 10**10:010}")
    await person.write()
    async with WhatsApp(TOKEN, PHONE_ID, meta.base_url, limits=PATIENT) as whatsapp:
        world = World(house, meta, person, whatsapp)
        for step in steps:
            await world.do(step)
        await world.end()
