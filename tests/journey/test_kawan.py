"""A Kawan LAPOR from the invitation at the desk to a report that is the resident's alone: over Telegram and the web."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from desking import signed_in_at
from hours import in_office_hours
from journey.chatting import Chat, Office, TelegramChat, WebChat, on_telegram, on_the_web
from journey.looking import rows
from peers.bot_api import FakeBotApi
from running import Running

from bot.lessons import LESSONS
from store import policy
from store.policy import Grant

STORY = "Tiang listrik di depan rumah nenek di Lorong Mufakat, Kelurahan Ogan Baru, Palembang, miring sejak bulan lalu."
KOMINFO = Grant(policy.ADMIN_INSTANSI, region="16.71")
CODE = r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}"


@pytest.fixture
async def kominfo(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """An officer of Palembang at the desk, over HTTP."""
    in_office_hours(running.house)
    async with signed_in_at(running, KOMINFO) as client:
        yield client


async def invited(kominfo: httpx.AsyncClient, name: str) -> str:
    """The code of a new invitation, as the desk shows it once."""
    form = {"name": name, "region": "16.71", "valid_until": "2027-11-21"}
    answer = await kominfo.post("/kawan/undang", data=form)
    assert answer.status_code == 200, answer.text
    found = re.search(CODE, answer.text)
    assert found is not None, answer.text
    return found[0]


async def trained(chat: Chat, code: str) -> str:
    """Redeem an invitation and pass the training; returns what is said in the end."""
    said = await chat.say(f"kawan {code}")
    for lesson in LESSONS:
        said = await chat.press(f":{lesson.question}:{lesson.right}")
    return said


async def assisted(chat: Chat, words: str, **chosen: str) -> str:
    """File for a resident; `chosen` are the answers to questions of that name, else the first that lets it go on.
    Returns the receipt."""
    said = await chat.say("dampingi")
    wanted = {"consent": "yes", "reach": "chat", "keeps": "yes", "privacy": "open", "confirm": "send"} | chosen
    for _ in range(20):
        if re.search(CODE, said):
            return said
        choices = {choice.split(":")[1]: choice for choice in chat.last.buttons.values()}
        name = next(iter(choices), "")
        if name in wanted and name not in {"contact", "resident"}:
            said = await chat.press(f":{name}:{wanted[name]}")
        elif name in wanted:
            said = await chat.say(wanted[name])
        elif any(choice.endswith(":skip") for choice in chat.last.buttons.values()):
            said = await chat.press(":skip")
        elif name == "photos":
            said = await chat.press(":none")
        else:
            said = await chat.say(words)
    raise AssertionError(said)


async def test_from_the_invitation_to_the_stars_of_the_resident(
    running: Running, telegram_api: FakeBotApi, kominfo: httpx.AsyncClient
) -> None:
    """Invited, trained, files for a resident, who takes the report over on the web, gets the news and rates."""
    office, kawan = Office(running), on_telegram(running, telegram_api, 7701, "Rina Kawan")
    said = await trained(kawan, await invited(kominfo, "Rina"))
    assert "dampingi" in said
    receipt = await assisted(kawan, STORY, resident="Nenek Aisyah")
    ticket = re.search(r"T-\d{3}-\d{3}-\d{4}", receipt)
    assert ticket is not None
    takeover = re.search(CODE, receipt)
    assert takeover is not None
    seen = await office.see(ticket[0])
    assert (seen["text"], seen["pelapor"]) == (STORY, "Nenek Aisyah")
    [consent] = await rows(running.house, "SELECT consent_words, consented_at, outcome, keeps FROM assistances")
    assert consent.outcome == "filed"
    assert "setuju" in consent.consent_words.casefold()
    assert await kawan.filed() == []

    # Nobody has a chat yet: the volunteer hears that there is news, and not what.
    await office.answer(ticket[0], "Tiang sudah kami tegakkan.")
    said = await kawan.read()
    assert ticket[0] in said
    assert "tegakkan" not in said

    async with on_the_web(running) as resident:
        said = await resident.say(f"ambil {takeover[0]}")
        assert ticket[0] in said
        assert "Tiang sudah kami tegakkan." in said
        assert await resident.filed() == [ticket[0]]
        said = await resident.tap("Belum selesai")
        said = await resident.say("Masih miring sedikit.")
        await office.answer(ticket[0], "Sekarang sudah lurus.")
        while "Sekarang sudah lurus." not in (said := await resident.read()):
            pass
        said = await resident.tap("Sudah selesai")
        said = await resident.press(":rating:5")
        await nothing_left(running, kawan, ticket[0])
    [rated] = await rows(running.house, "SELECT stars FROM ratings")
    assert rated.stars == 5


async def nothing_left(running: Running, kawan: TelegramChat | WebChat, ticket: str) -> None:
    """The volunteer reads nothing of it any more, by no command."""
    for words in ("status", f"status {ticket}", "daftar", f"cek {ticket}", "data saya", "baca"):
        said = await kawan.say(words)
        for secret in ("tegakkan", "lurus", "Lorong Mufakat", "Aisyah", "miring"):
            assert secret not in said, (words, said)
        assert ticket not in said.replace(f"Nomor {ticket} tidak kami temukan", ""), (words, said)
    pushed = await rows(
        running.house,
        "SELECT d.says FROM deliveries d JOIN contacts c ON c.id = d.contact_id WHERE c.address = :user"
        " AND d.says::text LIKE '%push.%'",
        user=kawan.user,
    )
    assert pushed == []


async def test_a_code_serves_once_and_not_the_volunteer(
    running: Running, telegram_api: FakeBotApi, kominfo: httpx.AsyncClient
) -> None:
    async with on_the_web(running) as kawan, on_the_web(running) as resident:
        code = await invited(kominfo, "Budi")
        await trained(kawan, code)
        stranger = on_telegram(running, telegram_api, 7702, "Orang Lain")
        assert "tidak kami kenali" in await stranger.say(f"kawan {code}")
        receipt = await assisted(kawan, STORY)
        takeover = re.search(CODE, receipt)
        assert takeover is not None
        await kawan.say(f"ambil {takeover[0]}")
        assert await kawan.filed() == []
        await resident.say(f"pindah {takeover[0]}")
        assert len(await resident.filed()) == 1
        await stranger.say(f"ambil {takeover[0]}")
        assert await stranger.filed() == []


async def test_a_grant_that_ends_in_the_middle_leaves_the_draft_with_the_desk(
    running: Running, telegram_api: FakeBotApi, kominfo: httpx.AsyncClient
) -> None:
    """The volunteer is told in words for the resident; an officer makes the report of it, with the resident's yes."""
    kawan = on_telegram(running, telegram_api, 7703, "Tono Kawan")
    await trained(kawan, await invited(kominfo, "Tono"))
    await kawan.say("dampingi")
    await kawan.press(":consent:yes")
    await kawan.press(":reach:place")
    await kawan.say("Posko RT 12, Bu Yati")
    await kawan.say(STORY)
    [volunteer] = await rows(running.house, "SELECT id FROM volunteers WHERE name = 'Tono'")
    page = await kominfo.get(f"/kawan/{volunteer.id}")
    seen = re.search(r'name="seen" value="([^"]*)"', page.text)
    assert seen is not None
    answer = await kominfo.post(f"/kawan/{volunteer.id}/cabut", data={"sure": "yes", "seen": seen[1]})
    assert answer.status_code == 303, answer.text
    said = await kawan.read()
    assert "Petugas yang melanjutkannya" in said
    listed = await kominfo.get("/kawan/draf")
    assert listed.status_code == 200
    [draft] = await rows(running.house, "SELECT id FROM assistances WHERE outcome = 'desk'")
    assert f"/kawan/draf/{draft.id}" in listed.text
    page = await kominfo.get(f"/kawan/draf/{draft.id}")
    assert "Lorong Mufakat" in page.text
    answer = await kominfo.post(f"/kawan/draf/{draft.id}/jadikan", data={"agreed": "yes"})
    assert answer.status_code == 200, answer.text
    [complaint] = await rows(running.house, "SELECT text, contact_id FROM complaints")
    assert (complaint.text, complaint.contact_id) == (STORY, None)
    # The officer hands the codes to the resident, who takes the report over.
    takeover = re.search(CODE, answer.text)
    assert takeover is not None
    async with on_the_web(running) as resident:
        await resident.say(f"ambil {takeover[0]}")
        assert len(await resident.filed()) == 1
