"""What persons decided becomes training rows, misroutes count each complaint once, and every model has its row."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, STORY, contact, file, rows, run, value
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import complaints, learning, migrate
from store.complaints import Actor, Event
from store.learning import Correction, Given, ModelDiffers, Tally, summed

OFFICER = Actor("agency", "16-pu")
PU, DISHUB, KOMINFO = "16-pu", "16-dishub", "16-kominfo"
MODEL = "2026-11-21.84f88473"
SHA256 = "84f88473" + "0" * 56


async def route(connection: AsyncConnection, event: Event, actor: Actor = OPERATOR, **said: str) -> None:
    parts: dict[str, Any] = {name: said.get(name) for name in ("function", "agency", "category", "reason")}
    await complaints.route(connection, event.ticket, actor, **parts)


async def exported(engine: AsyncEngine, since: datetime | None = None) -> list[Correction]:
    async with engine.connect() as connection:
        return [row async for row in learning.corrections(connection, since)]


async def left_out(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as connection:
        return await learning.left_out(connection)


async def decided(engine: AsyncEngine, said: dict[str, str], **details: Any) -> Event:
    """A complaint that the classifier gave to PU, and a person's word on it."""
    suggested: dict[str, Any] = {"function": "pu", "agency": PU, "category": "PERHUBUNGAN", "model": MODEL}
    async with engine.begin() as connection:
        event = await file(connection, **{**suggested, **details})
        await route(connection, event, OPERATOR, **said)
    return event


# --- training rows ------------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_training_file() -> None:
    assert ",".join(learning.COLUMNS) == "id,source,date,channel,report_class,category,title,text,agency,function"


async def test_a_decision_is_a_row_of_words(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        details = {"contact_id": await contact(connection), "draft": 1, "title": "Jalan rusak", "region": "73.71"}
        event = await file(connection, **details, report_class="permintaan_informasi", function="pu", agency=PU)
        await route(connection, event, function="dishub", agency=DISHUB, category="PERHUBUNGAN")
    # Already the next day in Makassar, not yet in Palembang.
    await run(engine, "UPDATE complaints SET filed_at = '2026-10-31 16:30:00+00'")
    assert await exported(engine) == [
        Correction(
            id=f"k{event.complaint_id}",
            source="operator",
            date="2026-11-01",
            channel="telegram",
            report_class="Permintaan Informasi",
            category="PERHUBUNGAN",
            title="Jalan rusak",
            text=STORY,
            agency="Dinas Perhubungan Provinsi Sumatera Selatan",
            function="dishub",
        )
    ]


async def test_what_only_the_classifier_said_is_not_learned(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await file(connection, function="pu", agency=PU, category="PERHUBUNGAN", model=MODEL)
    assert await exported(engine) == []
    await decided(engine, {"function": "pu"})
    await decided(engine, {"category": "KESEHATAN"})
    [row] = await exported(engine)
    # Its category and its class nobody has named or confirmed.
    assert (row.function, row.category, row.report_class) == ("pu", "", "")


async def test_a_confirmation_is_a_row_too(engine: AsyncEngine) -> None:
    await decided(engine, {"function": "pu", "agency": PU, "category": "PERHUBUNGAN"})
    assert [(row.function, row.category) for row in await exported(engine)] == [("pu", "PERHUBUNGAN")]


async def test_the_last_word_of_a_person_counts_whoever_it_is(engine: AsyncEngine) -> None:
    event = await decided(engine, {"function": "dishub", "agency": DISHUB})
    async with engine.begin() as connection:
        await route(connection, event, OFFICER, function="kominfo", agency=KOMINFO)
        await route(connection, event, Actor("system", "rules"), function="pu", agency=PU)
        await route(connection, event, category="TOPIK LAINNYA")
    assert [(row.function, row.category) for row in await exported(engine)] == [("kominfo", "TOPIK LAINNYA")]


@pytest.mark.parametrize(
    ("functions", "learned"),
    [
        (["dishub"], ["dishub"]),  # it does nothing else
        (["dishub", "pu"], ["pu"]),  # what stood there is one of its own
        (["dishub", "kominfo"], []),  # nobody can say which
        (["rukun_tetangga"], []),  # functions.csv does not know it
        ([], []),
    ],
    ids=str,
)
async def test_an_agency_alone_says_its_function_where_only_one_can_be_meant(
    engine: AsyncEngine, functions: list[str], learned: list[str]
) -> None:
    await run(engine, "UPDATE agencies SET functions = :functions WHERE code = :code", functions=functions, code=DISHUB)
    await decided(engine, {"agency": DISHUB})
    assert [row.function for row in await exported(engine)] == learned
    assert (await left_out(engine))["no_function"] == 1 - len(learned)


async def test_what_must_not_leave_the_store_does_not(engine: AsyncEngine) -> None:
    await decided(engine, {"function": "dishub"}, secret=True, text="rahasia sekali")
    await decided(engine, {"function": "dishub"}, text="akan dihapus", title="akan dihapus")
    await run(engine, "UPDATE complaints SET text = E' \\n' WHERE text = 'akan dihapus'")
    kept = await decided(engine, {"function": "dishub"}, anonymous=True)
    assert [row.id for row in await exported(engine)] == [f"k{kept.complaint_id}"]
    assert await left_out(engine) == {"secret": 1, "erased": 1, "no_function": 0}


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("Hubungi 0812-3456-7890 atau +62 813 1234 5678.", "Hubungi [TELP] atau [TELP]."),
        ("NIK saya 1671012345670001, KTP belum jadi", "NIK saya [NIK], KTP belum jadi"),
        ("balas ke siti.a@contoh.co.id ya", "balas ke alamat@surel ya"),
        ("Jalan 12 RT 03 RW 004, sejak 2023, Rp 250.000.000", "Jalan 12 RT 03 RW 004, sejak 2023, Rp 250.000.000"),
    ],
)
async def test_numbers_of_persons_are_masked(engine: AsyncEngine, written: str, masked: str) -> None:
    await decided(engine, {"function": "dishub"}, text=written, title=written)
    [row] = await exported(engine)
    assert (row.text, row.title) == (masked, masked)


