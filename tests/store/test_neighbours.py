"""Near-duplicates: two reports of one trouble are found, two troubles in one town are not, no secret one is told."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from making import contact, file, run, value
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import contacts, moves, neighbours
from store.neighbours import ASKED, SHOWN, Account, Neighbour, account, likeness

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
PALEMBANG, KALIDONI, MAKASSAR = "16.71", "16.71.10", "73.71"
HOLE = "Jalan Demang Lebar Daun berlubang besar, motor jatuh."
SAME_HOLE = "aspal jln demang lebar daun hancur, tolong ditambal"
PAIRS = tomllib.loads(Path(__file__).with_name("neighbour_pairs.toml").read_text(encoding="utf-8"))["pair"]

# --- invented pairs: what is found and what is right --------------------------------------------------


def both(pair: dict[str, Any]) -> tuple[Account, Account]:
    one, other = (
        account(
            side["text"],
            place=side.get("place"),
            function=side["function"],
            region=side.get("region", PALEMBANG),
            latitude=side.get("pin", (None, None))[0],
            longitude=side.get("pin", (None, None))[1],
            at=NOW + timedelta(days=days),
        )
        for side, days in ((pair["one"], 0), (pair["other"], pair.get("days", 0)))
    )
    return one, other


def precision_and_recall(half: str) -> tuple[float, float]:
    """Of the pairs that a citizen would be asked about, the share that is one; and the share of those that is asked."""
    judged = [(likeness(*both(pair)) >= ASKED, pair["same"]) for pair in PAIRS if pair["half"] == half]
    found = sum(asked and same for asked, same in judged)
    return found / sum(asked for asked, _ in judged), found / sum(same for _, same in judged)


def test_there_are_enough_pairs_of_both_kinds_in_both_halves() -> None:
    for half in ("develop", "measured"):
        same = [pair["same"] for pair in PAIRS if pair["half"] == half]
        assert len(same) >= 20
        assert 8 <= sum(same) <= len(same) - 8


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair["half"] == "develop"], ids=lambda p: p["other"]["text"]
)
def test_the_developing_pairs_are_judged_right(pair: dict[str, Any]) -> None:
    assert (likeness(*both(pair)) >= ASKED) is pair["same"]


def test_the_measured_pairs_are_judged_as_well_as_is_said() -> None:
    precision, recall = precision_and_recall("measured")
    assert precision >= 0.9
    assert recall >= 0.8


# --- what holds for any two ---------------------------------------------------------------------------

WORDS = st.sampled_from(
    "jalan jl lorong gang rt rw km blok smp pasar desa kelurahan kecamatan perumahan depan di sudirman sudirmn merdeka "
    "mawar cinde kalidoni sekayu 1 2 3 II IV berlubang rusak lampu mati air pdam sampah ktp saya . \x00 🙏 İ ß".split()
)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join) | st.text(st.characters(codec="utf-8"), max_size=40)
DETAILS = st.fixed_dictionaries(
    {
        "place": st.none() | TEXTS,
        "function": st.sampled_from([None, "pu", "pdam"]),
        "region": st.sampled_from([None, "", "16", PALEMBANG, KALIDONI, "16.71.11", MAKASSAR]),
        "latitude": st.sampled_from([None, -2.97, -2.9705, -2.98, 90.0, -90.0]),
        "longitude": st.sampled_from([None, 104.74, 104.7405, 180.0, -180.0]),
    }
)
MOMENTS = st.timedeltas(-timedelta(days=90), timedelta(days=90)).map(lambda shift: NOW + shift)
ACCOUNTS = st.builds(lambda text, details, at: account(text, at=at, **details), TEXTS, DETAILS, MOMENTS)


@given(ACCOUNTS, ACCOUNTS)
@settings(max_examples=400, deadline=None)
def test_likeness_is_the_same_both_ways_and_from_0_to_1(one: Account, other: Account) -> None:
    found = likeness(one, other)
    assert 0 <= found <= 1
    assert likeness(other, one) == found


@given(TEXTS, DETAILS)
@settings(max_examples=200, deadline=None)
def test_other_towns_are_not_alike_without_pins(text: str, details: dict[str, Any]) -> None:
    known = {**details, "latitude": None}
    one, other = (account(text, at=NOW, **{**known, "region": region}) for region in (PALEMBANG, MAKASSAR))
    assert likeness(one, other) == 0


@given(ACCOUNTS, st.floats(0, 60))
@settings(max_examples=200, deadline=None)
def test_time_between_never_makes_two_more_alike(one: Account, days: float) -> None:
    def after(shift: float) -> Account:
        return Account(one.said, one.function, one.region, one.pin, one.at + timedelta(days=shift))

    assert likeness(one, after(days)) <= likeness(one, after(days / 2))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((-2.97, 104.74), (-2.97, 104.74), 0),
        ((0.0, 0.0), (0.0, 1.0), 111_195),
        ((0.0, 179.5), (0.0, -179.5), 111_195),
        ((90.0, 0.0), (-90.0, 0.0), 20_015_087),
    ],
    ids=str,
)
def test_metres_are_those_on_the_sphere(one: tuple[float, float], other: tuple[float, float], expected: float) -> None:
    assert neighbours.metres(one, other) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        ("Jl. Jend. Sudirman rusak parah", {("jalan", "sudirman")}),
        ("di jalan 3 bulan rusak", set()),
        ("jalan rusak parah", set()),
        ("depan SMPN 1 Sekayu", {("smp", "1 sekayu")}),
        ("Jalan Merdeka Sekayu", {("jalan", "merdeka")}),
        ("gg. 03", {("gang", "3")}),
        ("PDAM Tirta Musi, dekat mesjid Al Falah", {("masjid", "al falah")}),
        ("", set()),
    ],
)
def test_spots_are_read_out_of_the_words(text: str, spots: set[tuple[str, str]]) -> None:
    assert account(text, at=NOW).said.spots == spots


def test_who_supplies_a_whole_town_is_no_name_of_a_place() -> None:
    assert account("PDAM Tirta Randik dak ngalir", at=NOW).said.names == frozenset()


# --- in the store ---------------------------------------------------------------------------------------


async def near(connection: AsyncConnection, text: str = SAME_HOLE, **details: Any) -> list[Neighbour]:
    known = {"function": "pu", "region": PALEMBANG, "latitude": None, "longitude": None, "at": datetime.now(UTC)}
    return await neighbours.neighbours(connection, text=text, **{**known, **details})


async def filed(connection: AsyncConnection, text: str = HOLE, **details: Any) -> int:
    return (await file(connection, text=text, **{"function": "pu", "region": PALEMBANG, **details})).complaint_id


async def test_the_same_hole_in_other_words_is_found(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        known = await filed(connection)
        await filed(connection, "Jalan R. Soekamto berlubang besar, motor jatuh.")
        await filed(connection, "Lampu di Jalan Demang Lebar Daun padam", function="dishub")
        [found] = await near(connection)
    assert (found.complaint_id, found.shared, found.metres, found.asked) == (known, ("jalan demang",), None, True)


async def test_the_most_alike_comes_first_whenever_it_was_filed(engine: AsyncEngine) -> None:
    for order in ((HOLE, "Jalan Demang Lebar Daun RT 4 berlubang"), ("Jalan Demang Lebar Daun RT 4 berlubang", HOLE)):
        async with engine.connect() as connection:
            ids = {text: await filed(connection, text) for text in order}
            found = await near(connection, "lubang besar jl demang lebar daun rt 9", least=0.0)
            await connection.rollback()
        assert [each.complaint_id for each in found] == [ids[HOLE], ids["Jalan Demang Lebar Daun RT 4 berlubang"]]
        assert [each.asked for each in found] == [True, False]


async def test_a_pin_close_by_is_enough(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        known = await filed(connection, "Lubang besar sekali", latitude=-2.97612, longitude=104.74531, region=None)
        await filed(connection, "Lubang besar sekali", latitude=-2.98812, longitude=104.74531)
        [found] = await near(connection, "aspal jeblos", latitude=-2.97570, longitude=104.74560)
    assert found.complaint_id == known
    assert found.metres == pytest.approx(57, abs=2)


@pytest.mark.parametrize("status", moves.STATUSES, ids=lambda status: status.key)
async def test_only_open_complaints_are_found(engine: AsyncEngine, status: moves.Status) -> None:
    async with engine.begin() as connection:
        await filed(connection)
    await run(engine, "UPDATE complaints SET status = :status", status=status.name)
    async with engine.connect() as connection:
        assert bool(await near(connection)) is not status.ends


@pytest.mark.parametrize(("days", "found"), [(59, True), (61, False)])
async def test_what_lies_too_far_back_is_not_found(engine: AsyncEngine, days: int, found: bool) -> None:
    async with engine.begin() as connection:
        await filed(connection)
    await run(engine, "UPDATE complaints SET filed_at = now() - make_interval(days => :days)", days=days)
    async with engine.connect() as connection:
        assert bool(await near(connection)) is found


async def test_an_outage_is_found_by_its_kecamatan(engine: AsyncEngine) -> None:
    water = {"function": "pdam", "region": KALIDONI}
    async with engine.begin() as connection:
        known = await filed(connection, "PDAM mati lagi, sudah dua hari tidak mandi", **water)
        await filed(connection, "PDAM mati lagi, sudah dua hari tidak mandi", function="pdam", region="16.71.14")
        found = await near(connection, "air ledeng tidak mengalir", **water)
    assert [(each.complaint_id, each.asked) for each in found] == [(known, True)]


async def test_a_crowd_on_the_same_street_does_not_hide_the_one_at_the_same_door(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        known = await filed(connection, "Jalan Sudirman depan Pasar Cinde berlubang")
        for number in range(neighbours.CANDIDATES + 20):
            await filed(connection, f"Jalan Sudirman depan SD {number} berlubang")
        # In one transaction all have one moment; the crowd is the newer.
        await connection.exec_driver_sql("UPDATE complaints SET filed_at = now() + make_interval(secs => id)")
        found = await near(connection, "lubang di Jl. Sudirman dekat pasar cinde")
    assert found[0].complaint_id == known


async def test_nothing_of_anybodys_words_is_in_what_is_returned(engine: AsyncEngine) -> None:
    """The asker's own "jalan demang" comes back; of the other's text nothing does, Anonim or not."""
    async with engine.begin() as connection:
        await filed(connection, HOLE + " Saya Siti dari rumah nomor 9, tetangga Pak Joko.", anonymous=True)
        [found] = await near(connection)
    said = repr(found).casefold()
    for word in ("siti", "joko", "rumah", "motor", "berlubang"):
        assert word not in said


async def test_voices_count_each_citizen_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        siti, budi = [await contacts.new_citizen(connection, name) for name in ("Siti", "Budi")]
        contact_id = await contact(connection)
        one = await filed(connection, citizen_id=siti)
        two = await filed(connection, citizen_id=siti)
        three = await filed(connection)
        assert await neighbours.voices(connection, [one, two, three]) == 2
    follow = "INSERT INTO complaint_parties VALUES (:complaint, :citizen, :role, :contact)"
    for citizen, role in ((budi, "pengikut"), (siti, "pengikut")):
        await run(engine, follow, complaint=one, citizen=citizen, role=role, contact=contact_id)
    async with engine.connect() as connection:
        assert await neighbours.voices(connection, [one, two, three]) == 3
        assert await neighbours.voices(connection, [two]) == 1
        assert await neighbours.voices(connection, []) == 0


async def test_titles_leave_out_the_secret(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        open_one, secret = await filed(connection, title="Jalan"), await filed(connection, secret=True)
        assert await neighbours.titles(connection, [open_one, secret]) == {open_one: "Jalan"}


COMPLAINT = st.fixed_dictionaries(
    {
        "text": TEXTS.map(lambda text: text.replace("\x00", "")),
        "secret": st.booleans(),
        "region": st.sampled_from([None, "16", PALEMBANG, KALIDONI, MAKASSAR]),
        "function": st.sampled_from([None, "pu", "pdam"]),
        "latitude": st.sampled_from([None, -2.97, -2.9705]),
        "longitude": st.sampled_from([None, 104.74, 104.7405]),
    }
)


@given(st.lists(COMPLAINT, min_size=1, max_size=6), TEXTS, DETAILS, st.integers(0, 4), st.integers(0, 5))
@example([{"text": HOLE, "secret": True, "region": PALEMBANG}], HOLE, {"region": PALEMBANG}, 4, 5)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_asked_the_answer_keeps_its_promises(
    engine: AsyncEngine, there: list[dict[str, Any]], text: str, details: dict[str, Any], most: int, which: int
) -> None:
    """Never itself, never a secret one, the best first, no more than wanted; any text is taken."""
    async with engine.connect() as connection:
        ids = [(await file(connection, **each)).complaint_id for each in there]
        besides = ids[which % len(ids)]
        found = await near(connection, text, **details, besides=besides, most=most, least=0.0)
        own = there[which % len(ids)]
        known = {name: own.get(name) for name in ("function", "region", "latitude", "longitude")}
        of_own = await near(connection, own["text"], **known, besides=besides)
        await connection.rollback()
    assert len(found) <= most
    likes = [each.likeness for each in found]
    assert likes == sorted(likes, reverse=True)
    assert all(each.likeness >= SHOWN for each in of_own)
    told = {each.complaint_id for each in [*found, *of_own]}
    assert besides not in told
    assert told <= {number for number, each in zip(ids, there, strict=True) if not each["secret"]}


async def test_one_moment_at_either_end_of_the_calendar_is_taken(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await filed(connection)
        for at in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
            assert await near(connection, at=at) == []


async def test_the_words_are_answered_from_their_index(engine: AsyncEngine) -> None:
    """The expression of the query is that of the index; otherwise every text would be read anew."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = await connection.exec_driver_sql(
            f"EXPLAIN SELECT id FROM complaints k WHERE {neighbours.WORDS} @@ to_tsquery('indonesian', 'demang')"  # noqa: S608
        )
        assert "ix_complaints_words" in " ".join(row[0] for row in plan)
    assert await value(engine, "SELECT count(*) FROM complaints") == 0
