"""Letters that come back: an answer reaches the pelapor once, everything else a person, and none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from making import in_this_loop, rows, run, value
from peers.bot_api import JPEG
from peers.clamd import EICAR, FakeClamd
from peers.mail import NAME, PASSWORD, FakeImap, FakeSmtp
from pydantic import SecretStr, ValidationError
from reporting import DISHUB, PU, Report, reported, status, told
from sqlalchemy import text

from api.elsewhere import mailing
from api.elsewhere.bridging import open_bridge
from api.elsewhere.outward import report_of
from api.elsewhere.postbox import box_of, server_of, threads_of
from api.house import House
from api.settings import Settings
from api.unit import unit
from bridges.contract import Refused
from desk import words
from store import dispositions, letters, references, ways
from store.complaints import Actor
from store.media import Shelf

OFFICE = "aduan@pu.palembang.go.id"
KEY = "kunci-uji-kunci-uji-kunci-uji-32"
ANSWER = "Jalan sudah kami tambal kemarin."


@pytest.fixture
async def imap() -> AsyncIterator[FakeImap]:
    async with FakeImap() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def settings(settings: Settings, imap: FakeImap) -> Settings:
    """The settings of a house that has a mailbox."""
    mail = {
        "mail_host": "127.0.0.1",
        "mail_tls": "none",
        "mail_from": "lapor@example.go.id",
        "mail_reply_to": "lapor+{token}@example.go.id",
        "mail_key": KEY,
        "mail_imap_host": "127.0.0.1",
        "mail_imap_port": imap.port,
        "mail_imap_tls": "none",
        "mail_imap_username": NAME,
        "mail_imap_password": PASSWORD,
    }
    return Settings.model_validate(settings.model_dump() | mail)


async def sent(house: House, number: str = "abcdefgh22", address: str = OFFICE, **details: Any) -> Report:
    """A report that an agency has, and that went to its mailbox by a letter of that number."""
    report = await reported(house, address=number, **details)
    async with unit(house) as work:
        event = await dispositions.dispose(work.connection, report.ticket, Actor("operator", "x"), [PU], lead=PU)
        work.record(event)
        await run_in(
            work.connection,
            """
            INSERT INTO connections (name, kind, system) VALUES ('Surel', 'email', 'surel') ON CONFLICT DO NOTHING
            """,
        )
        await run_in(
            work.connection,
            """
            INSERT INTO complaint_references
                (complaint_id, system, agency, connection_id, address, state, external_id, confirmed_at)
            SELECT :id, 'surel', :agency, id, :address, 'confirmed', :number, now()
            FROM connections WHERE kind = 'email'
            """,
            id=report.id,
            agency=PU,
            address=address,
            number=number,
        )
    await run(house.engine, "DELETE FROM deliveries")
    return report


async def run_in(connection: Any, statement: str, **parameters: Any) -> None:
    await connection.execute(text(statement), parameters)


def letter(house: House, said: str = ANSWER, number: str = "abcdefgh22", **headers: str) -> EmailMessage:
    """A letter of the office that answers ours."""
    threads = threads_of(house.settings)
    message = EmailMessage(policy=SMTP)
    own = {
        "From": f"Dinas PU <{OFFICE}>",
        "To": threads.address(number),
        "Subject": "Re: [T] Jalan",
        "Message-ID": f"<{abs(hash((said, number)))}@pu>",
        "In-Reply-To": threads.message_id(number),
    }
    for name, content in {**own, **headers}.items():
        if content:
            message[name] = content
    message.set_content(f"{said}\n\nPada Sen, 23 Nov 2026 10.00 Kanal <lapor@example.go.id> menulis:\n> lama\n")
    return message


async def kept(house: House) -> list[tuple[str, str | None]]:
    """What became of each letter, and why."""
    return [(each.state, each.problem) for each in await rows(house.engine, "SELECT * FROM letters ORDER BY id")]


async def matters(house: House) -> list[tuple[str, str | None]]:
    found = await rows(house.engine, "SELECT kind, detail FROM attention WHERE closed_at IS NULL ORDER BY id")
    return [(each.kind, each.detail) for each in found]


# --- an answer -------------------------------------------------------------------------------------------


async def test_an_answer_with_its_files_reaches_the_pelapor_once(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    message = letter(house)
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="bukti.jpg")
    number = imap.put(message.as_bytes())
    again = imap.put(b"Received: by elsewhere\r\n" + message.as_bytes())
    assert await mailing.read_mailbox(house) == 2
    assert await status(house, report) == "Ditindaklanjuti oleh Instansi"
    [history] = await rows(
        house.engine,
        "SELECT * FROM complaint_history WHERE complaint_id = :id AND became->>'answered_by' IS NOT NULL",
        id=report.id,
    )
    assert (history.actor_kind, history.actor_id, history.note, history.public) == ("agency", PU, ANSWER, True)
    [file] = await rows(house.engine, "SELECT * FROM media WHERE complaint_id = :id", id=report.id)
    assert history.became["evidence"] == [file.id]
    assert (file.name, file.agency, file.content_type) == ("bukti.jpg", PU, "image/jpeg")
    assert house.shelf.get(file.sha256)
    [delivery] = await rows(house.engine, "SELECT * FROM deliveries")
    assert (delivery.files, ANSWER in str(delivery.says)) == ([file.id], True)
    assert await kept(house) == [("answered", None)]
    assert imap.folders["INBOX"] == []
    assert [each.flags for each in imap.folders["LAPOR-selesai"]] == [set(), set()]
    assert [number, again] == sorted([number, again])
    # The agency has answered, by its own clock, too.
    assert await value(house.engine, "SELECT answered_at IS NOT NULL FROM dispositions WHERE agency = :a", a=PU)
    # And a second, other answer is a second one.
    imap.put(letter(house, "Besok diaspal.").as_bytes())
    await mailing.read_mailbox(house)
    assert await value(house.engine, "SELECT count(*) FROM deliveries") == 2


async def test_nothing_is_read_where_there_is_no_mailbox(house: House, imap: FakeImap) -> None:
    house.settings = house.settings.model_copy(update={"mail_imap_host": ""})
    imap.put(letter(house).as_bytes())
    assert await mailing.read_mailbox(house) == 0
    assert imap.commands == []


async def test_two_workers_tell_it_once(house: House) -> None:
    report = await sent(house)
    raw = letter(house).as_bytes()
    await asyncio.gather(*(mailing.take(house, raw, len(raw)) for _ in range(4)))
    assert await value(house.engine, "SELECT count(*) FROM deliveries") == 1
    assert await kept(house) == [("answered", None)]
    assert await status(house, report) == "Ditindaklanjuti oleh Instansi"


# --- what a person must look at --------------------------------------------------------------------------


async def test_what_is_no_plain_answer_is_kept_for_a_person(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    threads = threads_of(house.settings)
    other = {"To": "lapor@example.go.id", "In-Reply-To": ""}
    cases = {
        "automatic": letter(house, "Saya cuti.", **{"Auto-Submitted": "auto-replied"}),
        "elsewhere": letter(house, "Sudah saya lihat.", From="seseorang@gmail.com"),
        "empty": letter(house, "Selamat pagi\n\nTerima kasih\nBudi"),
        "long": letter(house, "Sudah kami kerjakan. " * 200),
        "not_ours": letter(house, "Bukan wewenang kami, ini jalan provinsi."),
        "nobody": letter(house, "Undangan rapat.", **other),
        "forged": letter(house, "Sudah.", **{**other, "To": threads.address("abcdefgh22").replace("+a", "+b")}),
    }
    for message in cases.values():
        imap.put(message.as_bytes())
    imap.put(b"\xff\xfe\x00 bukan surat")
    assert await mailing.read_mailbox(house) == len(cases) + 1
    assert await kept(house) == [("kept", why) for why in (*cases, "nobody")]
    assert await status(house, report) == "Terdisposisi"
    assert await value(house.engine, "SELECT count(*) FROM deliveries") == 0
    assert all(each.flags == {r"\Flagged"} for each in imap.folders["LAPOR-selesai"])
    assert await matters(house) == [("letter", None), ("letter", None)]  # one for the report, one for those of none
    # Each of them is read again at the desk, and has its sentence.
    for each in await rows(house.engine, "SELECT sha256, problem FROM letters"):
        assert house.shelf.get(each.sha256)
        assert words.knows(f"letters.problem.{each.problem}")


async def test_an_answer_that_comes_too_late_or_from_another_office_is_kept(house: House, imap: FakeImap) -> None:
    moved, ended = await sent(house, "aaaaaaaaaa"), await sent(house, "bbbbbbbbbb")
    async with unit(house) as work:
        operator = Actor("operator", "x")
        work.record(await dispositions.dispose(work.connection, moved.ticket, operator, [DISHUB], lead=DISHUB))
        work.record(await dispositions.archive(work.connection, ended.ticket, operator, "tidak_jelas", None))
    message = letter(house, number="aaaaaaaaaa")
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="bukti.jpg")
    imap.put(message.as_bytes())
    imap.put(letter(house, number="bbbbbbbbbb").as_bytes())
    await mailing.read_mailbox(house)
    assert await kept(house) == [("kept", "not_disposed"), ("kept", "ended")]
    assert await value(house.engine, "SELECT count(*) FROM media") == 0


async def test_files_that_nobody_can_use_do_not_hold_up_the_answer(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    message = letter(house)
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="foto.zip")
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="bukti.jpg")
    imap.put(message.as_bytes())
    await mailing.read_mailbox(house)
    assert await status(house, report) == "Ditindaklanjuti oleh Instansi"
    assert await kept(house) == [("answered", "files")]
    assert await matters(house) == [("letter_files", "1")]
    assert await value(house.engine, "SELECT count(*) FROM media") == 1


async def test_what_carries_a_virus_is_not_kept_and_what_cannot_be_checked_waits(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    message = letter(house, "Sudah. " + EICAR.decode())
    imap.put(message.as_bytes())
    async with FakeClamd() as clamd:
        house.settings = house.settings.model_copy(update={"clamd_host": clamd.where})
        clamd.faults.append("hangs up")
        assert await mailing.read_mailbox(house) == 0
        assert len(imap.folders["INBOX"]) == 1
        assert await mailing.read_mailbox(house) == 1
    assert await kept(house) == [("kept", "infected")]
    assert await value(house.engine, "SELECT sha256 FROM letters") == ""
    assert await status(house, report) == "Terdisposisi"
    assert imap.folders["LAPOR-selesai"][0].flags == {r"\Flagged"}


async def test_of_a_letter_that_is_too_large_the_headers_are_read(
    house: House, imap: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "LARGEST", 2000)
    report = await sent(house)
    imap.put(letter(house, ANSWER + " x" * 2000).as_bytes())
    await mailing.read_mailbox(house)
    [found] = await rows(house.engine, "SELECT * FROM letters")
    assert (found.state, found.problem, found.size > 4000) == ("kept", "too_large", True)
    assert b"x x" not in house.shelf.get(found.sha256)
    assert found.reference_id is not None
    assert await status(house, report) == "Terdisposisi"


# --- letters of ours that come back ----------------------------------------------------------------------

BOUNCE = """\
From: MAILER-DAEMON@surat.uji
To: {to}
Message-ID: <{n}@surat.uji>
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; surat.uji