async def test_since_is_the_moment_of_the_decision(engine: AsyncEngine) -> None:
    old = await decided(engine, {"function": "dishub"})
    again = await decided(engine, {"function": "dishub"})
    await run(engine, "UPDATE routings SET at = now() - interval '3 days'")
    async with engine.begin() as connection:
        await route(connection, again, function="pu")
    since = datetime.now(UTC) - timedelta(days=1)
    assert [(row.id, row.function) for row in await exported(engine, since)] == [(f"k{again.complaint_id}", "pu")]
    assert [row.id for row in await exported(engine)] == [f"k{old.complaint_id}", f"k{again.complaint_id}"]


# --- misroutes ----------------------------------------------------------------------------------------

AGENCIES = st.sampled_from([PU, DISHUB, KOMINFO, "16.71-pu"])
FUNCTIONS = st.sampled_from(["pu", "dishub", "kominfo"])
ROUTING = st.fixed_dictionaries(
    {}, optional={"function": FUNCTIONS, "agency": AGENCIES, "category": st.just("KESEHATAN")}
)
PERSON = st.sampled_from([OPERATOR, OFFICER])
CASE = st.fixed_dictionaries(
    {
        "agency": st.none() | AGENCIES,
        "function": st.none() | FUNCTIONS,
        "model": st.none() | st.sampled_from([MODEL, "2026-12-01.00000000"]),
        "said": st.lists(st.tuples(PERSON, ROUTING), max_size=4),
    }
)


