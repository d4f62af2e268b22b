"""Letters to agencies: what leaves and under which name, what a mail server's answer means, and what comes back."""

from __future__ import annotations

import base64
import email
import string
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.mail import PASSWORD, FakeSmtp, SmtpFault

from bridges import letters, mail, quoting
from bridges.contract import Bridge, Category, File, Later, Office, Place, Refused, Report, Unknown
from bridges.mail import Mail, MailServer
from bridges.reading import text_of
from bridges.threads import Threads
from bridges.wire import Limits

TO = "pu@palembang.go.id"
PATIENT, HASTY = Limits(total=30.0), Limits(total=0.7)
JPEG = b"\xff\xd8\xff" + b"foto" * 100
STORY = "Jalan di depan SMP 1 Sekayu rusak parah.\nLubangnya dalam – 40 cm.\n" + "panjang " * 300
REPORT = Report(
    ticket="T-482-173-9051",
    report_class="pengaduan",
    title="Jalan rusak di Sekayu",
    text=STORY,
    filed_at=datetime(2026, 11, 22, 9, 5, tzinfo=timezone(timedelta(hours=8))),
    place=Place("16.06.01", "Sumatera Selatan", "Kab. Musi Banyuasin", "Sekayu", None, "depan SMP 1", -2.9, 103.8),
    happened_on=date(2026, 11, 20),
    category=Category("1", "Jalan"),
    agency=Office("16.71-pu", "Dinas PUPR"),
    name="Siti Aminah",
    due_on=date(2026, 11, 30),
)
THREADS = Threads(b"k" * 32, "lapor+{token}@kanal.example.go.id")


def server(smtp: FakeSmtp | None = None, **other: object) -> MailServer:
    """How we would send, to that server."""
    facts: dict[str, object] = {
        "host": "127.0.0.1",
        "port": smtp.port if smtp else 1,
        "username": "",
        "password": "",
        "tls": "none",
        "sender": "lapor@kanal.example.go.id",
        "reply_to": THREADS.pattern,
        "key": THREADS.key,
    }
    return MailServer(**{**facts, **other})  # type: ignore[arg-type]


@pytest.fixture
async def smtp() -> AsyncIterator[FakeSmtp]:
    async with FakeSmtp() as running:
        yield running


def body_of(message: EmailMessage) -> str:
    found = message.get_body(("plain",))
    assert found is not None
    return str(found.get_content())


# --- what leaves -----------------------------------------------------------------------------------------


async def test_a_report_arrives_as_a_letter_with_its_files(smtp: FakeSmtp) -> None:
    bridge: Bridge
    async with Mail(server(smtp), TO, office="Dinas PUPR Kota Palembang", limits=PATIENT) as bridge:
        taken = await bridge.submit(REPORT, [File("1", "foto jalan é.jpg", "image/jpeg", JPEG)])
    [(to, message)] = smtp.taken
    number = taken.external_id or ""
    assert to == TO
    assert message["To"] == TO
    assert message["Subject"] == "[T-482-173-9051] Jalan rusak di Sekayu"
    assert message["Message-ID"] == THREADS.message_id(number)
    assert message["Reply-To"] == smtp.senders[0] == THREADS.address(number)
    assert THREADS.token(number).removeprefix(number) not in str(taken)
    words = body_of(message)
    for said in (
        mail.marker(), "Yth. Dinas PUPR Kota Palembang,", "paling lambat 30 November 2026", "Pengaduan", "Jalan rusak",
        "Sekayu, Kab. Musi Banyuasin, Sumatera Selatan; depan SMP 1; Titik lokasi: -2.90000, 103.80000",
        "20 November 2026", "22 November 2026 09.05 WITA", "Siti Aminah", "Lubangnya dalam – 40 cm.", "Lampiran: 1",
        "Balas surel ini.", "disampaikan kepada pelapor",
    ):  # fmt: skip
        assert said in words, said
    [file] = message.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "foto jalan é.jpg",
        "image/jpeg",
        JPEG,
    )
    assert max(len(line) for line in smtp.raw[0].split(b"\r\n")) <= 998
    assert smtp.raw[0].isascii()


