"""A draft, or all that was filed, goes along to another app with a code: once, whole, and only for who has the code."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from hours import in_office_hours
from journey.chatting import Office, TelegramChat, WebChat, on_telegram, on_the_web
from journey.looking import alone, rows, until
from peers.bot_api import FakeBotApi
from running import Running

STORY = "Jalan di depan SMP 1 Sekayu rusak parah, banyak motor jatuh."
OTHER = "Sampah menumpuk di Pasar Lais, Musi Banyuasin, sejak minggu lalu"
CODE = re.compile(r"pindah ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})\b")


@pytest.fixture
async def page(running: Running) -> AsyncIterator[WebChat]:
    """Somebody at the chat page, in office hours."""
    in_office_hours(running.house)
    async with on_the_web(running) as chat:
        yield chat


@pytest.fixture
def phone(running: Running, telegram_api: FakeBotApi) -> TelegramChat:
    """The same person on Telegram."""
    return on_telegram(running, telegram_api, 6401)


def code_in(said: str) -> str:
    """The code that is said, as it is to be sent."""
    found = CODE.search(said)
    assert found is not None, said
    return found[1]


async def test_a_draft_with_its_photos_is_finished_elsewhere(
    running: Running, page: WebChat, phone: TelegramChat
) -> None:
    await page.say(STORY)
    for _ in range(2):
        await page.photo()
    said = await page.say("pindah")
    assert "satu kali" in said
    assert "Jangan berikan" in said
    said = await phone.say(f"pindah {code_in(said)}")
    assert "sudah pindah ke sini" in said
    while not any(choice.endswith(":send") for choice in phone.last.buttons.values()):
        said = await phone.press(":open" if any(":open" in each for each in phone.last.buttons.values()) else ":skip")
    assert STORY in said
    assert "Foto atau berkas: 2" in said
    assert "Tercatat" in await phone.press(":send")
    [ticket] = await phone.filed()
    assert await page.filed() == []
    found = await Office(running).see(ticket)
    assert (found["text"], found["channel"], len(found["files"])) == (STORY, "telegram", 2)
    await until_stored(running, ticket)

    # The old chat says so once, and begins anew.
    said = await page.say(OTHER)
    assert "sudah pindah ke aplikasi lain" in said
    said = await page.say("minggu lalu")
    assert "sudah pindah" not in said
    assert STORY not in said


async def until_stored(running: Running, ticket: str) -> None:
    """Wait until all files of a complaint can be read."""
    async with asyncio.timeout(10):
        while {each["state"] for each in (await Office(running).see(ticket))["files"]} != {"stored"}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_code_works_once_and_any_way_of_writing_it(
    running: Running, page: WebChat, phone: TelegramChat, telegram_api: FakeBotApi
) -> None:
    await page.say(STORY)
    code = code_in(await page.say("pindah"))
    spoken = code.replace("-", " ").lower()
    assert "sudah pindah ke sini" in await phone.say(f"/pindah {spoken}")
    third = on_telegram(running, telegram_api, 6402)
    assert "tidak kami kenali" in await third.say(f"pindah {code}")
    await phone.say("batal")
    assert "tidak kami kenali" in await phone.say(f"pindah {code}")


async def test_a_newer_code_takes_the_place_of_the_older(running: Running, page: WebChat, phone: TelegramChat) -> None:
    await page.say(STORY)
    older, newer = code_in(await page.say("pindah")), code_in(await page.say("pindah"))
    assert "tidak kami kenali" in await phone.say(f"pindah {older}")
    assert "sudah pindah ke sini" in await phone.say(f"pindah {newer}")


async def test_what_was_sent_meanwhile_is_not_sent_twice(running: Running, page: WebChat, phone: TelegramChat) -> None:
    await page.say(STORY)
    code = code_in(await page.say("pindah"))
    await page.report("sejak bulan lalu")
    assert "tidak ada yang dipindahkan" in await phone.say(f"pindah {code}")
    assert len(await page.filed()) == 1
    assert await phone.filed() == []


async def test_who_has_a_draft_here_finishes_it_first(running: Running, page: WebChat, phone: TelegramChat) -> None:
    await page.say(STORY)
    code = code_in(await page.say("pindah"))
    await phone.say(OTHER)
    assert "Selesaikan dulu" in await phone.say(f"pindah {code}")
    await phone.say("batal")
    assert "sudah pindah ke sini" in await phone.say(f"pindah {code}")


async def test_all_reports_and_their_news_go_to_the_new_chat(
    running: Running, page: WebChat, phone: TelegramChat
) -> None:
    office = Office(running)
    await page.report(STORY)
    await alone(running.house)
    await page.report(OTHER)
    tickets = await page.filed()
    assert len(tickets) == 2
    said = await phone.say(f"pindah {code_in(await page.say('pindah'))}")
    for ticket in tickets:
        assert ticket in said
    assert await phone.filed() == tickets
    await office.answer(tickets[0], "Sudah kami tambal.")
    assert "Sudah kami tambal." in await phone.read()
    assert "ditutup atas permintaan Anda" in await phone.tap("Sudah selesai")
    for words in ("status", f"status {tickets[0]}"):
        said = await page.say(words)
        assert "Sudah kami tambal." not in said
        assert tickets[0] not in said.replace(f"Nomor {tickets[0]} tidak kami temukan", "")
    assert [row["event"] for row in (await office.see(tickets[1]))["history"]] == ["filed", "carried"]
    lines = await rows(running.house, "SELECT says FROM deliveries WHERE channel = 'webchat' AND asks IS NULL")
    assert lines == [], "nothing more was pushed to the old chat"


async def test_one_report_goes_and_the_other_stays(running: Running, page: WebChat, phone: TelegramChat) -> None:
    await page.report(STORY)
    await alone(running.house)
    await page.report(OTHER)
    first, second = await page.filed()
    said = await phone.say(f"pindah {code_in(await page.say(f'pindah {first}'))}")
    assert first in said
    assert second not in said
    assert (await page.filed(), await phone.filed()) == ([second], [first])


async def test_news_that_had_not_come_yet_comes_to_the_new_chat(
    running: Running, phone: TelegramChat, telegram_api: FakeBotApi
) -> None:
    """A telephone that is gone is why people move."""
    in_office_hours(running.house)
    await phone.report(STORY)
    [ticket] = await phone.filed()
    code = code_in(await phone.say("pindah"))
    telegram_api.blocked.add(phone.citizen.chat_id)
    await Office(running).answer(ticket, "Sudah kami tambal.")
    await until(lambda: [call for call in telegram_api.called("sendMessage") if "tambal" in call["text"]])
    async with on_the_web(running) as page:
        both = [await page.say(f"pindah {code}"), await page.read()]
    assert sum("Sudah kami tambal." in each for each in both) == 1
    assert sum("kabarnya dikirim ke sini" in each for each in both) == 1


async def test_after_five_wrong_codes_nobody_learns_anything(
    running: Running, page: WebChat, phone: TelegramChat, telegram_api: FakeBotApi
) -> None:
    await page.say(STORY)
    code = code_in(await page.say("pindah"))
    for _ in range(5):
        assert "tidak kami kenali" in await phone.say("pindah 2222-2222-2222")
    for words in (code, "2222-2222-2222"):
        assert "Terlalu banyak kode" in await phone.say(f"pindah {words}")
    other = on_telegram(running, telegram_api, 6403)
    assert "sudah pindah ke sini" in await other.say(f"pindah {code}"), "the others can"


async def test_without_anything_there_is_no_code(running: Running, page: WebChat) -> None:
    await page.say("halo")
    assert "Belum ada yang bisa dipindahkan" in await page.say("pindah")
