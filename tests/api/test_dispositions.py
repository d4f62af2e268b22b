"""What citizens hear of the work of offices, what waits for a person, and the same over REST."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import PIL.Image
import pytest
from making import OPERATOR, contact, eventually, file, rows, run, value
from running import working

from api import jobs
from api.house import House
from api.unit import unit
from bot.texts import catalogue, speak
from store import closure, complaints, contacts, dispositions, evidence, following, media, moves, staff
from store.complaints import Actor, Event
from store.media import NewMedia

PU, DISHUB, DLH, KOMINFO = "16-pu", "16-dishub", "16-dlh", "16-kominfo"
OFFICE = Actor("agency", "staff:1")
WORDS = "Bapak Budi (0812-3456-7890), jalannya sudah ditambal."
MASKED = "Bapak Budi ([TELP]), jalannya sudah ditambal."
UNTIL = "push.answer_until"


@dataclass(frozen=True)
class Case:
    """A complaint with a photo of an office; the chats of its pelapor and of a follower."""

    ticket: str
    id: int
    citizen: int
    pelapor: int
    follower: int
    photo: int


@pytest.fixture
async def case(house: House) -> Case:
    async with unit(house) as work:
        connection = work.connection
        chats = [await contact(connection, address) for address in ("7", "8")]
        citizens = [await contacts.become_citizen(connection, chat, "Siti", "id") for chat in chats]
        of = {"citizen_id": citizens[0], "contact_id": chats[0], "agency": PU, "region": "16.06"}
        event = work.record(await file(connection, **of))
        work.record(await following.follow(connection, event.complaint_id, citizens[1], chats[1]))
        officer = await staff.add(connection, "petugas", "Petugas Uji", [])
        facts: dict[str, Any] = {"content_type": "image/jpeg", "size": 1, "name": None, "looks": None}
        photo = await evidence.add(
            connection, complaint_id=event.complaint_id, staff_id=officer, agency=PU, sha256="0" * 64, **facts
        )
    return Case(event.ticket, event.complaint_id, citizens[0], chats[0], chats[1], photo)


async def do(house: House, case: Case, verb: Callable[..., Awaitable[Event]], *said: Any, **named: Any) -> Event:
    """A verb of an office, with everything that follows from it; what was told before is forgotten."""
    await run(house.engine, "DELETE FROM deliveries")
    async with unit(house) as work:
        return work.record(await verb(work.connection, case.ticket, *said, **named))


async def dispose(house: House, case: Case, *agencies: str, **named: Any) -> Event:
    return await do(house, case, dispositions.dispose, OPERATOR, agencies, lead=agencies[0], **named)


async def told(house: House, chat: int) -> list[tuple[list[str], list[str]]]:
    """What somebody read, text by text, and the acts below it."""
    found = await rows(house.engine, "SELECT says, buttons FROM deliveries WHERE contact_id = :id ORDER BY id", id=chat)
    return [
        ([speak(key, said) for key, said in row.says], [choice.rpartition(":")[2] for _, choice in row.buttons])
        for row in found
    ]


async def keys(house: House, chat: int) -> list[list[str]]:
    found = await rows(house.engine, "SELECT says FROM deliveries WHERE contact_id = :id ORDER BY id", id=chat)
    return [[key for key, _ in row.says] for row in found]


async def matters(house: House) -> list[Any]:
    return await rows(house.engine, "SELECT kind, detail FROM attention ORDER BY id")


async def silence(house: House) -> str | None:
    """Which clock would end it."""
    found = await rows(
        house.engine, "SELECT kind FROM clocks WHERE stopped_at IS NULL AND kind IN ('close', 'archive')"
    )
    return found[0].kind if found else None


# --- who has it ------------------------------------------------------------------------------------------------


async def test_the_citizen_hears_who_has_it_in_one_push(house: House, case: Case) -> None:
    name = house.directory.names[PU]
    await dispose(house, case, PU, note="Mohon ditunggu.")
    assert await told(house, case.pelapor) == [
        (
            [f"Laporan {case.ticket} sudah diteruskan ke {name}.", "Keterangan petugas:\nMohon ditunggu."],
            ["wrong_agency"],
        )
    ]
    [(says, acts)] = await told(house, case.follower)
    assert (len(says), acts) == (1, ["unfollow"])
    assert name in says[0]


async def test_one_leads_and_the_others_are_counted(house: House, case: Case) -> None:
    await dispose(house, case, PU, DISHUB, DLH)
    [([news], _)] = await told(house, case.pelapor)
    assert news == f"Laporan {case.ticket} sudah diteruskan ke {house.directory.names[PU]} dan 2 instansi lain."
    # Another lead is another way, not a first one.
    await dispose(house, case, DISHUB, PU)
    assert await keys(house, case.pelapor) == [["push.rerouted_several"]]
    await dispose(house, case, DLH)
    assert await keys(house, case.pelapor) == [["push.rerouted"]]


async def test_the_same_once_more_is_no_news(house: House, case: Case) -> None:
    await dispose(house, case, PU)
    await dispose(house, case, PU)
    assert await told(house, case.pelapor) == await told(house, case.follower) == []
    await dispose(house, case, PU, note="Sudah kami ingatkan.")
    assert await keys(house, case.pelapor) == [["push.disposed", "push.officer"]]
    assert await told(house, case.follower) == []


async def test_a_disposition_ends_the_wait_for_the_pelapor(house: House, case: Case) -> None:
    await do(house, case, dispositions.ask, OPERATOR, "RT berapa?")
    assert (await keys(house, case.pelapor), await silence(house)) == (
        [["push.moved", "push.officer", "push.complete_until"]],
        "archive",
    )
    assert await keys(house, case.follower) == [["push.followed"]]
    await dispose(house, case, PU)
    assert await silence(house) is None


# --- what is said ------------------------------------------------------------------------------------------------


async def test_a_first_word_starts_no_clock(house: House, case: Case) -> None:
    await dispose(house, case, PU)
    await do(house, case, dispositions.respond, OFFICE, PU, "Kami cek besok.")
    [([news], acts)] = await told(house, case.pelapor)
    assert news.startswith(f"{house.directory.names[PU]} menanggapi laporan {case.ticket}:\nKami cek besok.")
    assert (acts, await silence(house), await told(house, case.follower)) == (["reply"], None, [])
    # After an answer it gives the citizen all the days again.
    await do(house, case, dispositions.answer, OFFICE, PU, WORDS, finished=False)
    await run(house.engine, "UPDATE clocks SET due_on = due_on - 5 WHERE kind = 'close'")
    due_on = await value(house.engine, "SELECT due_on FROM clocks WHERE kind = 'close' AND stopped_at IS NULL")
    await do(house, case, dispositions.respond, OFFICE, PU, "Kami cek lagi.")
    assert await keys(house, case.pelapor) == [["push.responded", UNTIL]]
    assert due_on < await value(house.engine, "SELECT due_on FROM clocks WHERE kind = 'close' AND stopped_at IS NULL")


async def test_an_answer_bears_the_name_of_who_gave_it(house: House, case: Case) -> None:
    await dispose(house, case, PU, DISHUB)
    await do(house, case, dispositions.answer, OFFICE, DISHUB, WORDS, finished=False)
    name = house.directory.names[DISHUB]
    [(says, acts)] = await told(house, case.pelapor)
    assert says[:2] == [f"Kabar laporan {case.ticket}: Sudah dijawab oleh {name}.", f"Jawaban {name}:\n{WORDS}"]
    assert (len(says), acts, await silence(house)) == (3, ["resolved", "unresolved", "wrong_agency"], "close")
    [(says, _)] = await told(house, case.follower)
    assert says[1] == f"Jawaban {name}:\n{MASKED}"


async def test_kominfo_answers_in_its_own_name(house: House, case: Case) -> None:
    await do(house, case, dispositions.answer, OPERATOR, None, "Syaratnya KTP.", finished=False)
    [(says, _)] = await told(house, case.pelapor)
    assert says[:2] == [
        f"Kabar laporan {case.ticket}: Sudah dijawab oleh Dinas Kominfo.",
        "Jawaban Dinas Kominfo:\nSyaratnya KTP.",
    ]


async def test_closing_is_proposed_and_left_to_the_citizen(house: House, case: Case) -> None:
    await dispose(house, case, PU)
    await do(house, case, dispositions.answer, OFFICE, PU, WORDS, finished=True, evidence=[case.photo])
    assert await keys(house, case.pelapor) == [["push.finished", "push.note_of", UNTIL]]
    [(_, acts)] = await told(house, case.pelapor)
    assert (acts, await silence(house)) == (["resolved", "unresolved", "wrong_agency"], "close")
    assert await keys(house, case.follower) == [["push.followed", "push.note_of"]]


# --- it comes back -------------------------------------------------------------------------------------------------


async def test_what_the_lead_hands_back_waits_for_a_person(house: House, case: Case) -> None:
    await dispose(house, case, PU)
    await do(house, case, dispositions.hand_back, OFFICE, PU, "Itu jalan nasional.", kominfo=KOMINFO)
    [(says, _)] = await told(house, case.pelapor)
    assert says[0].startswith(f"Menurut {house.directory.names[PU]}, laporan {case.ticket} bukan wewenangnya.")
    assert says[1] == "Alasan: Itu jalan nasional."
    assert await matters(house) == [("wrong_agency", PU)]


async def test_what_another_one_hands_back_only_officers_hear(house: House, case: Case) -> None:
    await dispose(house, case, PU, DISHUB)
    await do(house, case, dispositions.hand_back, OFFICE, DISHUB, "Bukan soal lampu.", kominfo=KOMINFO)
    assert await told(house, case.pelapor) == await told(house, case.follower) == []
    assert await matters(house) == [("wrong_agency", DISHUB)]


async def test_what_kominfo_takes_back_is_said_in_its_own_name(house: House, case: Case) -> None:
    await dispose(house, case, PU)
    await do(house, case, dispositions.return_to_triage, OPERATOR, "Salah baca.", agency=KOMINFO)
    [(says, _)] = await told(house, case.pelapor)
    assert says[0].startswith(f"Laporan {case.ticket} ternyata bukan wewenang {house.directory.names[PU]}.")
    assert await matters(house) == []


# --- the archive ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", dispositions.reasons(), ids=lambda reason: reason.key)
async def test_the_archive_says_how_to_mend_it(house: House, case: Case, reason: dispositions.Reason) -> None:
    await do(house, case, dispositions.archive, OPERATOR, reason.key, "Perkara 12." if reason.words_needed else None)
    key = f"archived.{reason.key}"
    wanted = ["push.moved", key, *(["push.officer"] if reason.words_needed else [])]
    assert await keys(house, case.pelapor) == [wanted]
    assert await keys(house, case.follower) == [["push.followed"]]
    for language in ("id", "en"):
        assert "\n" not in catalogue(language)[key]


def test_no_reason_is_without_its_text_and_no_text_without_its_reason() -> None:
    wanted = {f"archived.{each.key}" for each in dispositions.reasons()}
    for language in ("id", "en"):
        assert {key for key in catalogue(language) if key.startswith("archived.")} == wanted


# --- over REST -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def ticket(desk: httpx.AsyncClient) -> str:
    body = {"text": "Jalan rusak parah di depan SMP 1 Sekayu.", "region": "16.06"}
    return str((await desk.post("/complaints", json=body)).json()["ticket"])


def present(answer: httpx.Response) -> dict[str, bool]:
    return {each["agency"]: each["leads"] for each in answer.json()["dispositions"] if not each["ended_at"]}


async def test_it_is_disposed_over_rest(desk: httpx.AsyncClient, ticket: str) -> None:
    path, key = f"/complaints/{ticket}/dispositions", {"Idempotency-Key": "d1"}
    body = {"agencies": [PU, DISHUB], "lead": PU, "note": "Mohon dicek."}
    for _ in range(2):
        answer = await desk.post(path, json=body, headers=key)
        assert (answer.status_code, present(answer)) == (200, {PU: True, DISHUB: False})
    assert [row["event"] for row in answer.json()["history"]] == ["filed", "disposed"]
    assert (answer.json()["status"], answer.json()["agency"]) == ("Terdisposisi", PU)


@pytest.mark.parametrize(
    "body",
    [
        {"agencies": [], "lead": PU},
        {"agencies": [PU], "lead": DISHUB},
        {"agencies": ["16-tidak-ada"], "lead": "16-tidak-ada"},
        {"agencies": [PU], "lead": PU, "function": "jalanan"},
        {"agencies": ["\x00"], "lead": "\x00"},
    ],
)
async def test_what_cannot_be_disposed_is_said(desk: httpx.AsyncClient, ticket: str, body: dict[str, Any]) -> None:
    answer = await desk.post(f"/complaints/{ticket}/dispositions", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert present(await desk.get(f"/complaints/{ticket}")) == {}


async def test_moves_corrections_and_denials_over_rest_keep_it_true(desk: httpx.AsyncClient, ticket: str) -> None:
    path = f"/complaints/{ticket}"
    await desk.post(f"{path}/routing", json={"agency": PU})
    assert present(await desk.post(f"{path}/moves", json={"status": "Terdisposisi"})) == {PU: True}
    assert present(await desk.post(f"{path}/routing", json={"agency": DISHUB})) == {DISHUB: True}
    answer = await desk.post(f"{path}/deny", json={"reason": "Bukan kami."})
    assert present(answer) == {}
    assert [each["ended_because"] for each in answer.json()["dispositions"]] == ["replaced", "denied"]
    await desk.post(f"{path}/dispositions", json={"agencies": [PU], "lead": PU})
    answer = await desk.post(f"{path}/moves", json={"status": "Diarsipkan oleh Admin"})
    assert answer.json()["dispositions"][-1]["ended_because"] == "closed"
    answer = await desk.post(f"{path}/dispositions", json={"agencies": [PU], "lead": PU})
    assert answer.status_code == 409


async def test_a_file_says_who_attached_it(house: House, case: Case, desk: httpx.AsyncClient) -> None:
    await run(
        house.engine,
        "INSERT INTO media (complaint_id, kind, channel, provider_id) VALUES (:id, 'photo', 'telegram', 'x')",
        id=case.id,
    )
    files = (await desk.get(f"/complaints/{case.ticket}")).json()["files"]
    assert [(each["sender"], each["agency"]) for each in files] == [("office", PU), ("citizen", None)]


async def test_the_citizens_close_ends_what_agencies_have(house: House, case: Case) -> None:
    await dispose(house, case, PU, DISHUB)
    await do(house, case, dispositions.answer, OFFICE, PU, WORDS, finished=False)
    pelapor = Actor("citizen", str(case.citizen))
    event = await do(house, case, closure.confirm, pelapor)
    async with house.engine.connect() as connection:
        found = (await complaints.get(connection, case.ticket)).dispositions
    assert event.data["status"] == moves.CONFIRMED
    assert [each.ended_because for each in found] == ["closed", "closed"]


# --- the citizen's own photos ----------------------------------------------------------------------------------------


async def test_a_photo_of_the_citizen_can_be_compared(house: House) -> None:
    content = io.BytesIO()
    board = PIL.Image.effect_mandelbrot((256, 192), (-2.2, -1.2, 0.8, 1.2), 60)
    board.save(content, "PNG")
    async with unit(house) as work:
        for bytes_, kind in ((content.getvalue(), "photo"), (b"%PDF-1.4\n%%EOF", "document")):
            new = NewMedia(await contact(work.connection), kind, "webchat", house.shelf.put(bytes_))
            await jobs.fetch_media_later(work.connection, await media.add(work.connection, new))
    async with working(house.settings, house.url):
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM media WHERE state = 'stored'"), 2)
    found = await rows(house.engine, "SELECT looks FROM media ORDER BY id")
    assert [row.looks for row in found] == [evidence.looks(content.getvalue()), None]
    assert found[0].looks is not None