async def test_anonim_leaves_without_a_name_and_rahasia_not_at_all(smtp: FakeSmtp) -> None:
    async with Mail(server(smtp), TO) as bridge:
        # A caller that forgot to take the name away.
        await bridge.submit(replace(REPORT, anonymous=True), [])
        with pytest.raises(Refused, match=r"^secret$"):
            await bridge.submit(replace(REPORT, secret=True), [])
    [(_, message)] = smtp.taken
    assert "Siti" not in body_of(message)
    assert "Anonim" in body_of(message)


async def test_what_one_letter_cannot_carry_comes_after_it(smtp: FakeSmtp) -> None:
    large = [File(str(n), f"{n}.jpg", "image/jpeg", bytes(6_000_000)) for n in range(3)]
    async with Mail(server(smtp), TO, limits=PATIENT) as bridge:
        taken = await bridge.submit(REPORT, large[:1])
        assert taken.left == ()
        assert mail._fitting(large) == (large[:2], large[2:])
        await bridge.attach(taken.external_id or "", large[2])
        await bridge.reply(taken.external_id or "", "Masih rusak, Pak.\r\nBcc: semua@example.com", "9")
        await bridge.reply(taken.external_id or "", "Masih rusak, Pak.", "9")
    first, file, said, again = [message for _, message in smtp.taken]
    for later in (file, said, again):
        assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
        assert later["Reply-To"] == first["Reply-To"]
        assert later["Bcc"] is None
    assert said["Message-ID"] == again["Message-ID"] != first["Message-ID"]
    assert "Masih rusak, Pak." in body_of(said)
    assert len(list(file.iter_attachments())) == 1


@pytest.mark.parametrize(
    "address", ["", "  ", "tanpa", "a@b\r\nBcc: c@d", "a@b c", "a@b,c@d", "<a@b>", "é@x.id", "a..b@x"]
)
async def test_an_address_that_is_none_is_refused(smtp: FakeSmtp, address: str) -> None:
    with pytest.raises(Refused):
        await Mail(server(smtp), address).submit(REPORT, [])
    assert smtp.taken == []


WORDS = st.text(st.characters(exclude_categories=()), max_size=200)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, WORDS, WORDS)
def test_whatever_people_write_stays_in_its_place(title: str, text: str, name: str, file: str) -> None:
    """No words become a header, and what arrives is what was written, less what nobody can read."""
    report = Report("T-1", "pengaduan", f"x{title}\r\nBcc: semua@example.com", text, datetime.now(UTC), name=name)
    files = [File("1", file, "text/x\r\nEvil: 1", b"isi")]
    sent = mail.letter(server(name=f"Kanal{name}"), TO, "aaaaaaaaaa", report, files).as_bytes(policy=mail._POLICY)
    read = email.message_from_bytes(sent, policy=default)
    assert sorted(name.casefold() for name in read) == [
        "auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "reply-to", "subject", "to",
        "x-auto-response-suppress",
    ]  # fmt: skip
    assert [str(read[name]) for name in ("To", "Reply-To")] == [TO, THREADS.address("aaaaaaaaaa")]
    assert all(len(line) <= 998 for line in sent.split(b"\r\n"))
    assert sent.isascii()
    assert b"\n" not in sent.replace(b"\r\n", b"")
    words = body_of(read)
    assert all(each in words for each in mail._plain(text).split())
    assert mail._line(report.title).replace(" ", "") in str(read["Subject"]).replace(" ", "")


