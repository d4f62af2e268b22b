"""The Bot API fails in all its ways: replies come late, in order, and none is missing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from journey.looking import all_said, filed, heard, names, rows, until
from peers import bot_api
from peers.bot_api import Citizen, FakeBotApi, Fault
from running import Running, everything

from api import delivery
from api.settings import Settings
from bot.channels import telegram
from bot.channels.sending import Limits

STORY = "Lampu jalan di depan pasar Sekayu padam sejak kemarin"
TURNS = (
    (STORY, "Ada foto?"),
    ("tidak ada", "Anonim"),
    ("rahasia", "Sudah benar?"),
    ("ya", "Tercatat"),
)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short time-outs and pauses, so that a fault costs tenths of seconds."""
    limits = Limits(connect=1, total=1)
    monkeypatch.setattr(telegram, "Limits", lambda: limits)
    monkeypatch.setattr(delivery, "BACKOFF_LONGEST", 0.1)


@pytest.fixture
async def house(
    hurried: None, telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> AsyncIterator[Running]:
    """Web, speaker and worker in a hurry."""
    async with everything(telegram_settings, database) as opened:
        await until(lambda: telegram_api.webhook and opened.house.bot_link)
        yield opened


async def converse(house: Running, citizen: Citizen, fault: Fault | None = None, times: float = 1) -> list[str]:
    """The conversation, in which every reply meets the fault; returns what the citizen was sent."""
    for words, expected in TURNS:
        if fault:
            citizen.api.faults.add(fault, chat=citizen.chat_id, method="sendMessage", times=times)
        await citizen.say(words)
        sent = await all_said(house.house, citizen)
        assert expected in sent[-1].text
    return [each.text for each in citizen.api.sent(citizen.chat_id)]


NOT_DELIVERED = {
    "500": bot_api.broken(),
    "502 of a proxy": bot_api.bad_gateway(),
    "reset": bot_api.reset(),
    "silence": bot_api.silence(),
    "slow": bot_api.slow(0.3),
    "an answer that is no JSON": Fault(200, "<html>ok</html>"),
}


@pytest.mark.parametrize("name", NOT_DELIVERED)
async def test_what_was_not_delivered_is_said_later_once(house: Running, telegram_api: FakeBotApi, name: str) -> None:
    citizen = telegram_api.citizen(7000)
    times = 1 if name in {"slow", "silence"} else 3
    sent = await converse(house, citizen, NOT_DELIVERED[name], times)
    assert len(sent) == len(TURNS)
    assert [expected in text for text, (_, expected) in zip(sent, TURNS, strict=True)] == [True] * len(TURNS)
    assert len(await filed(house, citizen)) == 1


ANSWER_LOST = {
    "reset": bot_api.reset(delivered=True),
    "502 of a proxy": bot_api.bad_gateway(delivered=True),
    "silence": bot_api.silence(delivered=True),
}


@pytest.mark.parametrize("name", ANSWER_LOST)
async def test_a_reply_is_doubled_only_where_its_answer_was_lost(
    house: Running, telegram_api: FakeBotApi, name: str
) -> None:
    citizen = telegram_api.citizen(7100)
    sent = await converse(house, citizen, ANSWER_LOST[name])
    doubled = [text for text in sent for _ in range(2)][::2]
    assert sent == [text for text in dict.fromkeys(doubled) for _ in range(2)]
    assert len(await filed(house, citizen)) == 1, "a complaint is never doubled"


async def test_too_many_requests_are_waited_out(house: Running, telegram_api: FakeBotApi) -> None:
    """The provider's own wish counts; meanwhile others are served."""
    waiting, other = telegram_api.citizen(7200), telegram_api.citizen(7201)
    telegram_api.faults.add(bot_api.too_many(1), chat=waiting.chat_id, method="sendMessage")
    await waiting.say(STORY)
    await other.say(STORY)
    (reply,) = await telegram_api.wait_for_sent(other.chat_id, 1)
    assert telegram_api.sent(waiting.chat_id) == []
    (late,) = await all_said(house.house, waiting)
    assert late.text == reply.text
    tried = [call.time for call in telegram_api.calls if call.chat_id == waiting.chat_id]
    assert len(tried) == 2
    assert tried[1] - tried[0] >= 1.0


async def test_replies_and_news_never_overtake_each_other(house: Running, telegram_api: FakeBotApi) -> None:
    """While the first message fails again and again, an operator's news piles up behind it."""
    citizen = telegram_api.citizen(7300)
    await converse(house, citizen)
    (complaint,) = await filed(house, citizen)
    before = len(telegram_api.sent(citizen.chat_id))
    telegram_api.faults.add(bot_api.broken(), chat=citizen.chat_id, method="sendMessage", times=4)
    for number in range(5):
        note = {"text": f"Kabar nomor {number}", "public": True}
        answer = await house.api.post(f"/complaints/{complaint['ticket']}/notes", json=note)
        assert answer.status_code == 201
    await citizen.say("status")
    sent = (await all_said(house.house, citizen))[before:]
    assert [f"Kabar nomor {number}" in each.text for number, each in enumerate(sent[:5])] == [True] * 5
    assert "Sedang dibaca petugas" in sent[5].text
    assert len(sent) == 6


async def test_any_faults_in_any_order(house: Running, telegram_api: FakeBotApi) -> None:
    """Twenty citizens at once, every second call goes wrong in another way."""
    faults = [*NOT_DELIVERED.values(), bot_api.reset(), bot_api.broken()]
    calls = iter(range(10**6))

    def choose(call: bot_api.Call) -> Fault | None:
        number = next(calls)
        return faults[number // 2 % len(faults)] if call.method == "sendMessage" and number % 2 else None

    telegram_api.faults.choose = choose
    citizens = [telegram_api.citizen(7400 + number) for number in range(20)]
    everything_said = await asyncio.gather(*(converse(house, citizen) for citizen in citizens))
    telegram_api.faults.clear()
    for citizen, sent in zip(citizens, everything_said, strict=True):
        assert [expected in text for text, (_, expected) in zip(sent, TURNS, strict=True)] == [True] * len(TURNS)
        assert len(await filed(house, citizen)) == 1


async def matters(house: Running, contact: int) -> list[dict[str, Any]]:
    """What operators see of a contact."""
    items = (await house.api.get("/attention")).json()["items"]
    return [item for item in items if item["contact"] == contact]


async def contact_of(house: Running, citizen: Citizen) -> Any:
    """The row of a citizen's contact."""
    return (await rows(house.house, "SELECT * FROM contacts WHERE address = :address", address=str(citizen.chat_id)))[0]


async def test_a_citizen_who_blocks_us_is_shown_and_comes_back(house: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(7500)
    await converse(house, citizen)
    (complaint,) = await filed(house, citizen)
    contact = await contact_of(house, citizen)
    assert contact.unreachable_since is None

    block = citizen.block()
    await telegram_api.deliver(block, repeat=2)
    contact = await contact_of(house, citizen)
    assert (contact.unreachable_since is not None, contact.unreachable_reason) == (True, "blocked_by_user")

    before = len(telegram_api.sent(citizen.chat_id))
    await house.api.post(f"/complaints/{complaint['ticket']}/notes", json={"text": "Di mana tepatnya?", "public": True})
    await all_said(house.house, citizen)
    (matter,) = await matters(house, contact.id)
    assert (matter["kind"], matter["ticket"]) == ("unreachable", complaint["ticket"])
    assert "blocked" in matter["detail"]
    tried = [call for call in telegram_api.calls if call.chat_id == citizen.chat_id and call.method == "sendMessage"]
    assert len(tried) == before + 1, "whoever blocked us is not tried again and again"

    await telegram_api.deliver(citizen.unblock())
    await citizen.say("status")
    contact = await contact_of(house, citizen)
    assert (contact.unreachable_since, contact.unreachable_reason) == (None, None)
    sent = (await all_said(house.house, citizen))[before:]
    texts = [each.text for each in sent]
    assert "Di mana tepatnya?" in texts[0], "what could not be delivered comes first"
    assert any("Selamat datang kembali" in text for text in texts)
    assert complaint["ticket"] in texts[-1]
    assert await matters(house, contact.id) == []


async def test_blocked_in_the_middle_of_a_draft(house: Running, telegram_api: FakeBotApi) -> None:
    """The reply cannot be delivered, the draft is kept, and writing again goes on where it was."""
    citizen = telegram_api.citizen(7600)
    telegram_api.blocked.add(citizen.chat_id)
    first = citizen.text(STORY)
    await telegram_api.deliver(first)
    await all_said(house.house, citizen)
    contact = await contact_of(house, citizen)
    assert contact.unreachable_since is not None
    assert [each["kind"] for each in await matters(house, contact.id)] == ["unreachable"]
    telegram_api.blocked.discard(citizen.chat_id)
    again = citizen.text("Tiga lampu sekaligus")
    await telegram_api.deliver(again)
    (reply,) = await all_said(house.house, citizen)
    assert "Ada foto?" in reply.text
    assert await heard(house.house, citizen) == names(first, again)
    assert (await contact_of(house, citizen)).unreachable_since is None


async def test_a_dead_token_loses_nothing(house: Running, telegram_api: FakeBotApi) -> None:
    """401 is the channel's trouble: nothing is given up, and all comes when the token is good again."""
    citizens = [telegram_api.citizen(7700 + number) for number in range(5)]
    telegram_api.faults.add(bot_api.unauthorized(), method="sendMessage", times=math.inf)
    await asyncio.gather(*(citizen.say(STORY) for citizen in citizens))
    await asyncio.sleep(0.5)
    assert telegram_api.sent() == []
    assert (await house.api.get("/attention")).json()["items"] == []
    telegram_api.faults.clear()
    for citizen in citizens:
        (reply,) = await all_said(house.house, citizen)
        assert "Ada foto?" in reply.text
