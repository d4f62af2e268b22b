"""Who is told what, in which words, with which buttons; what waits for a person; and that nobody waits in a circle."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from making import OPERATOR, contact, file, rows, run, take, value
from sqlalchemy.exc import DBAPIError

from api import joining
from api.house import House, open_house
from api.reactions import REACTIONS
from api.settings import Settings
from api.telling import _UNTIL, OFFERS
from api.unit import unit
from bot.texts import knows
from store import closure, complaints, contacts, dispositions, evidence, following, merging, moves, staff
from store.complaints import Actor, NotAllowed

ANSWERED = moves.ANSWERS[0]
WAITING = "Menunggu Kelengkapan Informasi"
KOMINFO, PU = "16-kominfo", "16-pu"
NOTE = "Bapak Budi (0812-3456-7890), jalannya sudah ditambal."
MASKED = "Bapak Budi ([TELP]), jalannya sudah ditambal."


@dataclass(frozen=True)
class Person:
    """A citizen in a chat."""

    citizen_id: int
    contact_id: int
    address: str

    @property
    def actor(self) -> Actor:
        return Actor("citizen", str(self.citizen_id))


@dataclass(frozen=True)
class Case:
    """A complaint of one citizen that another one follows."""

    ticket: str
    id: int
    pelapor: Person
    follower: Person


async def person(house: House, address: str) -> Person:
    async with house.engine.begin() as connection:
        chat = await contact(connection, address)
        return Person(await contacts.become_citizen(connection, chat, "Siti", "id"), chat, address)


async def filed(house: House, pelapor: Person, follower: Person, **details: Any) -> Case:
    async with unit(house) as work:
        of = {"citizen_id": pelapor.citizen_id, "contact_id": pelapor.contact_id}
        event = work.record(await file(work.connection, **{"agency": PU, "region": "16.06", **of, **details}))
        if not details.get("secret"):
            what = event.complaint_id, follower.citizen_id, follower.contact_id
            work.record(await following.follow(work.connection, *what))
    return Case(event.ticket, event.complaint_id, pelapor, follower)


@pytest.fixture
async def case(house: House) -> Case:
    return await filed(house, await person(house, "7"), await person(house, "8"))


async def move(house: House, case: Case, name: str, *, reason: str | None = None, note: str | None = None) -> None:
    status = moves.read(name)
    assert status is not None
    async with unit(house) as work:
        work.record(await complaints.move(work.connection, case.ticket, status, OPERATOR, reason=reason, note=note))


Told = list[tuple[dict[str, Any], list[str]]]


async def told(house: House, person: Person) -> Told:
    """What was said to somebody: by key, and the choices below it."""
    found = await rows(
        house.engine, "SELECT says, buttons FROM deliveries WHERE contact_id = :id ORDER BY id", id=person.contact_id
    )
    return [(dict(row.says), [choice for _, choice in row.buttons]) for row in found]


async def forget(house: House) -> None:
    await run(house.engine, "DELETE FROM deliveries")


async def matters(house: House) -> list[Any]:
    return await rows(house.engine, "SELECT kind, complaint_id, detail FROM attention ORDER BY id")


# --- an office's word -----------------------------------------------------------------------------------------


async def test_the_pelapor_gets_the_answer_in_full_and_a_follower_masked(house: House, case: Case) -> None:
    await move(house, case, ANSWERED, reason="Sesuai jadwal.", note=NOTE)
    [(says, acts)] = await told(house, case.pelapor)
    assert list(says) == ["push.moved", "push.reason", "push.note", "push.answer_until"]
    assert says["push.moved"]["state"]["key"] == "state.ditindaklanjuti"
    assert says["push.note"] == {"note": NOTE}
    assert acts == [f"{case.ticket}:{act}" for act in ("resolved", "unresolved", "wrong_agency")]
    [(says, acts)] = await told(house, case.follower)
    assert list(says) == ["push.followed", "push.note"]
    assert says["push.followed"]["state"]["key"] == "state_followed.ditindaklanjuti"
    assert says["push.note"] == {"note": MASKED}
    assert acts == [f"{case.ticket}:unfollow"]


async def test_what_is_asked_of_the_pelapor_is_between_the_two(house: House, case: Case) -> None:
    await move(house, case, WAITING, note="Nomor rumah Anda berapa?")
    assert list((await told(house, case.pelapor))[0][0]) == ["push.moved", "push.officer", "push.complete_until"]
    [(says, _)] = await told(house, case.follower)
    assert list(says) == ["push.followed"]


async def test_followers_of_an_anonymous_report_get_the_status_alone(house: House) -> None:
    case = await filed(house, await person(house, "7"), await person(house, "8"), anonymous=True)
    await move(house, case, ANSWERED, note=NOTE)
    assert (await told(house, case.pelapor))[0][0]["push.note"] == {"note": NOTE}
    assert [list(says) for says, _ in await told(house, case.follower)] == [["push.followed"]]


async def test_followers_of_what_became_secret_get_nothing(house: House, case: Case) -> None:
    await run(house.engine, "UPDATE complaints SET secret = true")
    await move(house, case, ANSWERED, note=NOTE)
    assert len(await told(house, case.pelapor)) == 1
    assert await told(house, case.follower) == []


async def test_without_somebody_who_masks_followers_get_the_status_alone(settings: Settings, database: str) -> None:
    async with open_house(settings, database, name="worker") as house:
        case = await filed(house, await person(house, "7"), await person(house, "8"))
        await move(house, case, ANSWERED, note=NOTE)
        assert [list(says) for says, _ in await told(house, case.follower)] == [["push.followed"]]


# --- what is attached to it -----------------------------------------------------------------------------------


async def attach(house: House, case: Case, *sizes: int, content_type: str = "application/pdf") -> list[int]:
    """Files of these sizes that an officer has attached; their ids."""
    async with house.engine.begin() as connection:
        staff_id = await staff.add(connection, f"petugas{case.id}{sizes[0]}", "Ani", [])
        return [
            await evidence.add(
                connection,
                complaint_id=case.id,
                staff_id=staff_id,
                agency=None,
                sha256=house.shelf.put(b"%PDF-1.4"),
                content_type=content_type,
                size=size,
                name="Berita acara.pdf",
                looks=None,
            )
            for size in sizes
        ]


async def answer(house: House, case: Case, proof: list[int], *, finished: bool = False) -> None:
    async with unit(house) as work:
        answered = dispositions.answer(
            work.connection, case.ticket, OPERATOR, None, NOTE, finished=finished, evidence=proof
        )
        work.record(await answered)


async def sent(house: House, person: Person) -> list[list[int]]:
    """The files that went with what was said to somebody."""
    found = "SELECT files FROM deliveries WHERE contact_id = :id ORDER BY id"
    return [row.files for row in await rows(house.engine, found, id=person.contact_id)]


@pytest.mark.parametrize("finished", [True, False])
async def test_what_an_office_attached_goes_to_those_who_get_its_answer_in_full(house: House, finished: bool) -> None:
    case = await filed(house, await person(house, "7"), await person(house, "8"))
    unused, *proof = await attach(house, case, 8, 9, 10)
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, case.ticket, OPERATOR, [PU], lead=PU))
    await forget(house)
    await answer(house, case, proof, finished=finished)
    assert await sent(house, case.pelapor) == [proof]
    assert await sent(house, case.follower) == [[]], "nothing masks what stands in a file"
    assert "push.files_left" not in (await told(house, case.pelapor))[0][0]
    # Another answer brings its own alone.
    await answer(house, case, [unused])
    assert (await sent(house, case.pelapor))[1] == [unused]


async def test_what_a_channel_cannot_carry_is_told(house: House, case: Case) -> None:
    small, *large = await attach(house, case, 8, 50_000_001, 60_000_000)
    await answer(house, case, [large[0], small, large[1]])
    assert await sent(house, case.pelapor) == [[small]]
    [(says, _)] = await told(house, case.pelapor)
    assert says["push.files_left"] == {"count": 2}
    assert list(says)[-1] == "push.files_left"


async def test_ten_files_go_with_an_answer(house: House, case: Case) -> None:
    proof = await attach(house, case, *range(1, 13))
    await answer(house, case, proof)
    assert await sent(house, case.pelapor) == [proof[:10]]
    assert (await told(house, case.pelapor))[0][0]["push.files_left"] == {"count": 2}


async def test_the_files_of_one_report_do_not_go_to_those_who_reported_the_same(house: House, case: Case) -> None:
    other = await filed(house, await person(house, "10"), await person(house, "11"))
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, other.ticket, case.ticket, OPERATOR))
    await answer(house, case, await attach(house, case, 8))
    await joining.pass_on(house, case.id)
    assert "push.note_of" in (await told(house, other.pelapor))[-1][0]
    assert [files for person in (other.pelapor, other.follower) for files in await sent(house, person) if files] == []


async def test_nothing_else_that_is_said_has_files(house: House, case: Case) -> None:
    await attach(house, case, 8)
    await move(house, case, WAITING, note="Nomor rumah Anda berapa?")
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, case.ticket, OPERATOR, "Sabar ya.", public=True))
    assert await sent(house, case.pelapor) == [[], []]


async def test_a_new_agency_is_news_for_all_and_may_be_wrong_again(house: House, case: Case) -> None:
    async with unit(house) as work:
        parts = {"function": None, "category": None, "reason": None}
        work.record(await complaints.route(work.connection, case.ticket, OPERATOR, agency="16-dishub", **parts))
    name = house.directory.names["16-dishub"]
    for person_, acts in ((case.pelapor, [f"{case.ticket}:wrong_agency"]), (case.follower, [])):
        assert await told(house, person_) == [({"push.rerouted": {"ticket": case.ticket, "agency": name}}, acts)]


async def test_a_message_is_for_the_pelapor(house: House, case: Case) -> None:
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, case.ticket, OPERATOR, "Mohon ditunggu.", public=True))
    [(says, acts)] = await told(house, case.pelapor)
    assert (list(says), acts) == (["push.message"], [f"{case.ticket}:reply"])
    assert await told(house, case.follower) == []


# --- the pelapor's word ---------------------------------------------------------------------------------------


async def act(house: House, case: Case, verb: str) -> None:
    """The pelapor does it in a turn, which has their chat locked."""
    async with unit(house) as work:
        await take(work.connection, f"{verb} {next(_numbers)}", case.pelapor.address)
        connection, actor = work.connection, case.pelapor.actor
        match verb:
            case "reply":
                event = await closure.reply(connection, case.ticket, actor, "Belum.")
            case "dispute":
                event = await closure.dispute(connection, case.ticket, actor, "Lubangnya masih ada.")
            case "confirm":
                event = await closure.confirm(connection, case.ticket, actor)
            case "withdraw":
                event = await closure.withdraw(connection, case.ticket, actor)
            case "rate":
                event = await closure.rate(connection, case.ticket, actor, 5, None)
            case _:
                event = await closure.deny(connection, case.ticket, actor, None, KOMINFO)
        work.record(event)


_numbers = itertools.count()


@pytest.mark.parametrize(
    ("verb", "matter", "followers"),
    [
        ("reply", None, None),
        ("dispute", ("disputed", PU), None),
        ("confirm", None, "state_followed.ditutup_pelapor"),
        ("withdraw", ("withdrawn", PU), "state_followed.diarsipkan_pelapor"),
        ("rate", None, None),
        ("deny", ("wrong_agency", PU), "state_followed.belum_terverifikasi"),
    ],
)
async def test_who_acts_gets_a_reply_and_the_others_the_news(
    house: House, case: Case, verb: str, matter: tuple[str, str] | None, followers: str | None
) -> None:
    await move(house, case, ANSWERED, note=NOTE)
    await forget(house)
    await act(house, case, verb)
    assert await told(house, case.pelapor) == []
    said = [says["push.followed"]["state"]["key"] for says, _ in await told(house, case.follower)]
    assert said == ([followers] if followers else [])
    assert await matters(house) == ([(matter[0], case.id, matter[1])] if matter else [])
    silence = "SELECT count(*) FROM clocks WHERE stopped_at IS NULL AND kind IN ('close', 'archive')"
    clocks = await value(house.engine, silence)
    assert clocks == (1 if verb == "rate" else 0)


async def test_nobody_must_act_on_what_was_withdrawn_before_anybody_had_it(house: House, case: Case) -> None:
    await act(house, case, "withdraw")
    assert await matters(house) == []


async def test_an_office_that_is_the_wrong_one_says_so_to_the_pelapor(house: House, case: Case) -> None:
    await move(house, case, "Terdisposisi")
    await forget(house)
    async with unit(house) as work:
        office = Actor("agency", PU)
        work.record(await closure.deny(work.connection, case.ticket, office, "Itu jalan kabupaten.", KOMINFO))
    [(says, _)] = await told(house, case.pelapor)
    assert says == {
        "push.denied": {"ticket": case.ticket, "agency": house.directory.names[PU]},
        "push.reason": {"reason": "Itu jalan kabupaten."},
    }
    assert [list(says) for says, _ in await told(house, case.follower)] == [["push.followed"]]
    assert await matters(house) == [("wrong_agency", case.id, PU)]
    # The second tap is no news.
    await forget(house)
    await act(house, case, "deny")
    assert await told(house, case.follower) == []
    assert len(await matters(house)) == 1


async def test_what_kominfo_finds_out_is_not_put_into_an_agencys_mouth(house: House, case: Case) -> None:
    await move(house, case, "Terdisposisi")
    await forget(house)
    async with unit(house) as work:
        operator = Actor("operator", "ani")
        work.record(await closure.deny(work.connection, case.ticket, operator, "Itu jalan kabupaten.", KOMINFO))
    [(says, _)] = await told(house, case.pelapor)
    assert list(says) == ["push.returned", "push.reason"]
    assert says["push.returned"]["agency"] == house.directory.names[PU]


async def test_an_answer_by_the_old_path_is_the_agencys_that_leads(house: House, case: Case) -> None:
    await move(house, case, "Terdisposisi")
    await move(house, case, ANSWERED, note=NOTE)
    async with house.engine.connect() as connection:
        [held] = await dispositions.of(connection, case.id)
    assert held.agency == PU
    assert held.answered_at is not None
    assert held.first_response_at is not None


async def test_an_agency_that_gets_it_by_the_old_path_has_all_its_days(house: House, case: Case) -> None:
    await move(house, case, "Terdisposisi")
    await run(house.engine, "UPDATE complaint_history SET at = at - interval '10 days'")
    started = "SELECT started_at FROM clocks WHERE kind = 'follow_up' AND stopped_at IS NULL"
    before = await value(house.engine, started)
    async with unit(house) as work:
        elsewhere = await complaints.route(
            work.connection, case.ticket, OPERATOR, function=None, agency="16-dishub", category=None, reason=None
        )
        work.record(elsewhere)
    assert await value(house.engine, started) > before


async def test_a_place_that_was_entered_a_minute_ago_stops_no_answer(house: House, case: Case) -> None:
    region = "INSERT INTO regions VALUES ('16.99', 'Baru', 'kabupaten', NULL, 'Asia/Jakarta', '{}')"
    await run(house.engine, region)
    await run(house.engine, "UPDATE complaints SET region = '16.99' WHERE id = :id", id=case.id)
    await move(house, case, ANSWERED, note=NOTE)
    assert "push.answer_until" in (await told(house, case.pelapor))[0][0]


# --- the table --------------------------------------------------------------------------------------------------


def test_everything_that_can_be_said_has_words() -> None:
    keys = {f"choice.ticket.{act}" for acts in OFFERS.values() for act in acts} | {"choice.ticket.unfollow"}
    keys |= {f"state_followed.{status.key}" for status in moves.STATUSES}
    keys |= {f"push.reminded_{kind}" for kind in ("close", "archive")}
    keys |= {f"push.{key}{part}" for key in ("ditutup_sistem", "diarsipkan_sistem") for part in ("", "_next")}
    keys |= set(_UNTIL.values()) | {"push.denied", "push.returned", "push.followed"}
    keys |= {f"push.{key}{part}" for key in ("disposed", "rerouted") for part in ("", "_several")}
    keys |= {f"push.{key}" for key in ("responded", "finished", "note_of", "officer", "merged", "unmerged")}
    assert [key for key in sorted(keys) if not knows(key)] == []


def test_what_is_offered_under_the_news_may_be_done() -> None:
    for status in moves.STATUSES:
        acts = moves.acts(status.name, "pelapor", answered=status.name in moves.ANSWERS)
        assert set(OFFERS.get(status.key, ())) <= set(acts)
        # WhatsApp shows three buttons.
        assert len(OFFERS.get(status.key, ())) <= 3
    assert len(f"T-482-173-9056:{max(sum(OFFERS.values(), ()), key=len)}".encode()) <= 64


def test_every_event_has_its_line() -> None:
    assert set(REACTIONS) == {
        *("filed", "moved", "rerouted", "noted", "replied", "disputed", "confirmed", "withdrawn", "denied", "rated"),
        *("followed", "unfollowed", "reminded", "lapsed", "carried"),
        *("disposed", "handed_back", "responded", "edited", "covered", "merged", "unmerged"),
        *("referenced", "heard"),
    }


# --- locks --------------------------------------------------------------------------------------------------------

ROUNDS = 25


@pytest.fixture
async def circle(house: House) -> list[Case]:
    """Three citizens, each of whom follows the other two."""
    people = [await person(house, address) for address in ("7", "8", "9")]
    cases = []
    for number, pelapor in enumerate(people):
        first, second = people[number - 1], people[number - 2]
        made = await filed(house, pelapor, first)
        async with unit(house) as work:
            what = made.id, second.citizen_id, second.contact_id
            work.record(await following.follow(work.connection, *what))
        cases.append(made)
    return cases


def sqlstate(error: BaseException) -> str | None:
    return getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)


async def test_turns_and_officers_never_wait_in_a_circle(house: House, circle: list[Case]) -> None:
    """Each denial by a citizen tells two other chats, each move by an officer all three: in the wrong order of locks
    they would stop each other. A turn that finds a chat busy begins anew; an officer's verb waits, and never fails."""
    done = {"denied": 0, "moved": 0, "put off": 0}

    async def citizen(case: Case) -> None:
        for _ in range(ROUNDS):
            while True:
                try:
                    await act(house, case, "deny")
                    break
                except (DBAPIError, psycopg.Error) as error:
                    if sqlstate(error) != "55P03":
                        raise
                    done["put off"] += 1
                    await asyncio.sleep(0.002)

    async def officer(case: Case) -> None:
        for number in range(ROUNDS):
            agency = (PU, "16-dishub")[number % 2]
            async with unit(house) as work:
                parts = {"function": None, "category": None, "reason": None}
                work.record(await complaints.route(work.connection, case.ticket, OPERATOR, agency=agency, **parts))
            try:
                await move(house, case, ANSWERED, note="Sudah.")
                done["moved"] += 1
            except NotAllowed:
                continue

    async with asyncio.timeout(120):
        await asyncio.gather(*(work(case) for case in circle for work in (citizen, officer, officer)))
    assert done["put off"] > 0, "nobody was ever in anybody's way"
    # Whatever was done was told to everybody, once.
    said = dict(await rows(house.engine, "SELECT says->0->>0, count(*) FROM deliveries GROUP BY 1"))
    denied = await value(
        house.engine, "SELECT count(*) FROM complaint_history WHERE event = 'denied' AND was IS NOT NULL"
    )
    assert denied > 0
    assert said["push.moved"] == done["moved"]
    assert said["push.followed"] == 2 * (done["moved"] + denied)