# --- what a mail server's answer means -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "trouble", "said", "taken"),
    [
        ("later at rcpt", Later, "busy 451", 0),
        ("never at rcpt", Refused, "bounced 550", 0),
        ("cut at mail", Later, "away", 0),
        ("later after data", Later, "busy 452", 0),
        ("never after data", Refused, "invalid 554", 0),
        ("too large", Refused, "too_large", 0),
        ("cut after data", Unknown, "cut", 0),
        ("taken and cut", Unknown, "cut", 1),
        ("taken and silent", Unknown, "timeout", 1),
        ("taken and muddled", Unknown, "unreadable -1", 1),
        ("taken and otherwise", Unknown, "unreadable 251", 1),
    ],
)
async def test_what_became_of_it(
    smtp: FakeSmtp, fault: SmtpFault, trouble: type[Exception], said: str, taken: int
) -> None:
    smtp.faults.append(fault)
    limits = HASTY if fault == "taken and silent" else PATIENT
    with pytest.raises(trouble) as raised:
        await Mail(server(smtp), TO, limits=limits).submit(REPORT, [])
    assert str(raised.value) == said
    assert len(smtp.taken) == taken
    assert not smtp.faults
    # The next one goes through.
    await Mail(server(smtp), TO, limits=PATIENT).submit(REPORT, [])
    assert len(smtp.taken) == taken + 1


async def test_who_is_not_there_has_surely_taken_nothing() -> None:
    with pytest.raises(Later, match=r"^away$"):
        await Mail(server(), TO).submit(REPORT, [])


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_password_is_asked_for_and_tls_is_never_left_out() -> None:
    async with FakeSmtp(password=PASSWORD) as smtp:
        account = {"username": "lapor", "password": PASSWORD}
        await Mail(server(smtp, **account), TO).submit(REPORT, [])
        assert len(smtp.taken) == 1
        with pytest.raises(Refused, match=r"^key$"):
            await Mail(server(smtp, **{**account, "password": "salah"}), TO).submit(REPORT, [])
        with pytest.raises(Refused, match=r"^key$"):
            await Mail(server(smtp), TO).submit(REPORT, [])
        for tls in ("starttls", "tls"):
            with pytest.raises((Later, Refused)):
                await Mail(server(smtp, **account, tls=tls), TO, limits=HASTY).submit(REPORT, [])
        assert len(smtp.taken) == 1


async def test_what_a_mailbox_does_not_know(smtp: FakeSmtp) -> None:
    async with Mail(server(smtp), TO) as bridge:
        assert (await bridge.status("aaaaaaaaaa")).raw_status is None
        for ask in (bridge.categories(), bridge.institutions("pu")):
            with pytest.raises(Refused, match="not_offered"):
                await ask


# --- tokens ----------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.text(string.ascii_lowercase + "234567", min_size=10, max_size=10), st.integers(0, 25), st.booleans())
def test_a_token_is_known_wherever_it_stands_and_none_can_be_guessed(number: str, place: int, upper: bool) -> None:
    token = THREADS.token(number)
    assert len(token) == 26
    said = f"<{THREADS.address(number)}>"
    assert THREADS.number([said.upper() if upper else said]) == number
    assert THREADS.number([THREADS.message_id(number, "9")]) == number
    other = "a" if token[place] != "a" else "b"
    forged = said.replace(token, token[:place] + other + token[place + 1 :])
    assert THREADS.number([forged]) is None
    assert THREADS.looks_alike([forged])
    assert Threads(b"x" * 32, THREADS.pattern).number([said]) is None


# --- what comes back -------------------------------------------------------------------------------------

QUOTE = f"{mail.marker()}\n\nYth. Dinas PUPR,\nisi laporan"
LIST = "Dari: gudang kami\nKepada: warga RT 3\nBantuan dikirim."
GMAIL = "Pada tanggal Sen, 23 Nov 2026 pukul 10.00 Kanal LAPOR\n<lapor+abc@kanal.example.go.id> menulis:\n"
OUTLOOK = (
    "________________________________\nDari: Kanal LAPOR <lapor@x>\nDikirim: Senin, 23 November 2026 10.00\n"
    "Kepada: pu@palembang.go.id\nPerihal: [T-1] Jalan\n\n"
)


def quoted(words: str) -> str:
    return "\n".join(f"> {line}" for line in words.split("\n"))


