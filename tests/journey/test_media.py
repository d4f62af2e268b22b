"""Albums come as one update a picture, in any order: they stay together and belong to one complaint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from journey.looking import all_said, change, filed, finish, heard, names, remembered, rows, seen
from peers.bot_api import JPEG, Citizen, FakeBotApi, Update
from pictures import OWNER, PLACE, beside, from_phone
from running import Running

from api.media import cleaning
from store import pictures

CAPTION = "Jembatan gantung di Desa Epil Kecamatan Lais putus sejak kemarin"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "050001a5f645400000000049454e44ae426082"
)


async def files_of(running: Running, citizen: Citizen, count: int) -> list[dict[str, Any]]:
    """The files of the citizen's only complaint, when the worker has seen to that many."""
    for _ in range(500):
        (complaint,) = await filed(running, citizen)
        files: list[dict[str, Any]] = complaint["files"]
        if len(files) == count and all(each["state"] != "waiting" for each in files):
            return files
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{files}")


@pytest.mark.parametrize("way", ["in order", "at once", "in reverse"])
async def test_an_album_becomes_one_complaint(running: Running, telegram_api: FakeBotApi, way: str) -> None:
    citizen = telegram_api.citizen(6000)
    album = citizen.album(5, CAPTION)
    if way == "at once":
        await asyncio.gather(*map(telegram_api.deliver, album))
    else:
        for update in album if way == "in order" else reversed(album):
            await telegram_api.deliver(update)
    said = await all_said(running.house, citizen)
    assert 1 <= len(said) <= 3, "an album is not answered picture by picture"
    assert await heard(running.house, citizen) == names(*album)

    complaint = await finish(running, citizen)
    assert complaint["text"] == CAPTION
    summary = next(each for each in telegram_api.sent(citizen.chat_id) if "ringkasan" in each.text)
    assert "Foto atau berkas: 5" in summary.text
    files = await files_of(running, citizen, 5)
    assert [each["state"] for each in files] == ["stored"] * 5
    assert {each["content_type"] for each in files} == {"image/jpeg"}
    got = await running.api.get(f"/complaints/{complaint['ticket']}/files/{files[0]['id']}")
    assert got.content == pictures.read(JPEG).content


async def test_a_late_picture_of_the_album_joins_the_complaint(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6001)
    *album, late = citizen.album(5, CAPTION)
    await asyncio.gather(*map(telegram_api.deliver, album))
    await finish(running, citizen)
    before = len(telegram_api.sent(citizen.chat_id))
    await telegram_api.deliver(late, repeat=2)
    files = await files_of(running, citizen, 5)
    assert [each["state"] for each in files] == ["stored"] * 5
    assert len(await all_said(running.house, citizen)) == before
    assert (await remembered(running.house, citizen))["draft"] is None


async def test_the_caption_of_a_late_picture_is_kept(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6002)
    first, *album = citizen.album(3, CAPTION)
    await asyncio.gather(*map(telegram_api.deliver, album))
    await telegram_api.deliver(citizen.text("Jembatan putus di Lais"))
    await finish(running, citizen)
    await telegram_api.deliver(first)
    await all_said(running.house, citizen)
    (complaint,) = await filed(running, citizen)
    assert CAPTION in [each["note"] for each in complaint["history"]]


async def test_a_late_picture_does_not_go_astray(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6003)
    *album, late = citizen.album(3, CAPTION)
    await asyncio.gather(*map(telegram_api.deliver, album))
    await finish(running, citizen)
    await telegram_api.deliver(citizen.text("Sampah menumpuk di Pasar Sekayu"))
    await all_said(running.house, citizen)
    await telegram_api.deliver(late)
    await all_said(running.house, citizen)
    (complaint,) = await filed(running, citizen)
    assert len(complaint["files"]) == 3


async def test_a_file_that_is_no_picture_is_told_to_the_citizen(running: Running, telegram_api: FakeBotApi) -> None:
    """The worker looks into the bytes; the citizen hears of it once, and the complaint stays."""
    citizen = telegram_api.citizen(6004)
    await telegram_api.deliver(citizen.photo(CAPTION, data=b"MZ this is a program"))
    await telegram_api.deliver(citizen.photo(data=PNG))
    await telegram_api.deliver(citizen.document(b"%PDF-1.4 surat", "surat.pdf"))
    for _ in range(500):
        if any("tidak bisa dipakai" in each.text for each in telegram_api.sent(citizen.chat_id)):
            break
        await asyncio.sleep(0.02)
    await finish(running, citizen)
    files = await files_of(running, citizen, 3)
    assert [each["state"] for each in files] == ["refused", "stored", "stored"]
    assert [each["content_type"] for each in files[1:]] == ["image/png", "application/pdf"]
    told = [each for each in telegram_api.sent(citizen.chat_id) if "tidak bisa dipakai" in each.text]
    assert len(told) == 1


async def test_a_lost_file_is_shown_to_operators(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6005)
    update = citizen.photo(CAPTION)
    for size in update["message"]["photo"]:
        telegram_api._files.pop(size["file_id"])
    await telegram_api.deliver(update)
    for _ in range(500):
        matters = (await running.api.get("/attention")).json()["items"]
        if matters:
            break
        await asyncio.sleep(0.02)
    assert [each["kind"] for each in matters] == ["media_failed"]
    state = await rows(running.house, "SELECT state FROM media")
    assert [row.state for row in state] == ["failed"]


async def test_one_photo_delivered_often_is_one_photo(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6006)
    photo = citizen.photo(CAPTION)
    await asyncio.gather(*(telegram_api.deliver(photo, repeat=3) for _ in range(4)))
    await finish(running, citizen)
    assert len(await files_of(running, citizen, 1)) == 1


