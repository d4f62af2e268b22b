"""After filing: the agency answers, the citizen says whether that was it, and silence is only silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hours import in_office_hours
from journey.chatting import Chat, Office, on_telegram, on_the_web
from journey.looking import rows
from peers.bot_api import FakeBotApi
from running import Running

from api.house import House
from api.timekeeping import keep_clocks

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
ANSWER = "Lubang di depan SMP 1 sudah kami tambal pada 20 November.\n\nTerima kasih atas laporannya."
NOT_THERE = "Lubang yang di tikungan masih ada, baru kemarin ada yang jatuh"


@pytest.fixture(params=["telegram", "webchat"])
async def chat(request: pytest.FixtureRequest, running: Running, telegram_api: FakeBotApi) -> AsyncIterator[Chat]:
    """Somebody in a chat, on either channel, in office hours."""
    in_office_hours(running.house)
    async with AsyncExitStack() as stack:
        if request.param == "telegram":
            yield on_telegram(running, telegram_api, 6001)
        else:
            yield await stack.enter_async_context(on_the_web(running))


async def reported(chat: Chat, words: str = STORY) -> str:
    """A complaint of this citizen; its ticket."""
    said = await chat.report(words)
    ticket = (await chat.filed())[-1]
    assert ticket in said
    return ticket


def it_is(house: House, words: str) -> None:
    """It is that moment in Palembang for the house, as in "2026-11-20 10:00"."""
    house.skew = datetime.fromisoformat(f"{words}+07:00") - datetime.now(UTC)


async def ratings(running: Running) -> list[tuple[int, str | None]]:
    """The stars and comments that are kept."""
    return [tuple(row) for row in await rows(running.house, "SELECT stars, comment FROM ratings ORDER BY at")]


# --- the answer, and what the citizen says to it -------------------------------------------------------------


async def test_not_settled_goes_back_with_a_reason_and_settled_closes_with_stars(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    news = await chat.read()
    assert ticket in news
    assert ANSWER in news, "in full"
    last_day = (await office.see(ticket))["clocks"][-1]["due_on"]
    assert f" {date.fromisoformat(last_day).day} " in news
    assert last_day[:4] in news
    assert "ditutup otomatis" in news
    assert chat.buttons == ["Sudah selesai", "Belum selesai", "Salah instansi"]

    assert "Apa yang belum selesai" in await chat.tap("Belum selesai")
    said = await chat.say(NOT_THERE)
    assert ticket in said
    assert "kami kembalikan ke instansi" in said
    seen = await office.see(ticket)
    assert seen["status"] == "Ditanggapi oleh Pelapor"
    assert (seen["history"][-1]["event"], seen["history"][-1]["reason"]) == ("disputed", NOT_THERE)
    assert seen["clocks"] == [], "none runs"
    [matter] = await office.attention()
    assert (matter["kind"], matter["ticket"]) == ("disputed", ticket)

    await office.answer(ticket, "Tikungan sudah kami tambal juga.")
    assert "Tikungan sudah kami tambal juga." in await chat.read()
    said = await chat.tap("Sudah selesai")
    assert "ditutup atas permintaan Anda" in said
    assert "Berapa bintang" in said
    assert (await office.see(ticket))["status"] == "Ditutup oleh Pelapor"
    assert await ratings(running) == [], "closing is no rating"
    assert chat.buttons[:5] == ["5 – sangat baik", "4", "3", "2", "1 – buruk"]
    assert "catatan" in await chat.tap("4")
    assert await ratings(running) == [(4, None)]
    assert "kami simpan" in await chat.say("Cepat, tapi dua kali lapor")
    assert await ratings(running) == [(4, "Cepat, tapi dua kali lapor")]
    assert (await office.see(ticket))["rating"]["stars"] == 4
    assert (await office.see(ticket))["text"] == STORY, "nothing of it got into the report"
    assert "Belum ada" not in await chat.say("status")
    assert "Ditutup oleh Anda" in chat.last.text


async def test_all_of_it_in_words(chat: Chat, running: Running) -> None:
    """Not everybody sees buttons."""
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    await chat.read()
    assert "Apa yang belum selesai" in await chat.say("belum selesai")
    said = await chat.say("lubangnya masih ada dua")
    assert "kami kembalikan ke instansi" in said
    seen = await office.see(ticket)
    assert seen["status"] == "Ditanggapi oleh Pelapor"
    assert seen["history"][-1]["reason"] == "lubangnya masih ada dua"
    await office.answer(ticket, ANSWER)
    await chat.read()
    said = await chat.say("sudah selesai")
    assert "ditutup atas permintaan Anda" in said
    assert (await office.see(ticket))["status"] == "Ditutup oleh Pelapor"
    assert "catat" in await chat.say("5")
    assert await ratings(running) == [(5, None)]
    assert "Sama-sama" in await chat.say("terima kasih") or "Baik" in chat.last.text
    assert await chat.filed() == [ticket], "none of these words began a report"


async def test_words_that_may_be_a_new_matter_are_asked_about(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    await chat.read()
    said = await chat.say("Jalan di depan SMP 1 masih rusak, belum diperbaiki")
    assert "laporan yang sudah ada" in said
    [label] = [label for label in chat.buttons if ticket in label]
    assert ticket in await chat.tap(label)
    seen = await office.see(ticket)
    assert seen["status"] == "Ditanggapi oleh Pelapor"
    assert seen["history"][-1]["note"] == "Jalan di depan SMP 1 masih rusak, belum diperbaiki"
    assert await chat.filed() == [ticket]


async def test_who_does_not_want_to_rate_does_not(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    await chat.read()
    await chat.tap("Sudah selesai")
    assert "Baik" in await chat.press(":skip")
    assert await ratings(running) == []


async def test_a_photo_may_come_before_its_reason(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    await chat.read()
    await chat.tap("Belum selesai")
    assert ticket in await chat.photo()
    assert "Apa yang belum selesai" in chat.last.text
    await chat.say(NOT_THERE)
    seen = await office.see(ticket)
    assert (seen["status"], len(seen["files"])) == ("Ditanggapi oleh Pelapor", 1)
    assert [(row["event"], row["reason"]) for row in seen["history"][-2:]] == [
        ("replied", None),
        ("disputed", NOT_THERE),
    ]


async def test_taking_a_report_back_is_asked_twice(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await chat.say("status")
    assert "Tarik laporan" in chat.buttons
    assert "Yakin" in await chat.tap("Tarik laporan")
    assert "Baik" in await chat.tap("Tidak jadi")
    assert (await office.see(ticket))["status"] == "Belum Terverifikasi"
    await chat.tap("Tarik laporan")
    assert "sudah ditarik" in await chat.tap("Ya, tarik")
    assert (await office.see(ticket))["status"] == "Diarsipkan oleh Pelapor"


async def test_the_button_of_an_old_answer_says_what_is_possible_now(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.answer(ticket, ANSWER)
    await chat.read()
    await chat.tap("Sudah selesai")
    before = (await office.see(ticket))["history"]
    assert "belum bisa dilakukan" in await chat.tap("Sudah selesai")
    assert (await office.see(ticket))["history"] == before


# --- what an office waits for --------------------------------------------------------------------------------


async def test_words_complete_a_report_and_stop_its_clock(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.ask(ticket, "Di sebelah mana sekolahnya?")
    news = await chat.read()
    assert "Di sebelah mana sekolahnya?" in news
    assert "diarsipkan otomatis" in news
    assert chat.buttons == ["Balas"]
    assert ticket in await chat.say("Di sebelah kiri gerbang, dekat warung Bu Ida")
    await check_completed(office, ticket)
    assert (await office.see(ticket))["history"][-1]["note"] == "Di sebelah kiri gerbang, dekat warung Bu Ida"


async def test_a_button_leads_to_the_reply_too(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.ask(ticket, "Nomor tiangnya berapa?")
    await chat.read()
    assert "Tulis balasan Anda" in await chat.tap("Balas")
    assert "Sudah kami tambahkan" in await chat.say("12")
    await check_completed(office, ticket)
    assert (await office.see(ticket))["history"][-1]["note"] == "12"


@pytest.mark.parametrize("caption", ["", "Ini fotonya, di kiri gerbang"])
async def test_a_photo_completes_a_report_and_stops_its_clock(chat: Chat, running: Running, caption: str) -> None:
    office = Office(running)
    ticket = await reported(chat)
    await office.ask(ticket, "Mohon kirim fotonya.")
    await chat.read()
    await chat._photo(caption)
    assert ticket in await chat.read()
    await check_completed(office, ticket)
    seen = await office.see(ticket)
    assert len(seen["files"]) == 1
    assert [row["note"] for row in seen["history"] if row["event"] == "replied" and row["note"]] == [
        each for each in [caption] if each
    ]


async def check_completed(office: Office, ticket: str) -> None:
    """It is verified again, by a person, and no clock runs."""
    seen = await office.see(ticket)
    assert seen["status"] == "Belum Terverifikasi"
    assert seen["clocks"] == []


# --- the wrong agency ------------------------------------------------------------------------------------------


async def test_the_wrong_agency_is_one_tap_and_nobody_reports_anew(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    was = (await office.see(ticket))["agency"]
    await office.move(ticket, "Terdisposisi")
    assert "Sudah diteruskan" in await chat.read()
    assert chat.buttons == ["Salah instansi"]
    said = await chat.tap("Salah instansi")
    assert ticket in said
    assert "instansi yang tepat" in said
    seen = await office.see(ticket)
    assert (seen["status"], seen["agency"]) == ("Belum Terverifikasi", "16.06-kominfo")
    [matter] = await office.attention()
    assert (matter["kind"], matter["ticket"], matter["detail"]) == ("wrong_agency", ticket, was)
    tally = {each["code"]: each["denied"] for each in (await office.misroutes())["agencies"]}
    assert tally[was] == 1
    # Which it would be is asked, and helps whoever sorts it.
    assert "instansi mana" in said
    assert ticket in await chat.say("Dinas PU Provinsi")
    assert (await office.see(ticket))["history"][-1]["note"] == "Dinas PU Provinsi"
    assert (await office.see(ticket))["status"] == "Belum Terverifikasi"


async def test_an_office_that_denies_tells_the_citizen_so(chat: Chat, running: Running) -> None:
    office = Office(running)
    ticket = await reported(chat)
    was = (await office.see(ticket))["agency_name"]
    await office.deny(ticket, "Jalan itu jalan provinsi")
    news = await chat.read()
    assert ticket in news
    assert was in news
    assert "Jalan itu jalan provinsi" in news
    assert "tidak perlu melapor ulang" in news
    seen = await office.see(ticket)
    assert (seen["status"], seen["agency"]) == ("Belum Terverifikasi", "16.06-kominfo")
    assert [each["kind"] for each in await office.attention()] == ["wrong_agency"]


# --- silence -----------------------------------------------------------------------------------------------------


async def test_silence_closes_after_a_reminder_and_is_no_praise(running: Running, telegram_api: FakeBotApi) -> None:
    """An answer of Friday 20 November: reminded on 1 December, closed when 4 December is over."""
    chat, office = on_telegram(running, telegram_api, 6101), Office(running)
    ticket = await reported(chat)
    it_is(running.house, "2026-11-20 10:00")
    await office.answer(ticket, ANSWER)
    assert "Jumat, 4 Desember 2026" in await chat.read()
    for moment in ("2026-11-30 23:59", "2026-12-01 08:59"):
        it_is(running.house, moment)
        await keep_clocks(running.house)
    assert [len(row.says) for row in await pushes(running, ticket)] == [3], "nobody is reminded early"
    it_is(running.house, "2026-12-01 09:01")
    for _ in range(2):
        await keep_clocks(running.house)
    reminder = await chat.read()
    assert ticket in reminder
    assert "Jumat, 4 Desember 2026" in reminder
    assert "tidak dianggap sebagai tanda Anda puas" in reminder
    assert chat.buttons == ["Sudah selesai", "Belum selesai", "Salah instansi"]
    it_is(running.house, "2026-12-04 23:59")
    await keep_clocks(running.house)
    assert (await office.see(ticket))["status"] == "Ditindaklanjuti oleh Instansi"
    it_is(running.house, "2026-12-05 00:01")
    for _ in range(2):
        await keep_clocks(running.house)
    closed = await chat.read()
    assert "karena tidak ada balasan" in closed
    assert "tidak dianggap sebagai tanda Anda puas" in closed
    assert "tulis laporan baru" in closed
    seen = await office.see(ticket)
    assert (seen["status"], seen["rating"]) == ("Ditutup oleh Sistem", None)
    assert [(row["event"], row["actor"]) for row in seen["history"][-2:]] == [
        ("reminded", "system:clock"),
        ("lapsed", "system:clock"),
    ]
    assert await ratings(running) == []
    # Stars that are given later are stars.
    assert "Berapa bintang" in await chat.tap("Beri nilai")
    await chat.tap("1 – buruk")
    assert await ratings(running) == [(1, None)]


async def test_a_word_after_the_reminder_stops_the_clock(running: Running, telegram_api: FakeBotApi) -> None:
    chat, office = on_telegram(running, telegram_api, 6102), Office(running)
    ticket = await reported(chat)
    it_is(running.house, "2026-11-20 10:00")
    await office.answer(ticket, ANSWER)
    await chat.read()
    it_is(running.house, "2026-12-01 09:01")
    await keep_clocks(running.house)
    await chat.read()
    assert chat.read_last is not None
    assert "Sudah kami tambahkan" in await chat.answer(chat.read_last, "Masih rusak, tolong dilihat lagi")
    it_is(running.house, "2027-01-05 12:00")
    await keep_clocks(running.house)
    assert (await office.see(ticket))["status"] == "Ditanggapi oleh Pelapor"


async def test_a_report_that_is_not_completed_is_archived_and_not_called_done(
    running: Running, telegram_api: FakeBotApi
) -> None:
    chat, office = on_telegram(running, telegram_api, 6103), Office(running)
    ticket = await reported(chat)
    it_is(running.house, "2026-11-20 10:00")
    await office.ask(ticket, "Di mana persisnya?")
    await chat.read()
    [clock] = (await office.see(ticket))["clocks"]
    it_is(running.house, f"{clock['due_on']} 12:00")
    await keep_clocks(running.house)
    assert "masih menunggu" in await chat.read()
    it_is(running.house, "2027-03-01 12:00")
    await keep_clocks(running.house)
    ended = await chat.read()
    assert "diarsipkan otomatis" in ended
    assert "tidak dianggap selesai" in ended
    assert (await office.see(ticket))["status"] == "Diarsipkan oleh Sistem"


async def pushes(running: Running, ticket: str) -> list[Any]:
    """What was said about a complaint without being asked."""
    return await rows(
        running.house,
        "SELECT d.says FROM deliveries d JOIN complaints k ON k.id = d.complaint_id"
        " WHERE k.ticket = :ticket AND d.asks IS NULL",
        ticket=ticket,
    )


# --- a message of ours that is answered ------------------------------------------------------------------------


async def test_an_answer_to_a_message_of_last_month_reaches_its_complaint(
    running: Running, telegram_api: FakeBotApi
) -> None:
    chat, office = on_telegram(running, telegram_api, 6201), Office(running)
    old = await reported(chat)
    await office.answer(old, ANSWER)
    await chat.read()
    message = chat.read_last
    assert message is not None
    newer = await reported(chat, "Lampu jalan di Pasar Plaju Palembang padam sejak kemarin")
    said = await chat.answer(message, "Yang di tikungan belum ditambal")
    assert old in said
    seen = await office.see(old)
    assert (seen["history"][-1]["event"], seen["history"][-1]["note"]) == (
        "replied",
        "Yang di tikungan belum ditambal",
    )
    assert seen["status"] == "Ditanggapi oleh Pelapor"
    assert [row["event"] for row in (await office.see(newer))["history"]] == ["filed"]


async def test_an_answer_to_an_old_message_reaches_its_complaint_in_the_middle_of_a_draft(
    running: Running, telegram_api: FakeBotApi
) -> None:
    chat, office = on_telegram(running, telegram_api, 6202), Office(running)
    ticket = await reported(chat)
    await office.move(ticket, "Terdisposisi")
    await chat.read()
    message = chat.read_last
    assert message is not None
    await chat.say("Lampu jalan di Pasar Plaju Palembang padam sejak kemarin")
    said = await chat.answer(message, "Lubangnya makin dalam")
    assert ticket in said
    assert (await office.see(ticket))["history"][-1]["note"] == "Lubangnya makin dalam"
    assert chat.buttons, "and the draft goes on"


async def test_a_number_of_somebody_elses_opens_nothing(running: Running, telegram_api: FakeBotApi) -> None:
    """What a page sends as a tap can be written by hand."""
    office = Office(running)
    ticket = await reported(on_telegram(running, telegram_api, 6301))
    await office.answer(ticket, ANSWER)
    before = await office.see(ticket)
    async with on_the_web(running) as stranger:
        await stranger.say("halo")
        for act in ("resolved", "rate:1", "wrong_agency", "unfollow", "withdraw:withdraw:yes", "reason:reason:skip"):
            await stranger._tap(f"{ticket}:{act}", "x")
            assert ANSWER not in await stranger.read()
        for act in ("reply", "unresolved"):
            await stranger._tap(f"{ticket}:{act}", "x")
            await stranger.read()
            await stranger._photo("")
            await stranger.read()
            assert "tidak kami temukan" in await stranger.say("Tolong ditutup saja")
        assert "tidak kami temukan" in await stranger.say(f"status {ticket}")
    assert await office.see(ticket) == before