@pytest.mark.parametrize(
    ("letter", "answer"),
    [
        (f"Sudah kami perbaiki.\n\n{GMAIL}\n{quoted(QUOTE)}\n", "Sudah kami perbaiki."),
        (f"Sudah kami perbaiki.\n\n{GMAIL}\n{QUOTE}\n", "Sudah kami perbaiki."),
        (f"Sudah.\r\n\r\n{OUTLOOK}{QUOTE}", "Sudah."),
        (f"Sudah.\n\n-----Pesan Asli-----\n{QUOTE}", "Sudah."),
        ("Done.\n\nOn Mon, Nov 23, 2026 at 10:00 AM Kanal <a@b> wrote:\n> x", "Done."),
        (f"{GMAIL}{quoted(QUOTE)}\n\nSudah kami perbaiki kemarin.", "Sudah kami perbaiki kemarin."),
        ("Sudah.\n\n-- \nKepala Dinas\n0711-123456", "Sudah."),
        ("Sudah selesai\n\nDikirim dari iPhone saya", "Sudah selesai"),
        ("Rencana kami:\n- Senin menambal\n- Selasa mengaspal", "Rencana kami:\n- Senin menambal\n- Selasa mengaspal"),
        (LIST, LIST),
        ("Pada Senin petugas kami menulis:\njadwalnya besok.", "Pada Senin petugas kami menulis:\njadwalnya besok."),
        ("Hormat kami sampaikan bahwa jalan sudah diaspal.", "Hormat kami sampaikan bahwa jalan sudah diaspal."),
        ("Terima kasih atas laporannya, sudah ditangani.", "Terima kasih atas laporannya, sudah ditangani."),
        ("Selamat pagi\n\nTerima kasih\nBudi Santoso\nKepala Bidang", ""),
        (f"Yth. Bapak/Ibu\n\nHormat kami,\nBudi\n\n{GMAIL}{quoted(QUOTE)}", ""),
        (f"{GMAIL}{quoted(QUOTE)}", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_only_what_is_new_is_the_answer(letter: str, answer: str) -> None:
    assert quoting.answer(letter, mail.marker()) == answer


PLAIN_LINES = st.lists(
    st.text(st.characters(whitelist_categories=("Ll", "Nd")), min_size=4, max_size=30), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(PLAIN_LINES, st.sampled_from([GMAIL + quoted(QUOTE), GMAIL + QUOTE, OUTLOOK + QUOTE, QUOTE, ""]))
def test_no_word_of_an_answer_is_lost(lines: list[str], tail: str) -> None:
    said = "Kami jelaskan 1.\n" + "\n".join(lines)
    assert quoting.answer(f"{said}\n\n{tail}", mail.marker()).split() == said.split()


def answered(words: str, **headers: str) -> bytes:
    """A letter of the office, as a mail program writes it."""
    message = EmailMessage(policy=default)
    said = {"From": TO, "To": THREADS.address("aaaaaaaaaa"), "Subject": "Re: [T-1] Jalan", "Message-ID": "<1@x>"}
    for name, value in {**said, **headers}.items():
        if value:
            message[name] = value
    message.set_content(words)
    return message.as_bytes()


def test_a_letter_is_known_by_its_thread_alone() -> None:
    for headers in (
        {},
        {"To": "lapor@kanal.example.go.id", "In-Reply-To": THREADS.message_id("aaaaaaaaaa")},
        {"To": "lapor@kanal.example.go.id", "References": f"<a@b> {THREADS.message_id('aaaaaaaaaa', '9')}"},
        {"To": "catchall@x.id", "X-Original-To": THREADS.address("aaaaaaaaaa").upper()},
    ):
        assert letters.read(answered("Sudah.", **headers), THREADS).number == "aaaaaaaaaa"
    strange = letters.read(answered("Sudah.", To="pu@palembang.go.id"), THREADS)
    assert (strange.number, strange.forged) == (None, False)
    forged = letters.read(answered("Sudah.", To=THREADS.address("aaaaaaaaaa").replace("+a", "+b")), THREADS)
    assert (forged.number, forged.forged) == (None, True)


@pytest.mark.parametrize("wrote", ["Balas ke {}.", "Am 2.11.2026 schrieb Kanal LAPOR <{}>:\n\nisi", "ID: <{}>"])
def test_no_answer_carries_the_address_by_which_others_could_answer(wrote: str) -> None:
    for said in (THREADS.address("aaaaaaaaaa").upper(), THREADS.message_id("bbbbbbbbbb", "9")):
        found = letters.read(answered(f"Sudah diperbaiki.\n\n{wrote.format(said)}"), THREADS)
        assert found.words.startswith("Sudah diperbaiki.\n\n" + wrote.partition("{}")[0])
        assert THREADS.number([found.words]) is None
    # What is none of ours is somebody's word.
    other = "a" * 26
    assert letters.read(answered(f"Nomor {other}"), THREADS).words == f"Nomor {other}"


def test_a_letter_that_is_made_to_be_read_for_ever_is_not_read() -> None:
    head = f"To: {THREADS.address('aaaaaaaaaa')}\r\nMessage-ID: <1@x>\r\n"

    def nested(depth: int, body: str) -> bytes:
        parts = [f'Content-Type: multipart/mixed; boundary="b{each}"\r\n\r\n--b{each}\r\n' for each in range(depth)]
        return f"{head}{''.join(parts)}\r\n{body}".encode()

    for endless in (
        nested(1, "\n--b0\n\n" * 20_000),
        nested(1, "\r--b0\r\r" * 20_000),
        nested(100, "\n" * 600_000),
        head.encode() + b"X: y\n" * 2_000_000,
    ):
        found = letters.read(endless, THREADS)
        assert (found.kind, found.number, found.words) == ("unreadable", None, "")
        assert found.key == letters.read(endless, THREADS).key
    # As much as mail servers take, within as many letters as are ever passed on.
    raw = base64.encodebytes(bytes(20_000_000)).decode()
    large = nested(9, f"Sudah.\n--b8\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n{raw}")
    found = letters.read(large, THREADS)
    assert (found.kind, found.number, found.words, len(found.files)) == ("answer", "aaaaaaaaaa", "Sudah.", 1)
    assert len(found.files[0].content) == 20_000_000


def test_the_same_letter_has_one_key_and_another_with_its_id_a_second() -> None:
    one = letters.read(answered("Sudah."), THREADS)
    again = letters.read(b"Received: by elsewhere\r\n" + answered("Sudah."), THREADS)
    other = letters.read(answered("Belum."), THREADS)
    without = letters.read(answered("Sudah.", **{"Message-ID": ""}), THREADS)
    assert one.key == again.key
    assert len({one.key, other.key, without.key}) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"X-Autoreply": "yes"},
        {"Return-Path": "<>"},
        {"Subject": "Balasan Otomatis: Sedang dinas luar"},
        {"Subject": "=?utf-8?q?Automatic_reply=3A_Jalan?="},
        {"From": "MAILER-DAEMON@x.id"},
    ],
)
def test_what_a_machine_wrote_is_no_answer(headers: dict[str, str]) -> None:
    assert letters.read(answered("Saya cuti.", **headers), THREADS).kind == "automatic"
    assert letters.read(answered("Saya cuti.", **{"Auto-Submitted": "no"}), THREADS).kind == "answer"


BOUNCE = """\
From: MAILER-DAEMON@surat.uji
To: {to}
Message-ID: <b@surat.uji>
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Surat Anda tidak sampai.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; surat.uji

Final-Recipient: rfc822; pu@palembang.go.id
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: {kind}

Message-ID: {id}
Subject: [T-1] Jalan

--b--
"""


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_letter_that_came_back(kind: str) -> None:
    def told(**said: str) -> letters.Letter:
        known = {
            "to": "lapor@x",
            "action": "failed",
            "status": "5.1.1",
            "kind": kind,
            "id": THREADS.message_id("a" * 10),
        }
        return letters.read(BOUNCE.format(**{**known, **said}).encode(), THREADS)

    found = told()
    assert (found.kind, found.code, found.number, found.of_report) == ("bounced", "5.1.1", "a" * 10, True)
    later = told(id=THREADS.message_id("a" * 10, "9"))
    assert (later.kind, later.number, later.of_report) == ("bounced", "a" * 10, False)
    assert told(action="delayed", status="4.4.1").kind == "delayed"
    assert told(action="delivered", status="2.0.0").kind == "automatic"


def test_a_page_becomes_safe_words() -> None:
    page = """<html><head><style>p{color:red}</style><title>x</title></head><body>
        <p>Sudah <b>kami</b> perbaiki &lt;kemarin&gt;.</p><ul><li>Satu<li>Dua</ul>
        <script>alert(1)</script><img src="http://pelacak.example/x.png" alt="gambar">
        <div style="display:none">umpan</div>
        <div>Pada Sen, 2 Nov 2026 10.00 Kanal &lt;a@b&gt; menulis:</div>
        <blockquote><p>isi lama</p></blockquote></body>"""
    assert quoting.answer(text_of(page), "x") == "Sudah kami perbaiki <kemarin>.\n\n- Satu\n- Dua"
    for word in ("alert", "pelacak", "umpan", "color", "gambar"):
        assert word not in text_of(page)


def test_files_of_a_letter_are_its_files_and_no_logos() -> None:
    message = email.message_from_bytes(answered("Sudah."), policy=default)
    assert isinstance(message, EmailMessage)
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="bukti é.jpg")
    message.add_attachment(b"logo", maintype="image", subtype="png", cid="<logo>", disposition="inline")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="../../surat.pdf")
    found = letters.read(message.as_bytes(), THREADS)
    assert [(each.name, each.content) for each in found.files] == [
        ("bukti é.jpg", JPEG),
        ("../../surat.pdf", b"%PDF-1.4"),
    ]
    assert found.words == "Sudah."