Action: {action}
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: {id}

--b--
"""


async def test_a_bounce_is_a_failure_with_its_code(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    threads = threads_of(house.settings)
    facts = {"to": threads.address("abcdefgh22"), "id": threads.message_id("abcdefgh22")}
    imap.put(BOUNCE.format(**facts, n=1, action="delayed").encode())
    await mailing.read_mailbox(house)
    [reference] = await referenced(house, report)
    assert reference.state == references.CONFIRMED
    assert await matters(house) == []
    # Words of the pelapor that came back make nothing of the report itself.
    later = threads.message_id("abcdefgh22", "9")
    imap.put(BOUNCE.format(**{**facts, "id": later}, n=2, action="failed").encode())
    await mailing.read_mailbox(house)
    [reference] = await referenced(house, report)
    assert reference.state == references.CONFIRMED
    assert await matters(house) == [("letter_bounced", PU)]
    imap.put(BOUNCE.format(**facts, n=3, action="failed").encode())
    await mailing.read_mailbox(house)
    [reference] = await referenced(house, report)
    assert (reference.state, reference.problem, reference.detail) == (references.FAILED, "bounced", "5.1.1")
    assert await kept(house) == [("bounced", "delayed"), ("bounced", "bounced"), ("bounced", "bounced")]
    assert words.knows("troubles.bounced")


async def referenced(house: House, report: Report) -> list[references.Reference]:
    async with house.engine.connect() as connection:
        found = await references.of_complaint(connection, report.id)
        return [each for each in found if each.system == "surel"]


# --- a mailbox that fails --------------------------------------------------------------------------------


async def test_a_mailbox_that_dies_in_the_middle_goes_on(house: House, imap: FakeImap) -> None:
    for number in ("aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"):
        await sent(house, number)
        imap.put(letter(house, number=number).as_bytes())
    for fault in ("cut at fetch", "cut at move", "nonsense", "cut at fetch", "cut at move"):
        imap.faults.append(fault)
    for _ in range(6):
        await mailing.read_mailbox(house)
    assert not imap.faults
    assert imap.folders["INBOX"] == []
    assert await kept(house) == [("answered", None)] * 3
    assert await value(house.engine, "SELECT count(*) FROM deliveries") == 3


async def test_what_we_fail_on_stays_where_it_is_and_is_shown(house: House, imap: FakeImap) -> None:
    """A full disk, a defect: the others are read, and a person hears of it."""
    report = await sent(house)
    shelf, house.shelf = house.shelf, Shelf(Path("/dev/null"))
    imap.put(letter(house).as_bytes())
    for _ in range(2):
        assert await mailing.read_mailbox(house) == 0
    assert await kept(house) == [("kept", "unreadable")]
    assert await matters(house) == [("letter", None)]
    assert len(imap.folders["INBOX"]) == 1
    house.shelf = shelf
    assert await mailing.read_mailbox(house) == 1
    assert await status(house, report) == "Ditindaklanjuti oleh Instansi"


async def test_who_is_not_let_in_says_so_until_it_is_mended(house: House, imap: FakeImap) -> None:
    imap.faults += ["locked", "locked"]
    assert await mailing.read_mailbox(house) == 0
    assert await mailing.read_mailbox(house) == 0
    assert await matters(house) == [("mailbox", "key")]
    assert await mailing.read_mailbox(house) == 0
    assert await matters(house) == []
    house.settings = house.settings.model_copy(update={"mail_imap_folder": "tidak ada"})
    await mailing.read_mailbox(house)
    assert await matters(house) == [("mailbox", "folder")]


async def test_a_silent_mailbox_is_left(house: House, imap: FakeImap) -> None:
    house.settings = house.settings.model_copy(update={"mail_imap_patience_seconds": 0.3})
    imap.faults.append("silent")
    assert await mailing.read_mailbox(house) == 0
    assert await matters(house) == []


@pytest.mark.parametrize("can", [("MOVE",), ("UIDPLUS",), ()])
async def test_servers_that_can_less(house: House, imap: FakeImap, can: tuple[str, ...]) -> None:
    imap.can, imap.password = can, "rahasia ya"
    house.settings = house.settings.model_copy(update={"mail_imap_password": SecretStr(imap.password)})
    await sent(house)
    imap.put(letter(house).as_bytes())
    assert await mailing.read_mailbox(house) == 1
    assert await mailing.read_mailbox(house) == 0
    assert len(imap.folders["LAPOR-selesai"]) == 1
    assert len(imap.folders["INBOX"]) == (0 if can else 1)


async def test_repetition_order_and_death_change_nothing(house: House, imap: FakeImap) -> None:
    """Letters in any order, each any number of times, a mailbox that is cut anywhere: each is told once."""
    made = 0

    @given_settings(max_examples=8, deadline=None)
    @given(
        st.lists(st.integers(0, 3), min_size=1, max_size=8),
        st.lists(st.sampled_from(["cut at fetch", "cut at move", "locked"]), max_size=3),
    )
    async def check(order: list[int], faults: list[Any]) -> None:
        nonlocal made
        made += 1
        letters_of = "abcdefghijklmnopqrstuvwxyz"
        numbers = [f"{letters_of[made]}{letters_of[each]}{'x' * 8}" for each in range(4)]
        for number in {numbers[each] for each in order}:
            await sent(house, number)
        for each in order:
            imap.put(letter(house, number=numbers[each]).as_bytes())
        imap.faults.extend(faults)
        for _ in range(len(faults) + 1):
            await mailing.read_mailbox(house)
        imap.faults.clear()
        await mailing.read_mailbox(house)
        assert imap.folders["INBOX"] == []
        told_ = await value(house.engine, "SELECT count(*) FROM deliveries WHERE says::text LIKE '%tambal%'")
        assert told_ <= len(set(order))
        states = await rows(
            house.engine,
            "SELECT l.state FROM letters l JOIN complaint_references r ON r.id = l.reference_id "
            "WHERE r.external_id = ANY(:numbers)",
            numbers=numbers,
        )
        assert [each.state for each in states] == ["answered"] * len(set(order))

    await in_this_loop(check)


# --- the whole way ---------------------------------------------------------------------------------------


async def test_there_and_back(house: House, imap: FakeImap) -> None:
    """A report goes out by the bridge of its connection, and what a mail program answers to it comes back."""
    report = await sent(house, "zzzzzzzzzz")
    async with FakeSmtp() as smtp:
        house.settings = house.settings.model_copy(update={"mail_port": smtp.port})
        [reference] = await referenced(house, report)
        async with house.engine.connect() as connection:
            assert reference.connection_id is not None
            way = await ways.get(connection, reference.connection_id)
            assert way is not None
        async with house.engine.connect() as connection:
            going = await report_of(house, connection, report.id, kind=ways.EMAIL)
        async with open_bridge(house, way, reference) as bridge:
            taken = await bridge.submit(going, [])
    [(to, ours)] = smtp.taken
    assert to == OFFICE
    assert house.directory.names[PU] in ours.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    number = {"n": taken.external_id, "id": reference.id}
    await run(house.engine, "UPDATE complaint_references SET external_id = :n WHERE id = :id", **number)
    reply = EmailMessage(policy=SMTP)
    for name, content in {"From": OFFICE, "To": ours["Reply-To"], "Message-ID": "<r@pu>"}.items():
        reply[name] = content
    body = ours.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    reply.set_content(f"{ANSWER}\n\nOn Mon, Nov 23, 2026 at 10:00 AM Kanal <a@b> wrote:\n\n{body}")
    imap.put(reply.as_bytes())
    await mailing.read_mailbox(house)
    assert await status(house, report) == "Ditindaklanjuti oleh Instansi"
    assert ANSWER in str(await told(house, report))
    assert "Isi laporan" not in str(await told(house, report))


async def test_without_settings_nothing_is_sent(house: House) -> None:
    house.settings = house.settings.model_copy(update={"mail_host": ""})
    assert server_of(house.settings) is None
    with pytest.raises(Refused, match="no_connection"):
        open_bridge(house, ways.Connection(1, "Surel", ways.EMAIL, "surel"), None)


async def test_letters_are_let_go_of_with_their_reports(house: House, imap: FakeImap) -> None:
    report = await sent(house)
    imap.put(letter(house).as_bytes())
    imap.put(letter(house, "Iklan.", To="lapor@example.go.id", **{"In-Reply-To": ""}).as_bytes())
    await mailing.read_mailbox(house)

    async def forget() -> int:
        async with house.engine.begin() as connection:
            return len(await letters.forget(connection, loose=house.now(), most=10))

    assert await forget() == 1
    assert await kept(house) == [("answered", None), ("dropped", "nobody")]
    assert await forget() == 0
    await run(
        house.engine,
        """
        INSERT INTO complaint_history (complaint_id, actor_kind, actor_id, event)
        VALUES (:id, 'system', 'retention', 'anonymised')
        """,
        id=report.id,
    )
    assert await forget() == 1
    # The same letter is still known.
    imap.put(letter(house).as_bytes())
    await mailing.read_mailbox(house)
    assert len(await kept(house)) == 2


# --- settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"mail_from": "bukan alamat"}, "must be one address, such as lapor@example.go.id"),
        ({"mail_reply_to": "lapor@example.go.id"}, "must be an address with {token} before its @"),
        ({"mail_reply_to": "lapor@{token}.example.go.id"}, "must be an address with {token} before its @"),
        ({"mail_key": "pendek"}, "must have 32 characters or more"),
        ({"mail_key": ""}, "MAIL_KEY must be set with MAIL_HOST"),
        ({"mail_from": "", "mail_reply_to": ""}, "MAIL_FROM, MAIL_REPLY_TO must be set with MAIL_HOST"),
        ({"mail_host": ""}, "MAIL_HOST must be set with MAIL_IMAP_HOST"),
        ({"mail_imap_username": ""}, "MAIL_IMAP_USERNAME must be set with MAIL_IMAP_HOST"),
        ({"mail_imap_done": "INBOX"}, "MAIL_IMAP_DONE must be another folder"),
        ({"mail_imap_done": "a\r\nb"}, "must be the name of a folder in plain letters"),
        ({"mail_tls": "kadang"}, "Input should be 'starttls', 'tls' or 'none'"),
    ],
)
def test_a_wrong_setting_is_a_sentence(settings: Settings, wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate(settings.model_dump() | wrong)
    assert sentence in str(raised.value)
    assert KEY not in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_ports_go_by_how_it_is_encrypted(settings: Settings) -> None:
    for tls, ports in (("starttls", (587, 143)), ("tls", (465, 993)), ("none", (25, 143))):
        told_ = {"mail_tls": tls, "mail_imap_tls": tls, "mail_port": None, "mail_imap_port": None}
        made = Settings.model_validate(settings.model_dump() | told_)
        server, box = server_of(made), box_of(made)
        assert server is not None
        assert box is not None
        assert (server.port, box.port) == ports
        assert KEY not in repr(server)
        assert PASSWORD not in repr(box)
