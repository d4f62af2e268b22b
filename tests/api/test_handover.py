"""Reports go into other systems and come back with what is told there: the engine, against the SP4N simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from making import contact, eventually, rows, run, value
from peers import sp4n as peer
from peers.sp4n import Sp4n
from pictures import encoded, scene
from running import working

from api import afterwards, retention
from api.elsewhere import handover, outward, planning, tracking
from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from bot.conversation import Draft
from bot.texts import LANGUAGES, speak
from bridges.simulator.catalogue import units
from bridges.simulator.faults import Fault
from store import closure, complaints, contacts, dispositions, media, moves, posts, references, ways
from store.complaints import Actor, Event, NewComplaint
from store.inbox import Taken
from store.media import Clean, NewMedia
from store.references import CONFIRMED, FAILED, SENT, UNKNOWN, WAITING, Reference, Told, ToldEntry

STORY = "Lampu jalan di Jalan Merdeka mati sejak Senin, gelap sekali kalau malam."
PU, DISHUB = "16.71-pu", "16.71-dishub"
OPERATOR = Actor("operator", "ani")


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """A house without a classifier: nothing is read here."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


@pytest.fixture
async def sp4n(tmp_path: Path) -> AsyncIterator[Sp4n]:
    """A SP4N of this test's own."""
    async with peer.running(tmp_path / "sp4n.sqlite") as running:
        yield running


@pytest.fixture
async def by_api(house: House, sp4n: Sp4n) -> int:
    """The connection to it, which all reports take; its id."""
    return await connect(house, "sp4n-api", ways.API, ways.SP4N, sp4n.base_url, sp4n.token, everywhere=True)


async def connect(
    house: House,
    name: str,
    kind: str,
    system: str,
    url: str | None = None,
    secret: str | None = None,
    *,
    everywhere: bool = False,
    agency: str | None = None,
    address: str | None = None,
) -> int:
    """A connection, and a way that leads over it."""
    await run(
        house.engine,
        "INSERT INTO connections (name, kind, system, url, secret) VALUES (:name, :kind, :system, :url, :secret)",
        name=name,
        kind=kind,
        system=system,
        url=url,
        secret=secret,
    )
    connection_id = int(await value(house.engine, "SELECT id FROM connections WHERE name = :name", name=name))
    if everywhere:
        await run(house.engine, "DELETE FROM ways WHERE system = :system", system=system)
    if everywhere or agency:
        await run(
            house.engine,
            "INSERT INTO ways (system, connection_id, agency, address) VALUES (:system, :id, :agency, :address)",
            system=system,
            id=connection_id,
            agency=agency,
            address=address,
        )
    return connection_id


class Citizen:
    """Somebody with a chat who has filed a report."""

    def __init__(self, house: House, chat: int, citizen: int) -> None:
        self.house, self.chat, self.id = house, chat, citizen
        self.actor = Actor("citizen", str(citizen))
        self.event = Event("", 0, "")

    async def file(self, **details: Any) -> None:
        known = {"text": STORY, "report_class": "pengaduan", "channel": "telegram", "region": "16.71.02", "agency": PU}
        new = NewComplaint(**{**known, "citizen_id": self.id, "contact_id": self.chat, "draft": 1, **details})
        async with unit(self.house) as work:
            self.event = work.record(await complaints.file(work.connection, new, self.actor))

    async def says(self, words: str) -> None:
        async with unit(self.house) as work:
            work.record(await closure.reply(work.connection, self.event.ticket, self.actor, words))

    async def does(self, verb: str, *more: Any) -> None:
        async with unit(self.house) as work:
            work.record(await getattr(closure, verb)(work.connection, self.event.ticket, self.actor, *more))

    async def reads(self) -> list[str]:
        """All that was said to them."""
        found = await rows(
            self.house.engine, "SELECT says FROM deliveries WHERE contact_id = :chat ORDER BY id", chat=self.chat
        )
        return [speak(key, params, "id") for row in found for key, params in row.says]

    async def sends(self, content: bytes, content_type: str, kind: str = "photo", name: str | None = None) -> int:
        """A file, on the shelf."""
        new = NewMedia(self.chat, kind, "telegram", "file", draft=1, ticket=self.event.ticket or None, name=name)
        digest = self.house.shelf.put(content)
        clean = Clean(digest, content_type, len(content)) if kind == "photo" else None
        async with unit(self.house) as work:
            media_id = await media.add(work.connection, new)
            await media.stored(work.connection, media_id, digest, content_type, len(content), None, clean)
            await planning.post_file(work, media_id)
        return media_id


async def citizen(house: House, address: str = "7") -> Citizen:
    async with house.engine.begin() as connection:
        chat = await contact(connection, address)
        known = await contacts.become_citizen(connection, chat, "Siti", "id")
    return Citizen(house, chat, known)


async def filed(house: House, address: str = "7", **details: Any) -> Citizen:
    siti = await citizen(house, address)
    await siti.file(**details)
    return siti


