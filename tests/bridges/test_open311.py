"""Reports that go to an Open311 city: what leaves, what came of it, how it is followed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from making import OPERATOR, in_this_loop, rows, value
from peers import open311_server
from peers.open311_server import ARGUMENTS, JURISDICTION, KEY, FakeOpen311
from running import web

from api.settings import Settings
from api.unit import unit
from bridges.contract import Category, File, Later, Place, Refused, Report, Taken, Unknown
from bridges.open311 import DESCRIPTION, Open311, describe
from bridges.wire import Limits
from store import complaints, moves

TICKET = "T-482-173-9051"
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu. Lubangnya dalam."
REPORT = Report(
    ticket=TICKET,
    report_class="pengaduan",
    title="Jalan rusak di Sekayu",
    text=STORY,
    filed_at=datetime(2026, 11, 22, 1, tzinfo=UTC),
    place=Place(words="depan SMP 1", district="Sekayu", city="Musi Banyuasin", latitude=-2.88, longitude=103.84),
    function="pekerjaan_umum",
    name="Budi Santoso Wijaya",
)
PARAMETERS: dict[str, Any] = {
    "jurisdiction_id": JURISDICTION,
    "services": {"pekerjaan_umum": "JLN-01", "118": "LMP-02"},
    "default_service": "LAIN",
}
PATIENT = Limits(connect=30, total=30)
OWN_KEY = "kunci-kanal-0123456789"
PNG = File("1", "foto.png", "image/png", b"\x89PNG")


@pytest.fixture
async def city() -> AsyncIterator[FakeOpen311]:
    """A server that takes reports."""
    async with FakeOpen311() as opened:
        yield opened


def bridge(city: FakeOpen311, *, limits: Limits = PATIENT, key: str = KEY, **parameters: Any) -> Open311:
    """Our client of it."""
    return Open311(city.url, key, PARAMETERS | parameters, limits=limits)


async def submit(city: FakeOpen311, report: Report = REPORT, **more: Any) -> Taken:
    async with bridge(city, **more) as opened:
        return await opened.submit(report, [PNG])


# --- what leaves ----------------------------------------------------------------------------------------------


async def test_a_report_is_there_once_with_its_place_and_our_ticket(city: FakeOpen311) -> None:
    taken = await submit(city)
    assert list(city.requests) == [taken.external_id]
    [form] = city.forms
    assert form == {
        "jurisdiction_id": JURISDICTION,
        "api_key": KEY,
        "service_code": "JLN-01",
        "lat": "-2.880000",
        "long": "103.840000",
        "address_string": "depan SMP 1, Sekayu, Musi Banyuasin",
        "description": f"Jalan rusak di Sekayu\n\n{STORY}\n\n[{TICKET}]",
        "first_name": "Budi",
        "last_name": "Santoso Wijaya",
    }
    assert city.problems == []


async def test_anonim_has_no_name_even_where_somebody_has_given_one(city: FakeOpen311) -> None:
    await submit(city, replace(REPORT, anonymous=True))
    assert "Budi" not in json.dumps(city.forms)
    assert not {"first_name", "last_name", "email", "phone"} & city.forms[0].keys()


async def test_rahasia_is_not_sent_even_where_somebody_asks(city: FakeOpen311) -> None:
    with pytest.raises(Refused, match="secret"):
        await submit(city, replace(REPORT, secret=True))
    assert city.forms == []


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (REPORT, "JLN-01"),
        (replace(REPORT, category=Category("118", "Lampu jalan")), "LMP-02"),
        (replace(REPORT, category=Category("999", "Lain")), "JLN-01"),
        (replace(REPORT, function="kesehatan"), "LAIN"),
        (replace(REPORT, function=None), "LAIN"),
    ],
)
async def test_the_service_is_that_of_the_category_else_of_the_function_else_the_default(
    city: FakeOpen311, report: Report, code: str
) -> None:
    await submit(city, report)
    assert city.forms[0]["service_code"] == code


@pytest.mark.parametrize("services", [{}, None, ["JLN-01"]])
async def test_without_a_service_nothing_is_sent(city: FakeOpen311, services: Any) -> None:
    with pytest.raises(Refused, match="no_service"):
        await submit(city, services=services, default_service="")
    assert city.forms == []


async def test_without_any_place_nothing_is_sent(city: FakeOpen311) -> None:
    with pytest.raises(Refused, match="invalid address"):
        await submit(city, replace(REPORT, place=Place(latitude=1.0, words=" ")))
    assert city.forms == []


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


@profile(max_examples=60)
@given(title=WORDS, text=WORDS, times=st.sampled_from([1, 60, 400]))
def test_a_description_fits_and_ends_with_the_ticket(title: str, text: str, times: int) -> None:
    told = describe(replace(REPORT, title=title, text=text * times))
    assert len(told) <= DESCRIPTION
    assert told.endswith(f"[{TICKET}]")
    if len(title) + len(text) * times < DESCRIPTION - 40:
        assert (text * times).strip() in told
        assert "…" not in told.replace(text * times, "").replace(title, "").replace((text * times).strip(), "")


def test_a_title_of_the_first_words_is_not_said_twice() -> None:
    assert describe(replace(REPORT, title="Jalan di depan SMP 1 Sekayu rusak…")) == f"{STORY}\n\n[{TICKET}]"


# --- what came of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("cut", "cut"), ("page", "unreadable"), ("nothing", "unreadable"), ("broken", "broken")],
)
async def test_what_was_taken_and_not_said_is_unknown(city: FakeOpen311, fault: Any, reason: str) -> None:
    city.faults.append(fault)
    with pytest.raises(Unknown) as caught:
        await submit(city)
    assert caught.value.reason == reason
    assert len(city.requests) == 1  # it is there, and nobody has told us


async def test_an_answer_that_does_not_come_is_unknown(city: FakeOpen311) -> None:
    city.faults.append("slow")
    with pytest.raises(Unknown, match="timeout"):
        await submit(city, limits=Limits(connect=30, total=1))
    assert len(city.requests) == 1


async def test_what_was_surely_not_taken_may_be_sent_later(city: FakeOpen311) -> None:
    city.faults.append("busy")
    with pytest.raises(Later) as caught:
        await submit(city)
    assert (caught.value.reason, caught.value.after) == ("busy", 7)
    async with Open311("http://127.0.0.1:1/v2", KEY, PARAMETERS, limits=PATIENT) as nowhere:
        with pytest.raises(Later, match="away"):
            await nowhere.submit(REPORT, [])
    assert city.requests == {}


async def test_a_wrong_key_and_a_wrong_service_are_refused(city: FakeOpen311) -> None:
    with pytest.raises(Refused, match="key"):
        await submit(city, key="lain")
    with pytest.raises(Refused, match="invalid 400"):
        await submit(city, services={}, default_service="TIDAK-ADA")
    assert city.requests == {}


async def test_a_server_that_takes_it_twice_by_itself_has_given_one_number(city: FakeOpen311) -> None:
    """Repetition is on their side alone: we have sent it once, and follow what we were told."""
    city.faults.append("repeated")
    taken = await submit(city)
    assert taken.external_id in city.requests
    assert len(city.requests) == 2


# --- how it is followed ---------------------------------------------------------------------------------------


async def test_a_token_becomes_a_number(city: FakeOpen311) -> None:
    city.tokens = True
    async with bridge(city) as opened:
        taken = await opened.submit(REPORT, [])
        assert taken == Taken(None, token="token1")
        standing = await opened.status(None, taken.token)
        assert (standing.external_id, standing.raw_status) == (None, None)
        number = city.number("token1")
        standing = await opened.status(None, taken.token)
        assert (standing.external_id, standing.raw_status) == (number, "open")
        with pytest.raises(Refused, match="not_found"):
            await opened.status(None, "token7")
        with pytest.raises(Refused, match="not_found"):
            await opened.status(None)
    assert city.problems == []


async def test_what_an_office_says_is_told_with_one_key_however_often_it_is_asked(city: FakeOpen311) -> None:
    number = (await submit(city)).external_id
    assert number
    async with bridge(city) as opened:
        assert (await opened.status(number)).log == []
        city.tell(number, "open", "Petugas menuju lokasi.")
        first, again = await opened.status(number), await opened.status(number)
        assert first == again
        [entry] = first.log
        assert (entry.raw_status, entry.words, entry.by) == ("open", "Petugas menuju lokasi.", "Dinas PUPR")
        assert entry.at == first.raw_status_at
        assert entry.at is not None
        assert entry.at.utcoffset() == timedelta(hours=7)
        city.tell(number, "closed", "Sudah ditambal.", "2026-11-23T09:30:00Z")
        closed = await opened.status(number)
        assert closed.raw_status == "closed"
        assert [each.key for each in closed.log] != [entry.key]


@pytest.mark.parametrize("at", ["kemarin", "", 5, None, "2026-11-22T08:00:00"])
async def test_a_moment_that_nobody_can_read_is_not_guessed(city: FakeOpen311, at: Any) -> None:
    number = (await submit(city)).external_id
    assert number
    city.tell(number, "closed", None, at)
    async with bridge(city) as opened:
        standing = await opened.status(number)
    assert standing.raw_status_at is None
    assert [(each.raw_status, each.words, each.at) for each in standing.log] == [("closed", None, None)]


@pytest.mark.parametrize("fault", ["cut", "page", "nothing", "broken", "busy"])
async def test_what_only_asks_is_never_unknown(city: FakeOpen311, fault: Any) -> None:
    number = (await submit(city)).external_id
    async with bridge(city) as opened:
        for ask in (lambda: opened.status(number), opened.categories):
            city.faults.append(fault)
            if fault == "nothing" and ask == opened.categories:
                assert await ask() == []
                continue
            with pytest.raises(Later):
                await ask()


async def test_another_report_than_the_one_asked_for_is_none(city: FakeOpen311) -> None:
    number = (await submit(city)).external_id
    assert number
    city.requests[number]["service_request_id"] = "SR/77"
    async with bridge(city) as opened:
        with pytest.raises(Later, match="unreadable"):
            await opened.status(number)


async def test_services_are_categories_and_the_rest_is_not_offered(city: FakeOpen311) -> None:
    async with bridge(city) as opened:
        assert (await opened.categories())[1] == Category("LMP-02", "Lampu jalan mati", "Jalan")
        for attempt in (
            lambda: opened.institutions("pupr"),
            lambda: opened.reply("1", "halo", "k"),
            lambda: opened.attach("1", PNG),
        ):
            with pytest.raises(Refused, match="not_offered"):
                await attempt()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["service_request_id", "token", "status", "status_notes", "updated_datetime", "x"]), inner
        )
    ),
    max_leaves=8,
)


async def test_whatever_a_server_says_with_200_is_an_outcome(city: FakeOpen311) -> None:
    """No answer, however odd, raises anything but a trouble."""
    number = (await submit(city)).external_id
    assert number

    @profile(max_examples=40, deadline=None)
    @given(said=JSON)
    async def check(said: Any) -> None:
        city.requests[number] = said
        async with bridge(city) as opened:
            try:
                came = (await opened.status(number)).raw_status
            except Later as trouble:
                came = trouble.reason
            assert came in ("open", "closed", "unreadable")

    await in_this_loop(check)


# --- with our own server --------------------------------------------------------------------------------------


async def test_what_we_file_with_ourselves_is_there_and_followed(settings: Settings, database: str) -> None:
    """Our client and our own house, which lets nobody read without a key."""
    keyed = Settings.model_validate(settings.model_dump() | {"open311_keys": f"kanal:{OWN_KEY}"})
    report = replace(REPORT, place=replace(REPORT.place, latitude=-2.8836, longitude=103.8301))
    async with web(keyed, database) as (address, house):
        async with Open311(f"{address}/open311/v2", OWN_KEY, {}, limits=PATIENT) as opened:
            services = await opened.categories()
            code = services[0].id
        parameters = {"default_service": code}
        async with Open311(f"{address}/open311/v2", OWN_KEY, parameters, limits=PATIENT) as opened:
            taken = await opened.submit(report, [])
            assert taken.external_id
            assert (await opened.status(taken.external_id)).raw_status == "open"
            async with unit(house) as work:
                archived = moves.read("Diarsipkan oleh Admin")
                assert archived
                ticket = await value(house.engine, "SELECT ticket FROM complaints")
                words = "Sudah ditangani."
                work.record(await complaints.move(work.connection, ticket, archived, OPERATOR, reason=None, note=words))
            standing = await opened.status(taken.external_id)
            assert standing.raw_status == "closed"
            assert [each.raw_status for each in standing.log] == ["closed"]
            assert await opened.status(taken.external_id) == standing
        [filed] = await rows(house.engine, "SELECT text, anonymous, secret FROM complaints")
        assert STORY in filed.text
        assert (filed.anonymous, filed.secret) == (False, False)
        async with Open311(f"{address}/open311/v2", "kunci-yang-lain-0123", parameters, limits=PATIENT) as stranger:
            with pytest.raises(Refused):
                await stranger.submit(report, [])


# --- against the standard -------------------------------------------------------------------------------------

standard = pytest.mark.skipif(
    open311_server.schemas() is None, reason="LAPOR_SHARED names no folder with peers/open311"
)


def schema(name: str) -> Any:
    folder = open311_server.schemas()
    assert folder
    return json.loads((folder / name).read_text(encoding="utf-8"))


@standard
@pytest.mark.parametrize(
    "place", [REPORT.place, replace(REPORT.place, latitude=None), Place(latitude=1.5, longitude=9.0)]
)
async def test_what_we_send_is_what_the_standard_describes(city: FakeOpen311, place: Place) -> None:
    await submit(city, replace(REPORT, place=place))
    [form] = city.forms
    described = schema("swagger.json")
    known = {each["name"]: each for each in described["parameters"].values()}
    for each in described["paths"]["/requests.{response_format}"]["post"]["parameters"]:
        each = known[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        known[each["name"]] = each
        if each.get("required") and each["in"] != "path":
            assert each["name"] in form
    for name, said in form.items():
        kind = known.get(name, {"type": "string"})["type"]
        jsonschema.validate(float(said) if kind == "number" else said, {"type": kind})
    assert form.keys() <= ARGUMENTS


@standard
async def test_the_server_of_these_tests_speaks_the_standard(city: FakeOpen311) -> None:
    number = (await submit(city)).external_id
    assert number
    city.tell(number, "closed", "Selesai.")
    jsonschema.Draft4Validator(schema("request.json")).validate(city.requests[number])
    jsonschema.Draft4Validator(schema("service.json")).validate(
        {**open311_server.SERVICES[0], "metadata": False, "type": "realtime"}
    )