@given(st.lists(CASE, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_complaint_counts_once_in_whatever_order_it_was_rerouted(
    engine: AsyncEngine, cases: list[dict[str, Any]], chance: Any
) -> None:
    """The misrouted of all agencies are the complaints whose last agency is not their first."""
    async with engine.connect() as connection:
        events = [
            await file(connection, agency=case["agency"], function=case["function"], model=case["model"])
            for case in cases
        ]
        # The routings of all complaints come mixed; those of one stay in their order.
        turns = [number for number, case in enumerate(cases) for _ in case["said"]]
        chance.shuffle(turns)
        said = [iter(case["said"]) for case in cases]
        for number in turns:
            actor, parts = next(said[number])
            await route(connection, events[number], actor, **parts)
        found = await learning.misroutes(connection)
        rows_given = [row async for row in learning.corrections(connection)]
        await connection.rollback()

    last = [_last_agency(case) for case in cases]
    moved = [(case["agency"], agency) for case, agency in zip(cases, last, strict=True) if case["agency"] != agency]
    agencies = summed(found, lambda given: given.agency)
    assert sum(tally.away for tally in agencies.values()) == len(moved)
    assert sum(tally.to for tally in agencies.values()) == len(moved)
    assert sum(tally.filed for tally in agencies.values()) == len(cases)
    for agency, tally in agencies.items():
        assert tally.filed == [case["agency"] for case in cases].count(agency)
        assert tally.away == [before for before, _ in moved].count(agency)
        assert tally.to == [after for _, after in moved].count(agency)
        assert tally.rate is None if tally.filed == 0 else tally.rate == tally.away / tally.filed
    for model, tally in summed(found, lambda given: given.model).items():
        assert tally.filed == [case["model"] for case in cases].count(model)
        assert tally.away == tally.to
    judged = [any({"function", "agency"} & set(parts) for _, parts in case["said"]) for case in cases]
    assert sum(tally.judged for tally in found.values()) == sum(judged)
    # And whatever is learned was judged, each complaint once.
    ids = [row.id for row in rows_given]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {f"k{event.complaint_id}" for event, yes in zip(events, judged, strict=True) if yes}


def _last_agency(case: dict[str, Any]) -> str | None:
    named: list[str] = [parts["agency"] for _, parts in case["said"] if "agency" in parts]
    first: str | None = case["agency"]
    return named[-1] if named else first


async def test_there_and_back_is_not_misrouted(engine: AsyncEngine) -> None:
    event = await decided(engine, {"function": "dishub", "agency": DISHUB})
    async with engine.begin() as connection:
        await route(connection, event, function="pu", agency=PU)
        found = await learning.misroutes(connection)
    assert found == {Given(PU, "pu", MODEL): Tally(filed=1, judged=1, away=0, to=0)}


async def test_misroutes_are_told_by_function_and_model(engine: AsyncEngine) -> None:
    await decided(engine, {"function": "dishub", "agency": DISHUB})
    await decided(engine, {"function": "pu", "agency": PU}, function=None, agency=KOMINFO, model=None)
    async with engine.connect() as connection:
        found = await learning.misroutes(connection)
    assert found == {
        Given(PU, "pu", MODEL): Tally(filed=1, judged=1, away=1),
        Given(DISHUB, "dishub", MODEL): Tally(to=1),
        Given(KOMINFO, None, None): Tally(filed=1, judged=1, away=1),
        Given(PU, "pu", None): Tally(to=1),
    }


async def test_the_day_of_filing_decides_which_complaints_count(engine: AsyncEngine) -> None:
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        await decided(engine, {"agency": DISHUB})
        await run(
            engine,
            "UPDATE complaints SET filed_at = CAST(:day AS timestamptz) WHERE id = (SELECT max(id) FROM complaints)",
            day=f"{day} 00:00:00+07",
        )
    for since, until, filed in ((None, None, 3), (2, None, 2), (None, 2, 1), (2, 3, 1), (4, None, 0)):
        begin, end = (
            None if day is None else datetime.fromisoformat(f"2026-11-0{day} 00:00:00+07:00") for day in (since, until)
        )
        async with engine.connect() as connection:
            found = await learning.misroutes(connection, begin, end)
        assert sum(tally.filed for tally in found.values()) == filed
        assert sum(tally.away for tally in found.values()) == filed


# --- the registry of models ---------------------------------------------------------------------------


async def register(engine: AsyncEngine, version: str = MODEL, sha256: str = SHA256, **figures: Any) -> None:
    async with engine.begin() as connection:
        await learning.register(connection, version, sha256, date(2026, 11, 21), figures)


async def test_many_processes_that_start_at_once_register_one_model(engine: AsyncEngine) -> None:
    await asyncio.gather(*(register(engine, functions={"accuracy": 0.718}) for _ in range(8)))
    async with engine.connect() as connection:
        [found] = (await learning.models(connection)).values()
    assert (found.version, found.sha256, found.trained) == (MODEL, SHA256, date(2026, 11, 21))
    assert found.figures == {"functions": {"accuracy": 0.718}}


async def test_a_model_keeps_its_first_day_and_gets_its_newest_figures(engine: AsyncEngine) -> None:
    await register(engine, accuracy=0.5)
    await run(engine, "UPDATE models SET registered_at = '2026-01-01', started_at = '2026-01-01'")
    await register(engine, accuracy=0.7)
    [row] = await rows(engine, "SELECT registered_at < started_at AS older, figures FROM models")
    assert (row.older, row.figures) == (True, {"accuracy": 0.7})


async def test_another_model_under_the_same_version_is_refused(engine: AsyncEngine) -> None:
    await register(engine, accuracy=0.5)
    with pytest.raises(ModelDiffers):
        await register(engine, sha256=SHA256[:-1] + "1", accuracy=0.9)
    assert await value(engine, "SELECT figures FROM models") == {"accuracy": 0.5}


async def test_a_version_that_does_not_fit_its_seal_is_refused(engine: AsyncEngine) -> None:
    with pytest.raises(IntegrityError):
        await register(engine, sha256="1" * 64)


async def test_the_model_of_the_last_start_comes_first(engine: AsyncEngine) -> None:
    later = "2026-12-01.11111111"
    for version, sha256 in ((MODEL, SHA256), (later, "1" * 64), (MODEL, SHA256)):
        await register(engine, version, sha256)
    async with engine.connect() as connection:
        assert list(await learning.models(connection)) == [MODEL, later]


async def test_a_complaint_is_filed_with_the_suggestion_of_a_model_that_nobody_registered(engine: AsyncEngine) -> None:
    await decided(engine, {"function": "pu"}, model="2020-01-01.ffffffff")
    assert await value(engine, "SELECT DISTINCT model FROM routings") == "2020-01-01.ffffffff"


# --- the migration ------------------------------------------------------------------------------------


@pytest.fixture
def before(server: str) -> Iterator[str]:
    """The URL of a database that is one version older than the registry."""
    name = f"before_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        command.upgrade(migrate.configuration(url), "20261121_2")
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_of_older_routings_what_changed_was_said(before: str) -> None:
    steps = [
        ("system", "classifier", "pu", PU, "A"),
        ("operator", "ani", "pu", DISHUB, "A"),
        ("operator", "ani", "pu", DISHUB, "A"),
        ("agency", "x", "dishub", DISHUB, "B"),
    ]
    with psycopg.connect(before, autocommit=True) as connection:
        connection.execute("INSERT INTO regions VALUES ('16', 'x', 'provinsi', NULL, 'Asia/Jakarta', '{}')")
        for agency in (PU, DISHUB):
            connection.execute(
                "INSERT INTO agencies (code, name, short, functions, region, level, confirmed, aliases, source)"
                " VALUES (%s, 'x', 'x', '{}', '16', 'provinsi', true, '{}', 'x')",
                [agency],
            )
        for ticket in ("T-1", "T-2"):
            connection.execute(
                "INSERT INTO complaints (ticket, channel, report_class, title, text, anonymous, secret, status)"
                " VALUES (%s, 'api', 'pengaduan', 'x', 'x', false, false, 'x')",
                [ticket],
            )
        for step in steps:  # of two complaints by turns
            connection.execute(
                "INSERT INTO routings (complaint_id, actor_kind, actor_id, function, agency, category)"
                " SELECT id, %s, %s, %s, %s, %s FROM complaints",
                step,
            )
        migrate.upgrade(before)
        found = connection.execute("SELECT named FROM routings ORDER BY complaint_id, id").fetchall()
    assert [named for [named] in found] == [[], ["agency"], [], ["function", "category"]] * 2