async def references_of(house: House, who: Citizen) -> list[Reference]:
    async with house.engine.connect() as connection:
        return await references.of_complaint(connection, who.event.complaint_id)


async def reference_of(house: House, who: Citizen) -> Reference:
    [found] = await references_of(house, who)
    return found


async def work_off(house: House) -> None:
    """Do what is in the queue and due, as a worker would, until there is nothing more."""
    doing = {"hand_over": handover.hand_over, "pass_post": handover.pass_post, "follow_reference": tracking.follow}
    while found := await rows(
        house.engine,
        "DELETE FROM procrastinate_jobs WHERE task_name = ANY(:names) AND coalesce(scheduled_at, now()) <= now()"
        " RETURNING id, task_name, args",
        names=list(doing),
    ):
        await run(house.engine, "DELETE FROM procrastinate_jobs WHERE id = ANY(:ids)", ids=[each.id for each in found])
        for job in sorted(found, key=lambda each: each.id):
            await doing[job.task_name](house, *job.args.values())


async def look(house: House, who: Citizen) -> None:
    """Its time to be looked at has come."""
    await run(house.engine, "UPDATE complaint_references SET check_at = now() WHERE check_at IS NOT NULL")
    for each in await references_of(house, who):
        await tracking.follow(house, each.id)


async def matters(house: House) -> list[str]:
    found = await rows(house.engine, "SELECT detail FROM attention WHERE kind = 'handover' AND closed_at IS NULL")
    return [row.detail for row in found]


# --- planning ----------------------------------------------------------------------------------------


async def test_by_hand_it_waits_for_a_person(house: House) -> None:
    siti = await filed(house)
    reference = await reference_of(house, siti)
    assert (reference.system, reference.state) == ("sp4n", WAITING)
    await work_off(house)
    await handover.keep_waiting(house)
    await handover.hand_over(house, reference.id)
    assert await reference_of(house, siti) == reference


async def test_the_ways_of_agencies_are_taken_when_they_have_it(house: House) -> None:
    await connect(house, "surat", ways.EMAIL, "surel", agency=PU, address="pu@example.go.id")
    await connect(house, "surat-2", ways.EMAIL, "surel", agency=DISHUB)
    siti = await filed(house)
    assert [each.system for each in await references_of(house, siti)] == ["sp4n"]
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, siti.event.ticket, OPERATOR, [PU, DISHUB], lead=PU))
    found = {each.agency: each for each in await references_of(house, siti)}
    assert (found[PU].state, found[PU].address, found[PU].problem) == (WAITING, "pu@example.go.id", None)
    assert (found[DISHUB].state, found[DISHUB].problem) == (FAILED, "no_address")
    assert await matters(house) == ["no_address"]


async def test_who_leads_otherwise_gets_it_too_once_it_is_disposed(house: House) -> None:
    await connect(house, "surat", ways.EMAIL, "surel", agency=PU, address="pu@example.go.id")
    siti = await filed(house, agency=None)
    ticket = siti.event.ticket

    async def route() -> None:
        async with unit(house) as work:
            work.record(
                await complaints.route(
                    work.connection, ticket, OPERATOR, function=None, agency=PU, category=None, reason=None
                )
            )

    await route()
    assert [each.system for each in await references_of(house, siti)] == ["sp4n"]
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, ticket, OPERATOR, [DISHUB], lead=DISHUB))
    await route()
    await route()
    assert [(each.system, each.agency) for each in await references_of(house, siti)] == [("sp4n", None), ("surel", PU)]


async def test_a_system_that_has_it_is_not_given_it_again_for_an_agency(house: House, by_api: int) -> None:
    await run(
        house.engine, "INSERT INTO ways (system, connection_id, agency) VALUES ('sp4n', :id, :pu)", id=by_api, pu=PU
    )
    siti = await filed(house)
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, siti.event.ticket, OPERATOR, [PU], lead=PU))
    assert [each.agency for each in await references_of(house, siti)] == [None]


async def test_rahasia_goes_to_sp4n_and_to_nobody_else(house: House, sp4n: Sp4n, by_api: int) -> None:
    await connect(house, "kota", ways.OPEN311, "kota", sp4n.base_url, everywhere=True)
    siti = await filed(house, secret=True)
    await work_off(house)
    found = {each.system: each for each in await references_of(house, siti)}
    assert found["sp4n"].state == CONFIRMED
    assert (found["kota"].state, found["kota"].problem, found["kota"].attempts) == (FAILED, "secret", 0)
    assert await matters(house) == ["secret"]
    assert sp4n.reports()[0].secret


async def test_what_became_rahasia_meanwhile_stays_too(house: House, sp4n: Sp4n) -> None:
    await connect(house, "kota", ways.OPEN311, "kota", sp4n.base_url, everywhere=True)
    siti = await filed(house)
    await run(house.engine, "UPDATE complaints SET secret = true")
    await work_off(house)
    found = {each.system: each for each in await references_of(house, siti)}
    assert (found["kota"].state, found["kota"].problem) == (FAILED, "secret")
    assert sp4n.faults.requests == []


