"""A present danger: the numbers that help are the first thing said, and a person's first thing to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hours import in_office_hours, on_sunday
from journey.chatting import Chat, Office, on_telegram, on_the_web
from peers.bot_api import FakeBotApi
from running import Running

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu"
FIRE = "Tolong, rumah tetangga saya kebakaran sekarang, apinya besar, di Plaju Palembang"
BEATEN = "Tolong saya dipukuli suami saya sekarang, dia pegang pisau"
DANGERS = {
    "fire": (FIRE, ("113", "112")),
    "violence": (BEATEN, ("110", "129")),
    "self_harm": ("saya sudah tidak sanggup, saya mau bunuh diri malam ini", ("119",)),
    "medical": ("tolong ayah saya pingsan tidak bernapas di rumah Jalan Merdeka Palembang", ("119",)),
    "flood": ("air terus naik sudah sedada, kami terjebak di atap rumah di Makassar", ("112", "115")),
}


@pytest.fixture(params=["telegram", "webchat"])
async def chat(request: pytest.FixtureRequest, running: Running, telegram_api: FakeBotApi) -> AsyncIterator[Chat]:
    """Somebody in a chat, on either channel, in office hours."""
    in_office_hours(running.house)
    async with AsyncExitStack() as stack:
        if request.param == "telegram":
            yield on_telegram(running, telegram_api, 6601)
        else:
            yield await stack.enter_async_context(on_the_web(running))


def check_first(said: str, numbers: tuple[str, ...]) -> None:
    """The first paragraph has the numbers, and no greeting and no question stands before it."""
    first, _, rest = said.partition("\n\n")
    for number in numbers:
        assert f"\n{number} – " in first, said
    assert "?" not in first
    assert "SP4N-LAPOR!" not in first
    assert rest


@pytest.mark.parametrize("kind", DANGERS)
async def test_the_numbers_come_first_and_a_person_knows_at_once(chat: Chat, running: Running, kind: str) -> None:
    office = Office(running)
    await chat.say("bantu petugas")
    words, numbers = DANGERS[kind]
    check_first(await chat.say(words), numbers)
    first, second = await office.attention()
    assert (first["kind"], first["detail"]) == ("danger", kind)
    assert second["kind"] == "call_for_human", "though it came earlier"
    assert words.split()[1] not in str(first), "and no word of it is shown there"


async def test_as_the_very_first_words_in_the_middle_of_the_night(chat: Chat, running: Running) -> None:
    on_sunday(running.house)
    said = await chat.say(FIRE)
    check_first(said, ("113",))
    assert "sedang tidak bertugas" in said
    assert said.index("113") < said.index("sedang tidak bertugas")
    [matter] = await Office(running).attention()
    assert matter["kind"] == "danger"


async def test_in_the_middle_of_another_report(chat: Chat, running: Running) -> None:
    await chat.say(STORY)
    await chat.press(":none")
    check_first(await chat.say(BEATEN), ("110",))
    [matter] = await Office(running).attention()
    assert (matter["kind"], matter["detail"]) == ("danger", "violence")
    assert chat.buttons, "and the report is not lost"


async def test_after_filing(chat: Chat, running: Running) -> None:
    office = Office(running)
    await chat.report(STORY)
    [ticket] = await chat.filed()
    check_first(await chat.say(FIRE), ("113",))
    [matter] = await office.attention()
    assert (matter["kind"], matter["ticket"]) == ("danger", ticket)


async def test_while_an_office_waits_for_something_else(chat: Chat, running: Running) -> None:
    office = Office(running)
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await office.ask(ticket, "Di sebelah mana?")
    await chat.read()
    check_first(await chat.say(FIRE), ("113",))
    assert [each["kind"] for each in await office.attention()] == ["danger"]


async def test_a_report_of_it_is_offered_and_not_forced(chat: Chat, running: Running) -> None:
    said = await chat.say(FIRE)
    assert "mau kami bantu membuat laporannya" in said
    assert "Baik, tidak kami jadikan laporan" in await chat.tap("Tidak perlu")
    assert await chat.filed() == []
    assert [each["kind"] for each in await Office(running).attention()] == ["danger"], "a person looks all the same"
    await chat.say(FIRE)
    while not any(choice.endswith(":send") for choice in chat.last.buttons.values()):
        await chat.press(":report" if "Ya, buat laporan" in chat.buttons else ":open")
    assert "Tercatat" in await chat.press(":send")
    [ticket] = await chat.filed()
    assert (await Office(running).see(ticket))["text"] == FIRE


async def test_a_story_of_the_past_is_no_alarm(chat: Chat, running: Running) -> None:
    said = await chat.say("Tahun lalu rumah tetangga saya kebakaran, bantuan dari dinas sosial belum turun, di Plaju")
    assert "113" not in said
    assert await Office(running).attention() == []
