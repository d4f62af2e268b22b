"""Others have reported the same: one question, the right number, and the news of it without anybody's name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
from hours import in_office_hours
from journey.chatting import Chat, Office, TelegramChat, on_telegram, on_the_web
from peers.bot_api import FakeBotApi
from running import Running

STORIES = (
    "Jalan Kolonel Wahid Udin di depan SMP 1 Sekayu berlubang parah sejak bulan lalu",
    "Lubang besar di Jalan Kol. Wahid Udin depan SMPN 1 Sekayu sudah lama, motor jatuh",
    "jln kolonel wahid udin sekayu depan smp 1 berlubang, tolong diperbaiki, sudah sebulan",
)
MINE = "Jalan Kolonel Wahid Udin Sekayu di depan SMP 1 berlubang lagi, anak saya jatuh kemarin"
ELSEWHERE = "Lampu jalan di Pasar Plaju Palembang padam sejak kemarin"
ANSWER = "Jalan di depan SMP 1 sudah kami tambal. Terima kasih, Ibu Sari Dewi, 0812-3456-7890."
PEOPLE = count(6701)


@pytest.fixture(params=["telegram", "webchat"])
async def chat(request: pytest.FixtureRequest, running: Running, telegram_api: FakeBotApi) -> AsyncIterator[Chat]:
    """The one who comes last, on either channel, in office hours."""
    in_office_hours(running.house)
    async with AsyncExitStack() as stack:
        if request.param == "telegram":
            yield on_telegram(running, telegram_api, next(PEOPLE))
        else:
            yield await stack.enter_async_context(on_the_web(running))


async def others(running: Running, api: FakeBotApi, stories: tuple[str, ...] = STORIES) -> list[TelegramChat]:
    """People who have reported these, each on their own."""
    found = [on_telegram(running, api, next(PEOPLE), f"Warga {story[:9]}") for story in stories]
    for person, story in zip(found, stories, strict=True):
        await person.report(story)
        assert len(await person.filed()) == 1
    return found


async def ask_about_neighbours(chat: Chat, words: str = MINE) -> str:
    """Tell it and go on until others are asked about; returns the question."""
    said = await chat.say(words)
    while "warga sudah melaporkan" not in said and "Anda sudah melaporkan" not in said:
        ending = next(e for e in (":none", ":skip") if any(c.endswith(e) for c in chat.last.buttons.values()))
        said = await chat.press(ending)
    return said


def asked(chat: Chat) -> bool:
    """Whether somebody was asked about what others have reported."""
    return any("sudah melaporkan" in said for said in chat.heard)


async def test_the_fourth_is_asked_follows_and_hears(chat: Chat, running: Running, telegram_api: FakeBotApi) -> None:
    office = Office(running)
    people = await others(running, telegram_api)
    said = await ask_about_neighbours(chat)
    assert "3 warga sudah melaporkan" in said
    tickets = [ticket for person in people for ticket in await person.filed()]
    for word in (*tickets, "Warga", "motor jatuh"):
        assert word not in said.replace("3 warga", ""), "nobody learns who, or what they wrote"
    said = await chat.tap("Ikut mendukung")
    [followed] = [ticket for ticket in tickets if ticket in said]
    assert await chat.filed() == [], "it is no report of its own"
    whole = await office.see(followed)
    assert whole["followers"] == 1
    assert [(row["event"], row["note"]) for row in whole["history"][1:]] == [("followed", MINE)]

    [owner] = [person for person in people if followed in await person.filed()]
    await office.answer(followed, ANSWER)
    assert ANSWER in await owner.read(), "whose report it is reads it as it is"
    news = await chat.read()
    assert followed in news
    assert "sudah kami tambal" in news
    assert "0812-3456-7890" not in news
    assert chat.buttons == ["Berhenti mengikuti"]
    said = await chat.say("status")
    assert followed in said
    assert "Anda dukung" in said
    assert "0812-3456-7890" not in said
    assert STORIES[0][:20] not in said
    assert "tidak lagi mengikuti" in await chat.tap("Berhenti mengikuti")
    await office.move(followed, "Ditutup oleh Admin", reason="sudah diperiksa")
    assert "Ditutup oleh petugas" in await owner.read()
    assert "Belum ada laporan" in await chat.say("status")
    assert (await office.see(followed))["followers"] == 0


async def test_the_fifth_counts_the_fourth(running: Running, telegram_api: FakeBotApi) -> None:
    in_office_hours(running.house)
    await others(running, telegram_api)
    fourth, fifth = (on_telegram(running, telegram_api, next(PEOPLE)) for _ in range(2))
    await ask_about_neighbours(fourth)
    await fourth.tap("Ikut mendukung")
    assert "4 warga sudah melaporkan" in await ask_about_neighbours(fifth)


async def test_who_would_rather_report_does(chat: Chat, running: Running, telegram_api: FakeBotApi) -> None:
    await others(running, telegram_api)
    await ask_about_neighbours(chat)
    await chat.tap("Laporan baru")
    await chat.press(":open")
    assert "Tercatat" in await chat.press(":send")
    [ticket] = await chat.filed()
    found = await Office(running).see(ticket)
    assert (found["text"], found["followers"]) == (MINE, 0)


async def test_a_follower_brings_the_photos_along(chat: Chat, running: Running, telegram_api: FakeBotApi) -> None:
    await others(running, telegram_api, STORIES[:1])
    await chat.photo(MINE)
    said = chat.last.text
    assert "1 warga sudah melaporkan" in said
    said = await chat.tap("Ikut mendukung")
    [row] = (await running.api.get("/complaints")).json()["items"]
    assert row["ticket"] in said
    assert len((await Office(running).see(row["ticket"]))["files"]) == 1


async def test_what_is_secret_is_never_counted(chat: Chat, running: Running, telegram_api: FakeBotApi) -> None:
    first, second = (on_telegram(running, telegram_api, next(PEOPLE)) for _ in range(2))
    for person, choice in ((first, ":secret"), (second, ":both")):
        await person.say(STORIES[0])
        await person.press(":none")
        await person.press(choice)
        await person.press(":send")
        assert len(await person.filed()) == 1
    await chat.report(MINE)
    assert len(await chat.filed()) == 1
    assert not asked(chat)
    third = on_telegram(running, telegram_api, next(PEOPLE))
    assert "1 warga sudah melaporkan" in await ask_about_neighbours(third, STORIES[1])


async def test_what_has_ended_is_no_neighbour(chat: Chat, running: Running, telegram_api: FakeBotApi) -> None:
    [person] = await others(running, telegram_api, STORIES[:1])
    [ticket] = await person.filed()
    await Office(running).move(ticket, "Diarsipkan oleh Admin", reason="sudah selesai")
    await chat.report(MINE)
    assert len(await chat.filed()) == 1
    assert not asked(chat)


async def test_ones_own_report_is_offered_to_be_added_to(chat: Chat, running: Running) -> None:
    office = Office(running)
    await chat.report(STORIES[0])
    [ticket] = await chat.filed()
    await chat.report(ELSEWHERE)
    said = await ask_about_neighbours(chat)
    assert f"Anda sudah melaporkan hal yang mirip: {ticket}" in said
    assert ticket in await chat.press(":follow")
    assert len(await chat.filed()) == 2, "no third one"
    whole = await office.see(ticket)
    assert [(row["event"], row["note"]) for row in whole["history"][1:]] == [("replied", MINE)]
    assert (whole["followers"], whole["text"]) == (0, STORIES[0])


async def test_what_ended_meanwhile_is_a_report_of_its_own(
    chat: Chat, running: Running, telegram_api: FakeBotApi
) -> None:
    [person] = await others(running, telegram_api, STORIES[:1])
    [ticket] = await person.filed()
    await ask_about_neighbours(chat)
    await Office(running).move(ticket, "Diarsipkan oleh Admin", reason="sudah selesai")
    assert "baru saja ditutup" in await chat.tap("Ikut mendukung")
    await chat.press(":open")
    assert "Tercatat" in await chat.press(":send")
    [own] = await chat.filed()
    assert (await Office(running).see(own))["text"] == MINE