async def test_a_way_that_is_switched_off_is_said_to_be(house: House, by_api: int) -> None:
    await run(house.engine, "UPDATE connections SET disabled_at = now() WHERE id = :id", id=by_api)
    siti = await filed(house)
    reference = await reference_of(house, siti)
    assert (reference.state, reference.problem) == (FAILED, "no_connection")
    assert await matters(house) == ["no_connection"]


# --- handing over ------------------------------------------------------------------------------------


async def test_it_is_there_once_and_the_pelapor_knows_its_number(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house, anonymous=False, place="depan SMP 1", happened_on=None)
    await work_off(house)
    [report] = sp4n.reports()
    reference = await reference_of(house, siti)
    assert (reference.state, reference.external_id) == (CONFIRMED, report.tracking_id)
    assert (
        f"Laporan {siti.event.ticket} sudah masuk SP4N-LAPOR! dengan nomor {report.tracking_id}." in await siti.reads()
    )
    assert (report.name, report.source, report.city) == ("Budi", "Telegram", "Kota Palembang")
    assert siti.event.ticket in report.text
    # Again, by whatever way: nothing more.
    await handover.hand_over(house, reference.id)
    await handover.keep_waiting(house)
    await work_off(house)
    assert len(sp4n.reports()) == 1


async def test_anonim_has_no_name_and_its_files_have_none(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await citizen(house)
    await siti.sends(b"%PDF-1.4\n%%EOF", "application/pdf", "document", "KTP Siti.pdf")
    await siti.file(anonymous=True)
    await work_off(house)
    [report] = sp4n.reports()
    assert (report.anonymous, report.name, report.files) == (True, None, ("lampiran-1.pdf",))


async def test_files_go_along_as_far_as_they_can_and_the_rest_is_said(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await citizen(house)
    await siti.sends(encoded(scene(), "JPEG"), "image/jpeg")
    voice = await siti.sends(b"OggS", "audio/ogg", "voice")
    large = await siti.sends(b"%PDF-" + bytes(2 << 20), "application/pdf", "document")
    await siti.file()
    await work_off(house)
    [report] = sp4n.reports()
    assert len(report.files) == 1
    reference = await reference_of(house, siti)
    async with house.engine.connect() as connection:
        left = await posts.open_of(connection, [reference.id])
    assert {each.media_id: (each.state, each.problem) for each in left} == {
        voice: ("failed", "wrong_kind"),
        large: ("failed", "too_large"),
    }
    # What comes later goes after it.
    await siti.sends(encoded(scene((80, 60)), "PNG"), "image/png")
    await work_off(house)
    assert len(sp4n.reports()[0].files) == 2


async def test_what_has_ended_before_is_not_sent(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await siti.does("withdraw")
    await work_off(house)
    reference = await reference_of(house, siti)
    assert (reference.state, reference.problem) == (FAILED, "ended")
    assert sp4n.reports() == []
    assert await matters(house) == []


@pytest.mark.parametrize(
    ("fault", "state", "problem", "there"),
    [
        (Fault(taken=True, cut=True), UNKNOWN, "cut", 1),
        (Fault(cut=True), UNKNOWN, "cut", 0),
        (Fault(taken=True, status=500), UNKNOWN, "broken", 1),
        (Fault(html=True, taken=True), UNKNOWN, "unreadable", 1),
        (Fault(status=429, headers={"retry-after": "3"}), WAITING, "busy", 0),
        (Fault(status=503), UNKNOWN, "broken", 0),
        (Fault(status=401), FAILED, "key", 0),
        (Fault(status=422), FAILED, "invalid", 0),
    ],
    ids=str,
)
async def test_what_goes_wrong_is_said_as_far_as_it_is_known(
    house: House, sp4n: Sp4n, by_api: int, fault: Fault, state: str, problem: str, there: int
) -> None:
    sp4n.faults.method = "POST"
    sp4n.faults.next.append(fault)
    siti = await filed(house)
    await work_off(house)
    reference = await reference_of(house, siti)
    assert (reference.state, reference.problem) == (state, problem)
    assert await matters(house) == ([] if state == WAITING else [problem])
    assert len(sp4n.reports()) == there
    # No machine sends again what is not surely out of the world.
    await run(house.engine, "UPDATE complaint_references SET check_at = now()")
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    await handover.keep_waiting(house)
    await work_off(house)
    assert len(sp4n.reports()) == (1 if state == WAITING else there)


async def test_nobody_there_is_tried_again_with_growing_pauses_until_it_is_enough(house: House, sp4n: Sp4n) -> None:
    nowhere = "http://127.0.0.1:9"
    await connect(house, "sp4n-api", ways.API, ways.SP4N, nowhere, "token", everywhere=True)
    siti = await filed(house)
    pauses = []
    for _ in range(9):
        await run(house.engine, "UPDATE complaint_references SET check_at = now()")
        before = house.now()
        await handover.hand_over(house, (await reference_of(house, siti)).id)
        reference = await reference_of(house, siti)
        assert (reference.state, reference.problem) == (WAITING, "away")
        assert reference.check_at is not None
        pauses.append(round((reference.check_at - before).total_seconds() / 60))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    # Its time has not come: nothing is tried.
    await handover.hand_over(house, reference.id)
    assert (await reference_of(house, siti)).attempts == 9
    await run(
        house.engine,
        "UPDATE complaint_references SET check_at = now(), waiting_since = now() - make_interval(hours => 73)",
    )
    await handover.hand_over(house, reference.id)
    assert ((await reference_of(house, siti)).state, await matters(house)) == (FAILED, ["away"])
    # A person says: again.
    async with unit(house) as work:
        await references.not_there(work.connection, reference.id, house.now())
    await run(house.engine, "UPDATE connections SET url = :url, secret = :secret", url=sp4n.base_url, secret=sp4n.token)
    await handover.hand_over(house, reference.id)
    assert (await reference_of(house, siti)).state == CONFIRMED
    assert await matters(house) == []


async def test_what_a_dead_process_left_under_way_is_unknown(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti, budi = await filed(house), await filed(house, "8")
    for each in (siti, budi):
        async with unit(house) as work:
            await references.begin(work.connection, (await reference_of(house, each)).id)
    await run(
        house.engine,
        "UPDATE complaint_references SET sent_at = now() - make_interval(mins => 11) WHERE complaint_id = :id",
        id=siti.event.complaint_id,
    )
    await handover.keep_waiting(house)
    assert ((await reference_of(house, siti)).state, (await reference_of(house, budi)).state) == (UNKNOWN, SENT)
    assert await matters(house) == ["died"]
    await work_off(house)
    assert sp4n.reports() == []


async def test_while_a_worker_is_at_it_nobody_calls_it_dead(house: House, by_api: int) -> None:
    siti = await filed(house)
    reference = await reference_of(house, siti)
    async with unit(house) as work:
        await references.begin(work.connection, reference.id)
    await run(house.engine, "UPDATE complaint_references SET sent_at = now() - make_interval(mins => 11)")
    await run(
        house.engine,
        "WITH alive AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
        " UPDATE procrastinate_jobs SET status = 'doing', worker_id = alive.id FROM alive"
        " WHERE task_name = 'hand_over'",
    )
    await handover.keep_waiting(house)
    assert (await reference_of(house, siti)).state == SENT
    await run(house.engine, "UPDATE procrastinate_workers SET last_heartbeat = now() - make_interval(mins => 2)")
    await handover.keep_waiting(house)
    assert (await reference_of(house, siti)).state == UNKNOWN


async def test_a_number_that_another_has_is_not_believed(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti, budi = await filed(house), await filed(house, "8")
    sp4n.faults.method = "POST"
    sp4n.faults.next.append(Fault(taken=True, wait=1.0))
    going = asyncio.create_task(handover.hand_over(house, (await reference_of(house, siti)).id))
    await eventually(lambda: asyncio.sleep(0, len(sp4n.reports())), 1, patience=30)
    number = sp4n.reports()[0].tracking_id
    await run(
        house.engine,
        "UPDATE complaint_references SET state = 'confirmed', external_id = :number WHERE complaint_id = :id",
        number=number,
        id=budi.event.complaint_id,
    )
    await going
    reference = await reference_of(house, siti)
    assert (reference.state, reference.problem, reference.detail) == (UNKNOWN, "twice", number)
    assert await matters(house) == ["twice"]
    assert (await reference_of(house, budi)).external_id == number


# --- what follows it ---------------------------------------------------------------------------------


async def test_words_follow_in_their_order_and_once(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await siti.says("Satu.")
    await siti.says("Dua.")
    await work_off(house)
    await siti.says("Tiga.")
    await work_off(house)
    await handover.keep_waiting(house)
    await work_off(house)
    [report] = sp4n.reports()
    assert [line.words for line in report.log if line.by == "Pelapor"] == ["Satu.", "Dua.", "Tiga."]
    # They come back with the log, and are not told to whoever wrote them.
    before = await siti.reads()
    await look(house, siti)
    assert await siti.reads() == before


async def test_what_was_cut_off_waits_for_a_person_and_the_next_goes_on(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    sp4n.faults.method = "POST"
    sp4n.faults.next.append(Fault(taken=True, cut=True))
    await siti.says("Satu.")
    await siti.says("Dua.")
    await work_off(house)
    await handover.keep_waiting(house)
    await work_off(house)
    reference = await reference_of(house, siti)
    async with house.engine.begin() as connection:
        [left] = await posts.open_of(connection, [reference.id])
        assert (left.words, left.state, left.problem) == ("Satu.", "unknown", "cut")
        # "It is not there", says a person who has not looked well: that is theirs to say.
        await posts.settle(connection, left.id, False)
    await handover.keep_waiting(house)
    await work_off(house)
    said = [line.words for line in sp4n.reports()[0].log if line.by == "Pelapor"]
    assert said == ["Satu.", "Dua.", "Satu."]


async def test_nobody_there_holds_up_what_follows(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    await run(house.engine, "UPDATE connections SET url = 'http://127.0.0.1:9'")
    await siti.says("Satu.")
    await siti.says("Dua.")
    await work_off(house)
    reference = await reference_of(house, siti)
    async with house.engine.connect() as connection:
        left = await posts.open_of(connection, [reference.id])
    assert [(each.words, each.state, each.problem) for each in left] == [
        ("Satu.", "waiting", "away"),
        ("Dua.", "waiting", None),
    ]
    await run(house.engine, "UPDATE connections SET url = :url", url=sp4n.base_url)
    await run(house.engine, "UPDATE reference_posts SET check_at = now()")
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    await handover.keep_waiting(house)
    await work_off(house)
    assert [line.words for line in sp4n.reports()[0].log if line.by == "Pelapor"] == ["Satu.", "Dua."]


async def test_an_end_by_the_pelapor_is_one_there_too(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    await siti.does("withdraw", "Sudah beres sendiri.")
    await work_off(house)
    [report] = sp4n.reports()
    assert report.status == "Diarsipkan oleh Pelapor"
    assert next(line.words for line in report.log if line.by == "Pelapor") == "Sudah beres sendiri."
    before = await siti.reads()
    await look(house, siti)
    assert await siti.reads() == before


async def test_not_settled_without_a_word_is_said_in_ours(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    number = sp4n.reports()[0].tracking_id
    sp4n.do(number, "disposisi", unit_id=next(iter(units())))
    sp4n.do(number, "jawab", "Kami cek.")
    await look(house, siti)
    await siti.does("dispute", None)
    await work_off(house)
    assert sp4n.reports()[0].log[-1].words == "Pelapor menyatakan masalah ini belum selesai."
    await siti.does("confirm")
    await work_off(house)
    assert sp4n.reports()[0].status == "Ditutup oleh Pelapor"


async def test_words_of_a_rahasia_report_follow_nowhere_else(house: House, sp4n: Sp4n) -> None:
    await connect(house, "kota", ways.OPEN311, "kota", sp4n.base_url, everywhere=True)
    siti = await filed(house)
    kota = next(each for each in await references_of(house, siti) if each.system == "kota")
    await run(
        house.engine,
        "UPDATE complaint_references SET state = 'confirmed', external_id = '1' WHERE id = :id",
        id=kota.id,
    )
    await run(house.engine, "UPDATE complaints SET secret = true")
    await siti.says("Satu.")
    await work_off(house)
    async with house.engine.connect() as connection:
        [left] = await posts.open_of(connection, [kota.id])
    assert (left.state, left.problem) == ("failed", "secret")
    assert sp4n.faults.requests == []


# --- what is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "ours", "theirs"),
    [
        ("jawab", "balas paling lambat", "segera balas. SP4N-LAPOR! dapat menutup laporan ini"),
        ("tunda", "Balas di sini paling lambat", "Segera balas di sini. SP4N-LAPOR! dapat mengarsipkan laporan ini"),
    ],
)
async def test_no_day_is_promised_where_the_clock_of_another_system_runs(
    house: House, sp4n: Sp4n, by_api: int, deed: str, ours: str, theirs: str
) -> None:
    siti = await filed(house)
    await work_off(house)
    number = sp4n.reports()[0].tracking_id
    if deed == "jawab":
        sp4n.do(number, "disposisi", unit_id=next(iter(units())))
    said = len(await siti.reads())
    sp4n.do(number, deed, words="Kami cek.")
    await look(house, siti)
    news = " ".join((await siti.reads())[said:])
    assert "Kami cek." in news
    assert theirs in news
    assert "paling lambat" not in news
    # What the same officer says besides gives as little time.
    actor, reference = Actor("bridge", ways.SP4N), await reference_of(house, siti)
    told = Told(None, None, [ToldEntry("kata-1", None, words="Masih kami cek.")])
    said = len(await siti.reads())
    async with unit(house) as work:
        for event in await references.heard(work.connection, reference.id, told, actor):
            work.record(event)
    news = " ".join((await siti.reads())[said:])
    assert "Masih kami cek." in news
    assert theirs in news
    assert "paling lambat" not in news
    # Where our officer speaks, our clock begins anew.
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, siti.event.ticket, OPERATOR, "Ada kabar.", public=True))
    assert ours in (await siti.reads())[-1]


async def test_the_whole_course_comes_back_into_the_chat(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    number = sp4n.reports()[0].tracking_id
    pu = next(each.id for each in units().values() if each.name == house.directory.names[PU])
    steps = [
        ("tunda", {"words": "Di kilometer berapa?"}, "Keterangan petugas:\nDi kilometer berapa?"),
        ("balas", {}, None),
        ("disposisi", {"unit_id": pu}, f"sudah diteruskan ke {house.directory.names[PU]}"),
        ("jawab", {"words": "Kami ganti lampunya besok."}, "Kami ganti lampunya besok."),
        ("selesai", {"words": "Lampu sudah menyala."}, "Lampu sudah menyala."),
    ]
    for deed, what, told in steps:
        before = len(await siti.reads())
        if deed == "balas":
            await siti.says("Kilometer 3.")
            await work_off(house)
        else:
            sp4n.do(number, deed, **what)
        for _ in range(2):
            await look(house, siti)
        news = (await siti.reads())[before:]
        assert (told is None and news == []) or sum(told in each for each in news if told) == 1
    status = await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=siti.event.complaint_id)
    assert status == "Selesai otomatis dalam 10 hari"
    sp4n.clock.pass_(timedelta(days=40))
    await look(house, siti)
    status = await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=siti.event.complaint_id)
    assert status == "Ditutup oleh Sistem"
    # Looked at no more when that was a week ago.
    await run(house.engine, "UPDATE complaints SET changed_at = now() - make_interval(days => 8)")
    asked = len(sp4n.faults.requests)
    await look(house, siti)
    assert (len(sp4n.faults.requests), (await reference_of(house, siti)).check_at) == (asked, None)


async def test_a_unit_that_nobody_knows_is_told_in_their_words(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    names = house.directory.names.values()
    strange = next(each for each in units().values() if each.name not in names)
    sp4n.do(sp4n.reports()[0].tracking_id, "disposisi", unit_id=strange.id)
    for _ in range(2):
        await look(house, siti)
    expected = f"Status laporan {siti.event.ticket} di SP4N-LAPOR! sekarang: Terdisposisi ke {strange.name}"
    assert (await siti.reads()).count(expected) == 1
    assert await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=siti.event.complaint_id) == (
        moves.FIRST
    )


async def test_a_number_that_comes_later_is_told_when_it_comes(house: House, tmp_path: Path) -> None:
    async with peer.running(tmp_path / "later.sqlite", numbers_after=600.0) as sp4n:
        await connect(house, "sp4n-api", ways.API, ways.SP4N, sp4n.base_url, sp4n.token, everywhere=True)
        siti = await filed(house)
        await siti.says("Satu.")
        await work_off(house)
        reference = await reference_of(house, siti)
        assert (reference.state, bool(reference.token), reference.external_id) == (SENT, True, None)
        # It is under way, and not lost: no machine gives it up, or sends it again.
        await run(house.engine, "UPDATE complaint_references SET sent_at = now() - make_interval(hours => 1)")
        await handover.keep_waiting(house)
        await look(house, siti)
        assert (await reference_of(house, siti)).state == SENT
        sp4n.clock.pass_(timedelta(minutes=20))
        await look(house, siti)
        await work_off(house)
        [report] = sp4n.reports()
        assert (await reference_of(house, siti)).external_id == report.tracking_id
        assert [line.words for line in report.log if line.by == "Pelapor"] == ["Satu."]
        assert any(str(report.tracking_id) in each for each in await siti.reads())


async def test_who_cannot_be_asked_is_asked_later(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    for fault, problem in ((Fault(status=500), None), (Fault(status=401), "key"), (Fault(html=True), "key")):
        sp4n.faults.next.append(fault)
        await look(house, siti)
        reference = await reference_of(house, siti)
        assert (reference.state, reference.problem) == (CONFIRMED, problem)
        assert reference.check_at is not None
        assert reference.check_at > house.now()
    await look(house, siti)
    assert (await reference_of(house, siti)).problem is None


async def test_what_is_due_to_be_looked_at_has_one_job(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    for _ in range(3):
        await tracking.keep_following(house)
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'follow_reference'"
    assert await value(house.engine, jobs) == 1
    asked = len(sp4n.faults.requests)
    for _ in range(3):
        await tracking.follow(house, (await reference_of(house, siti)).id)
    assert len(sp4n.faults.requests) == asked + 1


@pytest.mark.parametrize(
    ("name", "region", "found"),
    [
        ("dinas pekerjaan umum  bina marga dan tata ruang provinsi sumatera selatan", "16.71", "16-pu"),
        ("PUBMTR Sumsel", None, "16-pu"),
        ("Dinas Entah Apa", "16.71", None),
        ("", "16.71", None),
    ],
)
async def test_an_agency_is_known_by_its_names(house: House, name: str, region: str | None, found: str | None) -> None:
    named = house.directory.agencies.called(name, region, house.today(region))
    assert (named.code if named else None) == found


# --- in an hour or a process of its own ---------------------------------------------------------------


async def test_a_worker_does_it_all(settings: Settings, house: House, database: str, sp4n: Sp4n, by_api: int) -> None:
    quick = Settings.model_validate(settings.model_dump() | {"bridge_pause_seconds": 0.2})
    async with working(quick, database):
        siti = await filed(house)
        state = partial(value, house.engine, "SELECT state FROM complaint_references")
        await eventually(state, CONFIRMED, patience=30)
        sp4n.do(sp4n.reports()[0].tracking_id, "jawab", "Kami ganti besok.")
        status = partial(value, house.engine, "SELECT status FROM complaints")
        await eventually(status, moves.ANSWERS[0], patience=30)
    assert any("Kami ganti besok." in each for each in await siti.reads())


async def test_what_was_told_goes_with_the_retention(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await citizen(house)
    await siti.sends(encoded(scene(), "JPEG"), "image/jpeg")
    await siti.file()
    await work_off(house)
    number = sp4n.reports()[0].tracking_id
    sp4n.do(number, "jawab", "Ibu Siti, kami ganti besok.")
    await look(house, siti)
    await siti.says("Terima kasih.")
    await siti.does("confirm")
    await work_off(house)
    await run(house.engine, "UPDATE complaints SET changed_at = now() - make_interval(days => 400)")
    assert (await retention.retain(house)).complaints == 1
    assert await rows(house.engine, "SELECT 1 FROM reference_entries WHERE words IS NOT NULL OR by IS NOT NULL") == []
    assert await rows(house.engine, "SELECT 1 FROM reference_posts WHERE media_id IS NOT NULL") == []
    # Known still, so that nobody is told anything anew.
    before = await value(house.engine, "SELECT count(*) FROM complaint_history")
    async with unit(house) as work:
        entries = [
            references.ToldEntry(row.key, row.at, row.raw_status, "Ibu Siti, kami ganti besok.")
            for row in await rows(house.engine, "SELECT key, at, raw_status FROM reference_entries")
        ]
        told = references.Told("Ditutup oleh Pelapor", None, entries)
        reference = await reference_of(house, siti)
        assert await references.heard(work.connection, reference.id, told, Actor("bridge", "sp4n")) == []
    assert await value(house.engine, "SELECT count(*) FROM complaint_history") == before


# --- what must not be lost ---------------------------------------------------------------------------


async def test_a_way_that_was_off_for_a_while_is_followed_again(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    await run(house.engine, "UPDATE connections SET disabled_at = now() WHERE id = :id", id=by_api)
    await look(house, siti)
    await run(house.engine, "UPDATE connections SET disabled_at = NULL WHERE id = :id", id=by_api)
    assert (await reference_of(house, siti)).check_at is not None
    sp4n.do(sp4n.reports()[0].tracking_id, "disposisi", unit_id=next(iter(units())))
    await look(house, siti)
    assert any("Terdisposisi" in each for each in await siti.reads())


async def test_what_they_took_without_a_number_and_lost_again_is_forgotten_by_nobody(
    house: House, tmp_path: Path
) -> None:
    async with peer.running(tmp_path / "later.sqlite", numbers_after=600.0) as sp4n:
        await connect(house, "sp4n-api", ways.API, ways.SP4N, sp4n.base_url, sp4n.token, everywhere=True)
        siti = await filed(house)
        await work_off(house)
        reference = await reference_of(house, siti)
        assert (reference.state, bool(reference.token)) == (SENT, True)
    async with unit(house) as work:
        await references.unknown(work.connection, reference.id, "not_found")
        await references.not_there(work.connection, reference.id, house.now())
        assert (await references.begin(work.connection, reference.id)) is not None
    # The process dies here.
    await run(house.engine, "UPDATE complaint_references SET sent_at = now() - make_interval(mins => 11)")
    await handover.keep_waiting(house)
    assert (await reference_of(house, siti)).state == UNKNOWN


async def test_what_a_machine_sent_and_a_person_entered_is_there_twice_and_somebody_is_told(
    house: House, sp4n: Sp4n, by_api: int
) -> None:
    siti = await filed(house)
    sp4n.faults.next.append(Fault(taken=True, wait=1.0))
    going = asyncio.create_task(work_off(house))
    await eventually(lambda: asyncio.sleep(0, len(sp4n.reports())), 1, patience=30)
    async with unit(house) as work:
        event = await references.confirm(work.connection, (await reference_of(house, siti)).id, "8512399", OPERATOR)
        assert event is not None
        work.record(event)
    await going
    assert ((await reference_of(house, siti)).external_id, len(sp4n.reports())) == ("8512399", 1)
    assert await matters(house) == ["doubled"]


async def test_nobody_is_sent_to_look_for_a_rahasia_report_that_the_public_cannot_see(
    house: House, sp4n: Sp4n, by_api: int
) -> None:
    siti, budi = await filed(house, secret=True), await filed(house, "8")
    await work_off(house)
    assert [any("lapor.go.id" in said for said in await each.reads()) for each in (siti, budi)] == [False, True]


async def test_files_of_an_attempt_that_did_not_arrive_go_with_the_next(house: House) -> None:
    siti = await citizen(house)
    photo = await siti.sends(encoded(scene(), "JPEG"), "image/jpeg")
    await siti.file()
    reference = await reference_of(house, siti)
    async with unit(house) as work:
        await references.begin(work.connection, reference.id)
        await posts.attach(work.connection, reference.id, [photo], posts.DONE)
        await references.unknown(work.connection, reference.id, "cut")
        await references.not_there(work.connection, reference.id, house.now())
        await posts.anew(work.connection, [reference.id])
        # Now it is taken, and the file is to follow it.
        await references.begin(work.connection, reference.id)
        await posts.attach(work.connection, reference.id, [photo])
        left = await posts.open_of(work.connection, [reference.id])
    assert [each.media_id for each in left] == [photo]


@pytest.mark.parametrize("fault", [Fault(taken=True, cut=True), Fault(taken=True, html=True)])
async def test_files_of_what_nobody_knows_of_are_as_unknown(
    house: House, sp4n: Sp4n, by_api: int, fault: Fault
) -> None:
    siti = await citizen(house)
    photo = await siti.sends(encoded(scene(), "JPEG"), "image/jpeg")
    await siti.file()
    sp4n.faults.next.append(fault)
    await work_off(house)
    reference = await reference_of(house, siti)
    assert reference.state == UNKNOWN
    # Whoever finds the report there must look for its files too.
    async with unit(house) as work:
        number = sp4n.reports()[0].tracking_id
        assert number is not None
        event = await references.confirm(work.connection, reference.id, number, OPERATOR)
        assert event is not None
        work.record(event)
    await work_off(house)
    async with house.engine.begin() as connection:
        [left] = await posts.open_of(connection, [reference.id])
        assert (left.media_id, left.state, left.problem) == (photo, "unknown", reference.problem)
        await posts.settle(connection, left.id, True)
        assert await posts.open_of(connection, [reference.id]) == []
    assert len(sp4n.reports()[0].files) == 1


async def test_what_was_said_before_goes_along_to_whoever_gets_it_later(house: House, sp4n: Sp4n) -> None:
    await connect(house, "kota", ways.API, "kota", sp4n.base_url, sp4n.token, agency=DISHUB)
    siti = await filed(house)
    await siti.says("Tiang nomor 17.")
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, siti.event.ticket, OPERATOR, [DISHUB], lead=DISHUB))
    await siti.says("Masih gelap.")
    await work_off(house)
    [report] = sp4n.reports()
    assert [line.words for line in report.log if line.by == "Pelapor"] == ["Tiang nomor 17.", "Masih gelap."]


async def test_a_file_that_comes_in_the_moment_of_sending_is_not_left(house: House) -> None:
    siti = await filed(house)
    reference = await reference_of(house, siti)
    content = encoded(scene(), "JPEG")
    digest = house.shelf.put(content)
    clean = Clean(digest, "image/jpeg", len(content))

    async def send() -> outward.Files:
        async with unit(house) as work:
            assert await references.begin(work.connection, reference.id) is not None
        return await outward.files_of(house, siti.event.complaint_id, anonymous=False)

    async def waits_or_done() -> bool:
        locks = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return sending.done() or bool(await value(house.engine, locks))

    async with unit(house) as work:
        new = NewMedia(siti.chat, "photo", "telegram", "file", ticket=siti.event.ticket)
        photo = await media.add(work.connection, new)
        await media.stored(work.connection, photo, digest, "image/jpeg", len(content), None, clean)
        await planning.post_file(work, photo)
        sending = asyncio.create_task(send())
        await eventually(waits_or_done)
    going = await sending
    async with house.engine.connect() as connection:
        follows = await posts.open_of(connection, [reference.id])
    assert [*going.ids.values(), *(each.media_id for each in follows)] == [photo]


async def test_files_of_a_draft_that_joins_a_report_follow_it(house: House, sp4n: Sp4n, by_api: int) -> None:
    siti = await filed(house)
    await work_off(house)
    async with unit(house) as work:
        new = NewMedia(siti.chat, "photo", "telegram", "file", draft=2)
        photo = await media.add(work.connection, new)
    content = encoded(scene(), "JPEG")
    digest = house.shelf.put(content)
    async with unit(house) as work:
        clean = Clean(digest, "image/jpeg", len(content))
        await media.stored(work.connection, photo, digest, "image/jpeg", len(content), None, clean)
        await planning.post_file(work, photo)
    async with unit(house) as work:
        taken = Taken(0, siti.chat, siti.id, None, None)
        await afterwards.join(work, taken, Draft(2).tell("Ini fotonya.", 1), siti.event.ticket)
    await work_off(house)
    [report] = sp4n.reports()
    assert len(report.files) == 1
    assert [line.words for line in report.log if line.by == "Pelapor" and line.words] == ["Ini fotonya."]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["referenced", "referenced_sp4n", "heard"])
def test_the_words_are_there(key: str, language: str) -> None:
    params = {"ticket": "T-1", "system": "SP4N-LAPOR!", "number": "8512345", "status": "Baru"}
    assert speak(f"push.{key}", params, language)