async def test_a_voice_note_is_kept_and_can_be_played_by_an_officer(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6007)
    sound = b"OggS\0\2" + bytes(500)
    await telegram_api.deliver(citizen.text(CAPTION))
    await telegram_api.deliver(citizen.voice(sound))
    await all_said(running.house, citizen)
    complaint = await finish(running, citizen)
    (file,) = await files_of(running, citizen, 1)
    assert (file["state"], file["kind"], file["content_type"]) == ("stored", "voice", "audio/ogg")
    got = await running.api.get(f"/complaints/{complaint['ticket']}/files/{file['id']}")
    assert (got.content, got.headers["content-type"]) == (sound, "audio/ogg")


async def test_whatever_is_sent_gets_an_answer(running: Running, telegram_api: FakeBotApi) -> None:
    """Each kind of message from somebody else: none is passed over in silence, and none stops the house."""
    kinds: list[Callable[[Citizen], Update]] = [
        Citizen.voice, Citizen.video, Citizen.video_note, Citizen.audio, Citizen.animation, Citizen.sticker,
        Citizen.contact, Citizen.poll, Citizen.dice, Citizen.story, Citizen.checklist, Citizen.location,
        Citizen.live_location, Citizen.forwarded, Citizen.document, Citizen.photo,
    ]  # fmt: skip
    for number, kind in enumerate(kinds):
        citizen = telegram_api.citizen(6100 + number)
        await telegram_api.deliver(kind(citizen))
        said = await all_said(running.house, citizen)
        assert len(said) == 1, kind.__name__
        assert len(said[0].text) > 20, kind.__name__


async def test_a_live_location_is_not_answered_step_by_step(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(6200)
    await telegram_api.deliver(citizen.text(CAPTION))
    live = citizen.live_location()
    await telegram_api.deliver(live)
    before = len(await all_said(running.house, citizen))
    for step in range(1, 6):
        await telegram_api.deliver(citizen.moved(live, -2.89 - step / 1000, 103.83, last=step == 5))
    assert len(await all_said(running.house, citizen)) == before


# --- where a photo was taken ---------------------------------------------------------------------------


async def everywhere(running: Running) -> str:
    """Everything that is kept in words about chats and reports, and in the shape of which an officer is given it."""
    found = await rows(
        running.house,
        "SELECT conversation::text FROM contacts UNION ALL SELECT payload::text FROM inbox WHERE address IS NOT NULL"
        " UNION ALL SELECT says::text FROM deliveries UNION ALL SELECT taken_at_place::text FROM media"
        " UNION ALL SELECT args::text FROM procrastinate_jobs",
    )
    tickets = await rows(running.house, "SELECT ticket FROM complaints")
    shown = [(await running.api.get(f"/complaints/{row.ticket}")).text for row in tickets]
    return "".join([*(row[0] or "" for row in found), *shown])


@pytest.mark.parametrize(("answer", "label"), [("yes", "Ya, pakai"), ("no", "Jangan dipakai")])
async def test_the_place_of_a_photo_is_used_after_a_yes_and_never_else(
    running: Running, telegram_api: FakeBotApi, answer: str, label: str
) -> None:
    citizen = telegram_api.citizen(6300)
    await telegram_api.deliver(citizen.document(from_phone(), "IMG_1.jpg", "image/jpeg"))
    await all_said(running.house, citizen)
    for _ in range(500):
        if ((await remembered(running.house, citizen)).get("draft") or {"context": {}})["context"].get("photographed"):
            break
        await asyncio.sleep(0.02)
    assert len(await all_said(running.house, citizen)) == 1, "nobody is interrupted for it"
    await telegram_api.deliver(citizen.text(CAPTION))
    asked = (await all_said(running.house, citizen))[-1]
    assert "Foto Anda menyimpan tempat pengambilannya." in asked.text
    assert label in dict(asked.buttons)
    await telegram_api.deliver(citizen.tap(dict(asked.buttons)[label], asked))
    complaint = await finish(running, citizen)
    point = (complaint["latitude"], complaint["longitude"])
    assert point == (PLACE if answer == "yes" else (None, None))
    assert [row[0] for row in await rows(running.house, "SELECT taken_at_place FROM media")] == [None]
    assert ("103.83" in await everywhere(running)) == (answer == "yes")
    (file,) = await files_of(running, citizen, 1)
    got = (await running.api.get(f"/complaints/{complaint['ticket']}/files/{file['id']}")).content
    assert OWNER.encode() not in got
    assert not beside(got)


async def test_the_place_of_a_photo_that_nobody_asks_about_is_not_kept(
    running: Running, telegram_api: FakeBotApi
) -> None:
    """It comes when the report is filed; and of one in the making it is kept for a day."""
    citizen = telegram_api.citizen(6301)
    await telegram_api.deliver(citizen.text(CAPTION))
    await finish(running, citizen)
    await telegram_api.deliver(citizen.document(from_phone(), "IMG_2.jpg", "image/jpeg"))
    assert (await files_of(running, citizen, 1))[0]["state"] == "stored"
    assert "103.83" not in await everywhere(running)

    # Words that come before the reply to the photo was heard would be taken for more about it.
    await all_said(running.house, citizen)
    await telegram_api.deliver(citizen.text("Sampah menumpuk di Pasar Sekayu"))
    await all_said(running.house, citizen)
    await telegram_api.deliver(citizen.document(from_phone(), "IMG_3.jpg", "image/jpeg"))
    waiting = "SELECT 1 FROM media WHERE taken_at_place IS NOT NULL"
    await seen(running.house, waiting)
    assert await cleaning.forget_places(running.house) == 0
    await change(running.house, "UPDATE media SET stored_at = stored_at - interval '25 hours'")
    assert await cleaning.forget_places(running.house) == 1
    assert await rows(running.house, waiting) == []