HOSTILE = st.one_of(
    st.binary(max_size=500),
    st.builds(
        lambda head, body: head.encode("utf-8", "replace") + b"\r\n\r\n" + body,
        st.lists(
            st.sampled_from(
                [
                    "From: a@b", "To: =?utf-8?b?!!!?=", "Subject: =?x-none?q?a?=", "Message-ID: <\x00>", "To: (((",
                    "Content-Type: multipart/mixed", 'Content-Type: multipart/mixed; boundary="b"', "From: @@@ <>, x",
                    "Content-Type: text/plain; charset=none", "Content-Transfer-Encoding: base64",
                    "Content-Type: message/rfc822",
                    "Content-Type: message/delivery-status", "Content-Disposition: attachment; filename*=x''%ff",
                ]
            ),
            max_size=6,
        ).map("\r\n".join),
        st.one_of(st.binary(max_size=300), st.just(b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b\r\n\r\ny")),
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_no_letter_is_too_strange_to_be_kept(raw: bytes) -> None:
    found = letters.read(raw, THREADS)
    assert found.key
    assert found == letters.read(raw, THREADS)
    for said in (found.key, found.words, found.whole, found.subject, found.sender):
        assert "\x00" not in said
        assert said.encode("utf-8").decode() == said


def test_a_letter_nested_beyond_reason_is_kept_as_unreadable_or_read() -> None:
    raw = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000))
    assert letters.read(raw + b"\r\nhalo", THREADS).key


@pytest.mark.parametrize(
    ("sender", "address", "speaks"),
    [
        ("pu@palembang.go.id", "pu@palembang.go.id", True),
        ("Kepala@Palembang.go.id", "pu@palembang.go.id", True),
        ("kabid@pu.palembang.go.id", "pu@palembang.go.id", True),
        ("sekda@palembang.go.id", "aduan@pu.palembang.go.id", True),
        ("pu@sekayu.go.id", "pu@palembang.go.id", False),
        ("x@jahatpalembang.go.id", "pu@palembang.go.id", False),
        ("puprpalembang@gmail.com", "puprpalembang@gmail.com", True),
        ("oranglain@gmail.com", "puprpalembang@gmail.com", False),
        ("", "pu@palembang.go.id", False),
        ("pu@palembang.go.id", "", False),
    ],
)
def test_who_speaks_for_an_office(sender: str, address: str, speaks: bool) -> None:
    assert letters.speaks_for(sender, address) is speaks
