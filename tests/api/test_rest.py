"""The REST API: who may call, what is filed once, what operators change, and that nobody's words leak."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import API_KEY
from making import rows, run, value
from peers.bot_api import FakeBotApi

from api.house import House
from api.settings import Settings
from api.webhooks.telegram import take_update
from store import moves

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
FIRE = "Tolong, rumah tetangga saya kebakaran sekarang, apinya besar, di Plaju"
UNKNOWN = "T-000-000-0000"
ROUTES = [
    ("POST", "/complaints"),
    ("GET", "/complaints"),
    ("GET", f"/complaints/{UNKNOWN}"),
    ("GET", f"/complaints/{UNKNOWN}/files/1"),
    ("GET", f"/complaints/{UNKNOWN}/neighbours"),
    ("POST", f"/complaints/{UNKNOWN}/moves"),
    ("POST", f"/complaints/{UNKNOWN}/routing"),
    ("POST", f"/complaints/{UNKNOWN}/deny"),
    ("POST", f"/complaints/{UNKNOWN}/notes"),
    ("POST", "/suggest"),
    ("GET", "/attention"),
    ("GET", "/misroutes"),
]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


async def filed(desk: httpx.AsyncClient, **body: Any) -> str:
    """A complaint over the API; its ticket."""
    answer = await desk.post("/complaints", json={"text": STORY, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


async def read(desk: httpx.AsyncClient, ticket: str) -> dict[str, Any]:
    answer = await desk.get(f"/complaints/{ticket}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def filed_in_chat(house: House, telegram_api: FakeBotApi) -> str:
    """A complaint that a citizen filed over Telegram; its ticket."""
    citizen = telegram_api.citizen(77, "Siti Aminah")
    for words in (STORY, "tidak ada", "biasa saja", "ya"):
        await take_update(house, citizen.text(words), house.now())
        await run(house.engine, "UPDATE deliveries SET claimed_at = now(), sent_at = now() WHERE sent_at IS NULL")
    return str(await value(house.engine, "SELECT ticket FROM complaints"))


async def to_be_said(house: House) -> list[str]:
    """The text keys of what waits in the ledger."""
    found = await rows(house.engine, "SELECT says FROM deliveries WHERE sent_at IS NULL ORDER BY id")
    return [key for [says] in found for key, _ in says]


# --- who may call -----------------------------------------------------------------------------------


async def test_without_a_known_key_nothing_is_told(web: httpx.AsyncClient) -> None:
    for method, path in ROUTES:
        for key in (None, "", "wrong", API_KEY + "x", API_KEY.upper(), "kunci-é-0123456789"):
            headers = {} if key is None else {b"X-API-Key": key.encode()}
            answer = await web.request(method, f"/api/v1{path}", headers=headers, json={"text": "x", "status": "x"})
            problem(answer, 401)


async def test_each_key_has_its_name_in_the_history(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    assert [row["actor"] for row in (await read(desk, ticket))["history"]] == ["operator:test"]


# --- filing -------------------------------------------------------------------------------------------


async def test_a_complaint_is_filed_and_routed_by_its_words(desk: httpx.AsyncClient) -> None:
    answer = await desk.post("/complaints", json={"text": STORY})
    assert answer.status_code == 201
    receipt = answer.json()
    assert receipt["status"] == "Belum Terverifikasi"
    found = await read(desk, receipt["ticket"])
    assert found["text"] == STORY
    assert found["channel"] == "api"
    assert found["region"].startswith("16.06")
    assert found["agency_name"] == receipt["agency"]
    assert found["suggestion"]["reading"]["functions"]
    assert found["report_class"] == "pengaduan"


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("Jalan berlubang di Kecamatan Sukarami", "16.71.07"),
        ("Jalan berlubang di Kecamatan Ilir Timur", "16.71"),  # one of three, all in Palembang
        ("Jalan berlubang, di Makassar atau di Palembang", None),
        ("Jalan berlubang di Desa Sukaraja", None),  # there are many
    ],
)
async def test_a_region_is_taken_from_words_only_as_far_as_it_is_certain(
    desk: httpx.AsyncClient, words: str, region: str | None
) -> None:
    assert (await read(desk, await filed(desk, text=words)))["region"] == region
    assert (await read(desk, await filed(desk, text="Jalan berlubang", place=words)))["region"] == region


async def test_operators_see_what_was_promised(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    kept = (await read(desk, ticket))["suggestion"]
    said = (await desk.post("/suggest", json={"text": STORY})).json()
    assert kept["model"] == said["model"]
    reading = kept["reading"]
    assert (reading["likely"], reading["band"]) == (said["likely"], said["band"])
    assert (reading["danger"], reading["chatter"]) == (None, None)
    assert reading["office"] == {"certain": False, "why": "road_status_unknown"}


async def test_operators_see_the_words_that_speak_for_the_function_of_today(desk: httpx.AsyncClient) -> None:
    text = f"{STORY} Anak saya dirawat di puskesmas."
    ticket = await filed(desk, text=text, region="16.06")

    def strongest(body: dict[str, Any]) -> str:
        reason = body["reasons"][0]
        return text[reason["start"] : reason["end"]]

    found = await read(desk, ticket)
    assert found["function"] == "pu"
    assert strongest(found) in {"Jalan", "rusak"}
    corrected = await desk.post(f"/complaints/{ticket}/routing", json={"function": "dinkes"})
    assert strongest(corrected.json()) == "puskesmas"
    assert (await read(desk, ticket))["reasons"] == corrected.json()["reasons"]


@pytest.mark.parametrize("hidden", [{}, {"anonymous": True}, {"secret": True}])
async def test_operators_see_what_must_be_masked(desk: httpx.AsyncClient, hidden: dict[str, bool]) -> None:
    text = f"{STORY} Hubungi 081234567890 atau siti@example.com."
    found = await read(desk, await filed(desk, text=text, **hidden))
    assert found["text"] == text
    assert [(each["kind"], text[each["start"] : each["end"]]) for each in found["personal"]] == [
        ("phone", "081234567890"),
        ("email", "siti@example.com"),
    ]


async def test_a_suggestion_of_an_earlier_version_is_shown_as_it_is(desk: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(desk)
    old = {"functions": [["pu", 0.9]], "topics": [], "class": []}
    await run(inside.engine, "UPDATE routings SET suggested = CAST(:old AS jsonb)", old=json.dumps(old))
    assert (await read(desk, ticket))["suggestion"]["reading"] == old


async def test_a_danger_in_a_filed_complaint_waits_for_a_person_once(desk: httpx.AsyncClient, inside: House) -> None:
    first, second = [await post_with_key(desk, "one", text=FIRE, secret=True) for _ in range(2)]
    assert first.json() == second.json()
    answer = await desk.get("/attention")
    [matter] = answer.json()["items"]
    assert (matter["kind"], matter["detail"], matter["ticket"]) == ("danger", "fire", first.json()["ticket"])
    assert "tetangga" not in answer.text
    assert await value(inside.engine, "SELECT suggested->>'danger' FROM routings") == "fire"


async def test_what_is_given_stands_over_what_is_suggested(desk: httpx.AsyncClient) -> None:
    given = {
        "title": "Jalan rusak",
        "report_class": "aspirasi",
        "place": "Jalan Merdeka",
        "region": "16.71",
        "latitude": -2.99,
        "longitude": 104.75,
        "happened": "kemarin",
        "anonymous": True,
        "secret": True,
    }
    found = await read(desk, await filed(desk, **given))
    assert {name: found[name] for name in given} == given


async def test_the_region_of_an_unknown_village_is_that_of_its_district(desk: httpx.AsyncClient) -> None:
    found = await read(desk, await filed(desk, region="16.71.01.9999"))
    assert found["region"] == "16.71.01"


async def test_a_name_is_shown_to_operators(desk: httpx.AsyncClient) -> None:
    found = await read(desk, await filed(desk, name="Siti Aminah"))
    assert found["pelapor"] == "Siti Aminah"


async def test_the_name_on_an_anonymous_complaint_is_not_shown(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk, name="Siti Aminah", anonymous=True)
    answer = await desk.get(f"/complaints/{ticket}")
    assert answer.json()["pelapor"] is None
    assert "Siti" not in answer.text


async def test_a_body_that_does_not_fit_is_refused(desk: httpx.AsyncClient) -> None:
    bodies: list[Any] = [
        {},
        {"text": ""},
        {"text": "   \n "},
        {"text": 5},
        {"text": "x" * 100_001},
        {"text": "nol \x00 nol"},
        {"text": "x", "title": "x" * 101},
        {"text": "x", "report_class": "curhat"},
        {"text": "x", "region": "99.99"},
        {"text": "x", "region": ""},
        {"text": "x", "latitude": 91},
        {"text": "x", "longitude": "timur"},
        {"text": "x", "anonim": True},
        [],
        "text",
        None,
    ]
    for body in bodies:
        problem(await desk.post("/complaints", json=body), 422)


async def test_a_body_that_is_no_json_is_refused(desk: httpx.AsyncClient) -> None:
    for body in (b"{", b"text=halo", b"\xff\xfe", b'{"text": "x"}}', b"[" * 100_000):
        problem(await desk.post("/complaints", content=body, headers={"Content-Type": "application/json"}), 400)


async def test_half_a_character_is_refused(desk: httpx.AsyncClient) -> None:
    for body in (rb'{"text": "\ud800"}', rb'{"text": "x", "\ud800": 1}'):
        answer = await desk.post("/complaints", content=body, headers={"Content-Type": "application/json"})
        problem(answer, 422)


# --- once -----------------------------------------------------------------------------------------------


async def post_with_key(desk: httpx.AsyncClient, key: str, **body: Any) -> httpx.Response:
    return await desk.post("/complaints", json={"text": STORY, **body}, headers={"Idempotency-Key": key})


async def test_the_same_request_again_gives_the_same_ticket(desk: httpx.AsyncClient, inside: House) -> None:
    first, second = [await post_with_key(desk, "one") for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 1


async def test_the_same_key_with_another_request_is_a_conflict(desk: httpx.AsyncClient, inside: House) -> None:
    await post_with_key(desk, "one")
    problem(await post_with_key(desk, "one", text="Lampu mati"), 409)
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 1


async def test_another_key_is_another_complaint(desk: httpx.AsyncClient) -> None:
    first, second = await post_with_key(desk, "one"), await post_with_key(desk, "two")
    assert first.json()["ticket"] != second.json()["ticket"]


async def test_the_same_request_twenty_times_at_once_is_filed_once(desk: httpx.AsyncClient, inside: House) -> None:
    answers = await asyncio.gather(*(post_with_key(desk, "one") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ticket"] for answer in answers}) == 1
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 1


async def test_a_request_that_was_refused_may_use_its_key_again(desk: httpx.AsyncClient) -> None:
    problem(await post_with_key(desk, "one", region="99"), 422)
    assert (await post_with_key(desk, "one")).status_code == 201


async def test_an_odd_key_is_refused(desk: httpx.AsyncClient) -> None:
    for key in ("x" * 256, "with space", "é"):
        answer = await desk.post("/complaints", json={"text": STORY}, headers={b"Idempotency-Key": key.encode()})
        problem(answer, 422)


# --- reading ----------------------------------------------------------------------------------------------


async def test_a_ticket_is_found_however_it_is_written(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    for spelling in (ticket.lower(), ticket.replace("-", " "), ticket.replace("-", "")[1:]):
        assert (await read(desk, spelling))["ticket"] == ticket


@pytest.mark.parametrize("ticket", [UNKNOWN, "T-482-173-9055", "halo", "%00"])
async def test_there_is_nothing_under_an_unknown_ticket(desk: httpx.AsyncClient, ticket: str) -> None:
    for method, path in (route for route in ROUTES if UNKNOWN in route[1]):
        bodies = {
            "notes": {"text": "x"},
            "moves": {"status": "Terdisposisi"},
            "routing": {"category": "x"},
            "deny": {"reason": "x"},
        }
        body = bodies.get(path.rsplit("/", 1)[-1], {})
        problem(await desk.request(method, path.replace(UNKNOWN, ticket), json=body), 404)


async def test_a_correction_must_say_something(desk: httpx.AsyncClient) -> None:
    problem(await desk.post(f"/complaints/{await filed(desk)}/routing", json={"reason": "x"}), 422)


async def test_an_unknown_file_is_not_there(desk: httpx.AsyncClient) -> None:
    problem(await desk.get(f"/complaints/{await filed(desk)}/files/1"), 404)


async def test_a_stored_file_is_downloaded_and_never_run(desk: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(desk)
    await run(
        inside.engine,
        """INSERT INTO media (complaint_id, kind, channel, provider_id, state, sha256, content_type)
           SELECT id, 'document', 'webchat', 'x', 'stored', :sha256, 'application/pdf' FROM complaints""",
        sha256=inside.shelf.put(b"%PDF-1.4"),
    )
    [file] = (await read(desk, ticket))["files"]
    answer = await desk.get(f"/complaints/{ticket}/files/{file['id']}")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF-1.4", "application/pdf")
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    part = await desk.get(f"/complaints/{ticket}/files/{file['id']}", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PDF")
    other = await filed(desk)
    problem(await desk.get(f"/complaints/{other}/files/{file['id']}"), 404)


async def listed(desk: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await desk.get("/complaints", params=query)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_the_newest_complaint_is_listed_first(desk: httpx.AsyncClient) -> None:
    for title in ("one", "two", "three"):
        await filed(desk, title=title)
    assert await listed(desk) == ["three", "two", "one"]
    assert await listed(desk, limit=2) == ["three", "two"]


async def test_a_list_does_not_carry_the_text(desk: httpx.AsyncClient) -> None:
    await filed(desk, title="Jalan")
    assert "banyak motor jatuh" not in (await desk.get("/complaints")).text


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"region": "16"}, ["Palembang", "Sekayu"]),
    ({"region": "16.71"}, ["Palembang"]),
    ({"region": "73"}, []),
    ({"region": "%"}, []),
    ({"status": "diarsipkan oleh admin"}, ["Sekayu"]),
    ({"status": ""}, ["Palembang", "Sekayu"]),
    ({"report_class": "aspirasi"}, ["Palembang"]),
    ({"channel": "api"}, ["Palembang", "Sekayu"]),
    ({"channel": "telegram"}, []),
    ({"agency": "16.71-nowhere"}, []),
    ({"function": "nothing"}, []),
    ({"region": "16.71", "report_class": "pengaduan"}, []),
]


async def test_a_list_is_filtered(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk, title="Sekayu", region="16.06", report_class="pengaduan")
    await filed(desk, title="Palembang", region="16.71", report_class="aspirasi")
    await desk.post(f"/complaints/{ticket}/moves", json={"status": "Diarsipkan oleh Admin"})
    assert [(query, await listed(desk, **query)) for query, _ in FILTERED] == FILTERED


async def test_a_list_is_filtered_by_day(desk: httpx.AsyncClient) -> None:
    await filed(desk, title="today")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert await listed(desk, filed_from=(now - hour).isoformat(), filed_to=(now + hour).isoformat()) == ["today"]
    assert await listed(desk, filed_from=(now + hour).isoformat()) == []
    assert await listed(desk, filed_to=(now - hour).isoformat()) == []


async def test_paging_shows_each_complaint_once_while_others_are_filed(desk: httpx.AsyncClient) -> None:
    tickets = [await filed(desk, title=str(number)) for number in range(25)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        page = (await desk.get("/complaints", params=query)).json()
        seen += [item["ticket"] for item in page["items"]]
        cursor = page["next"]
        await filed(desk, title="meanwhile")
    assert seen == tickets[::-1]


async def test_an_odd_query_is_refused(desk: httpx.AsyncClient) -> None:
    odd = "cursor=x cursor=a1 cursor=k1 cursor=LTE limit=0 limit=201 limit=x filed_from=kemarin status=Beres region=%00"
    for query in odd.split():
        problem(await desk.get(f"/complaints?{query}"), 422)


# --- neighbours ---------------------------------------------------------------------------------------------


async def neighbours_of(desk: httpx.AsyncClient, ticket: str) -> dict[str, Any]:
    answer = await desk.get(f"/complaints/{ticket}/neighbours")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_operators_see_what_is_probably_the_same(desk: httpx.AsyncClient) -> None:
    first = await filed(desk, latitude=-2.8912, longitude=103.8401)
    second = await filed(desk, text="Aspal berlubang dekat SMPN 1 Sekayu", latitude=-2.8913, longitude=103.8403)
    await filed(desk, text="Sampah menumpuk di Jalan Merdeka Sekayu")
    found = await neighbours_of(desk, first)
    [row] = found["items"]
    assert (row["ticket"], row["title"]) == (second, "Aspal berlubang dekat SMPN 1 Sekayu")
    assert row["asked"] is True
    assert row["shared"] == ["smp 1 sekayu"]
    assert 20 < row["metres"] < 30
    assert found["voices"] == 1
    assert [row["ticket"] for row in (await neighbours_of(desk, second))["items"]] == [first]


async def test_a_secret_complaint_is_nobodys_neighbour(desk: httpx.AsyncClient) -> None:
    first = await filed(desk)
    await filed(desk, secret=True)
    assert await neighbours_of(desk, first) == {"items": [], "voices": 0}


# --- changing -----------------------------------------------------------------------------------------------


async def test_a_move_answers_with_what_comes_next(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    answer = await desk.post(f"/complaints/{ticket}/moves", json={"status": "terdisposisi ke Dinas PU", "reason": "x"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "Terdisposisi"
    assert answer.json()["allowed"] == list(moves.allowed("Terdisposisi"))
    assert [(row["event"], row["reason"]) for row in answer.json()["history"]] == [("filed", None), ("moved", "x")]


async def test_an_unknown_status_is_answered_with_the_known_ones(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    body = problem(await desk.post(f"/complaints/{ticket}/moves", json={"status": "Selesai"}), 422)
    assert body["known"] == [status.name for status in moves.STATUSES]


async def test_a_move_that_is_not_allowed_is_answered_with_those_that_are(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    body = problem(await desk.post(f"/complaints/{ticket}/moves", json={"status": "Ditutup oleh Admin"}), 409)
    assert body["allowed"] == list(moves.allowed("Belum Terverifikasi"))


async def test_a_corrected_function_leads_to_the_agency_of_the_region(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk, region="16.06")
    answer = await desk.post(f"/complaints/{ticket}/routing", json={"function": "dinkes", "reason": "soal puskesmas"})
    assert answer.status_code == 200
    assert answer.json()["function"] == "dinkes"
    assert re.match(r"16\.06-", answer.json()["agency"])
    row = answer.json()["history"][-1]
    assert (row["event"], row["became"]["function"], row["reason"]) == ("rerouted", "dinkes", "soal puskesmas")


async def test_a_corrected_agency_is_taken_as_given(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk, region="16.06")
    answer = await desk.post(f"/complaints/{ticket}/routing", json={"function": "pu", "agency": "16-pu"})
    assert answer.json()["agency"] == "16-pu"


async def test_a_correction_to_nowhere_is_refused(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    for body in ({"agency": "nowhere"}, {"function": "nothing"}, {"agency": ""}, {"opd": "16-pu"}):
        problem(await desk.post(f"/complaints/{ticket}/routing", json=body), 422)
    assert len((await read(desk, ticket))["history"]) == 1


async def test_a_denied_complaint_goes_back_to_the_kominfo_of_its_region(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk, region="16.06")
    given = (await read(desk, ticket))["agency"]
    await desk.post(f"/complaints/{ticket}/moves", json={"status": "Terdisposisi"})
    body = {"reason": "Itu jalan nasional."}
    headers = {"Idempotency-Key": "d-1"}
    for _ in range(2):
        answer = await desk.post(f"/complaints/{ticket}/deny", json=body, headers=headers)
        assert answer.status_code == 200
        found = answer.json()
        assert (found["status"], found["agency"]) == ("Belum Terverifikasi", "16.06-kominfo")
        [*_, before, row] = found["history"]
        assert (row["event"], row["was"]["agency"], row["reason"]) == ("denied", given, "Itu jalan nasional.")
        assert before["event"] == "moved"
    [matter] = (await desk.get("/attention")).json()["items"]
    assert (matter["kind"], matter["ticket"], matter["detail"]) == ("wrong_agency", ticket, given)
    [agency] = [each for each in (await desk.get("/misroutes")).json()["agencies"] if each["code"] == given]
    assert (agency["denied"], agency["judged"]) == (1, 0)


async def test_a_denial_must_say_why_and_what_has_ended_is_nobodys(desk: httpx.AsyncClient) -> None:
    ticket = await filed(desk)
    for body in ({}, {"reason": ""}, {"reason": "x", "agency": "16-pu"}):
        problem(await desk.post(f"/complaints/{ticket}/deny", json=body), 422)
    await desk.post(f"/complaints/{ticket}/moves", json={"status": "Diarsipkan oleh Admin"})
    assert problem(await desk.post(f"/complaints/{ticket}/deny", json={"reason": "x"}), 409)["allowed"] == []
    problem(await desk.post(f"/complaints/{UNKNOWN}/deny", json={"reason": "x"}), 404)


async def test_a_complaint_tells_its_clock_its_rating_and_who_follows(
    desk: httpx.AsyncClient, inside: House, telegram_api: FakeBotApi
) -> None:
    ticket = await filed_in_chat(inside, telegram_api)
    before = await read(desk, ticket)
    assert (before["clocks"], before["rating"], before["followers"]) == ([], None, 0)
    # A day whose deadline lies in the year that is shipped, whenever this runs.
    inside.skew = datetime(2026, 11, 20, 3, tzinfo=UTC) - datetime.now(UTC)
    await desk.post(f"/complaints/{ticket}/moves", json={"status": "Ditindaklanjuti oleh Instansi", "note": "Sudah."})
    await run(
        inside.engine,
        "INSERT INTO ratings (complaint_id, citizen_id, stars, comment)"
        " SELECT id, citizen_id, 2, 'Lama.' FROM complaints",
    )
    await run(inside.engine, "INSERT INTO citizens (name) VALUES ('Budi')")
    await run(
        inside.engine,
        "INSERT INTO complaint_parties (complaint_id, citizen_id, role)"
        " SELECT k.id, c.id, 'pengikut' FROM complaints k, citizens c WHERE c.name = 'Budi'",
    )
    found = await read(desk, ticket)
    [clock] = found["clocks"]
    assert (clock["kind"], clock["due_on"], clock["reminded_at"]) == ("close", "2026-12-04", None)
    assert (found["rating"]["stars"], found["rating"]["comment"], found["followers"]) == (2, "Lama.", 1)
    assert found["allowed"] == list(moves.allowed("Ditindaklanjuti oleh Instansi"))


async def test_the_day_is_kept_where_it_is_known_and_the_code_is_nowhere(
    desk: httpx.AsyncClient, inside: House
) -> None:
    ticket = await filed(desk, happened="Selasa lalu", happened_on="2026-11-17")
    await run(inside.engine, "UPDATE complaints SET code = 'ZZ99-CODE'")
    answer = await desk.get(f"/complaints/{ticket}")
    assert answer.json()["happened_on"] == "2026-11-17"
    assert "ZZ99" not in answer.text + (await desk.get("/complaints")).text
    problem(await desk.post("/complaints", json={"text": STORY, "happened_on": "kemarin"}), 422)


@pytest.mark.parametrize("public", [True, False])
async def test_a_note_is_in_the_history(desk: httpx.AsyncClient, public: bool) -> None:
    ticket = await filed(desk)
    answer = await desk.post(f"/complaints/{ticket}/notes", json={"text": "Mohon dicek.", "public": public})
    assert answer.status_code == 201
    row = answer.json()["history"][-1]
    assert (row["event"], row["note"], row["public"]) == ("noted", "Mohon dicek.", public)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("moves", {"status": "Terdisposisi"}, ["push.moved"]),
        (
            "moves",
            {"status": "Terdisposisi", "reason": "a", "note": "b"},
            ["push.moved", "push.reason", "push.officer"],
        ),
        ("routing", {"agency": "16-dinkes"}, ["push.rerouted"]),
        ("routing", {"category": "JALAN"}, []),
        ("notes", {"text": "x", "public": True}, ["push.message"]),
        ("notes", {"text": "x"}, []),
    ],
)
async def test_the_citizen_hears_of_what_concerns_them(
    desk: httpx.AsyncClient, inside: House, telegram_api: FakeBotApi, path: str, body: dict[str, Any], said: list[str]
) -> None:
    ticket = await filed_in_chat(inside, telegram_api)
    answer = await desk.post(f"/complaints/{ticket}/{path}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    assert await to_be_said(inside) == said


async def test_a_refused_move_says_nothing(desk: httpx.AsyncClient, inside: House, telegram_api: FakeBotApi) -> None:
    ticket = await filed_in_chat(inside, telegram_api)
    problem(await desk.post(f"/complaints/{ticket}/moves", json={"status": "Ditutup oleh Admin"}), 409)
    assert await to_be_said(inside) == []


async def test_the_name_of_a_citizen_of_the_chat_is_shown(
    desk: httpx.AsyncClient, inside: House, telegram_api: FakeBotApi
) -> None:
    assert (await read(desk, await filed_in_chat(inside, telegram_api)))["pelapor"] == "Siti Aminah"


# --- beside ---------------------------------------------------------------------------------------------------


async def test_a_suggestion_names_agency_and_confidence(desk: httpx.AsyncClient) -> None:
    body = (await desk.post("/suggest", json={"text": STORY})).json()
    assert body["model"]
    assert body["functions"][0]["label"] == "pu"
    assert 0 < body["functions"][0]["confidence"] <= 1
    assert body["agency"]["code"].startswith("16")
    assert isinstance(body["agency"]["certain"], bool)


async def test_a_suggestion_says_how_sure_it_is_and_why(desk: httpx.AsyncClient) -> None:
    text = f"{STORY} Hubungi 081234567890."
    body = (await desk.post("/suggest", json={"text": text})).json()
    assert body["likely"][0] == "pu"
    assert body["band"] in {"auto", "ask"}
    assert (body["danger"], body["chatter"]) == (None, None)
    assert {"Jalan", "rusak"} <= {text[each["start"] : each["end"]] for each in body["reasons"]}
    assert all(0 < each["weight"] <= 1 for each in body["reasons"])
    assert [(each["kind"], text[each["start"] : each["end"]]) for each in body["personal"]] == [
        ("phone", "081234567890")
    ]


async def test_a_suggestion_tells_dangers_and_what_is_no_complaint(desk: httpx.AsyncClient) -> None:
    for text, danger, chatter in ((FIRE, "fire", None), ("Selamat pagi", None, "greeting"), ("", None, "empty")):
        body = (await desk.post("/suggest", json={"text": text})).json()
        assert (body["danger"], body["chatter"]) == (danger, chatter)


@pytest.mark.parametrize(
    ("text", "function", "code", "certain", "why"),
    [
        ("Guru SMA Negeri 1 Sekayu menarik pungutan dari siswa", "disdik", "16-disdik", True, "school_level_province"),
        ("Guru SD Negeri 5 Sekayu menarik pungutan dari siswa", "disdik", "16.06-disdik", True, "school_level_kabkota"),
        ("Guru SMP Negeri 2 Palembang memukul siswa", "disdik", "16.71-disdik", True, "school_level_kabkota"),
        ("Guru di sekolah Sekayu menarik pungutan dari siswa", "disdik", "16.06-disdik", False, "school_level_unknown"),
        ("Guru madrasah MTs Negeri Sekayu belum menerima sertifikasi", "kemenag", "16.06-kemenag", True, "mandate"),
        (STORY, "pu", "16.06-pu", False, "road_status_unknown"),
    ],
)
async def test_a_suggestion_says_whether_the_office_is_certain(
    desk: httpx.AsyncClient, text: str, function: str, code: str, certain: bool, why: str
) -> None:
    body = (await desk.post("/suggest", json={"text": text})).json()
    agency = body["agency"]
    assert body["functions"][0]["label"] == function
    assert (agency["code"], agency["certain"], agency["why"]) == (code, certain, why)


async def test_a_madrasah_that_is_taken_for_a_school_still_leads_to_the_kemenag(
    desk: httpx.AsyncClient,
) -> None:
    ticket = await filed(desk, text="Guru madrasah di Sekayu menarik pungutan", region="16.06")
    answer = await desk.post(f"/complaints/{ticket}/routing", json={"function": "disdik"})
    assert answer.json()["agency"] == "16.06-kemenag"


async def test_where_nothing_is_known_kominfo_decides(desk: httpx.AsyncClient) -> None:
    for text in ("", "asdf qwer", "🙏🙏🙏"):
        answer = await desk.post("/suggest", json={"text": text, "region": "16.06"})
        assert answer.json()["agency"]["code"] == "16.06-kominfo"


async def test_nothing_waits_for_a_person_at_first(desk: httpx.AsyncClient) -> None:
    assert (await desk.get("/attention")).json() == {"items": []}


async def test_the_api_describes_itself(web: httpx.AsyncClient) -> None:
    described = (await web.get("/api/v1/openapi.json")).json()
    assert set(described["paths"]) >= {"/api/v1/complaints", "/api/v1/complaints/{ticket}/moves", "/readyz"}


# --- nobody's words leak ----------------------------------------------------------------------------------------


async def test_an_error_does_not_repeat_what_was_sent(desk: httpx.AsyncClient) -> None:
    bodies: list[Any] = [
        {"text": "rahasia sekali", "report_class": "rahasia sekali"},
        {"text": {"rahasia sekali": 1}},
        {"text": "x", "rahasia sekali": 1},
        {"text": "x", "title": "rahasia sekali " * 20},
        ["rahasia sekali"],
    ]
    for body in bodies:
        answer = await desk.post("/complaints", json=body)
        problem(answer, 422)
        assert "rahasia" not in answer.text


async def test_a_misspelt_member_is_named(desk: httpx.AsyncClient) -> None:
    body = problem(await desk.post("/complaints", json={"text": "x", "anonim": True}), 422)
    assert [error["loc"] for error in body["errors"]] == [["body", "anonim"]]


async def test_a_defect_is_told_without_anybodys_words(
    desk: httpx.AsyncClient, inside: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL's own message quotes the whole row."""
    await run(inside.engine, "ALTER TABLE complaints ADD CONSTRAINT broken CHECK (length(text) < 5)")
    answer = await desk.post("/complaints", json={"text": "rahasia sekali"})
    problem(answer, 500)
    assert "rahasia" not in answer.text
    assert "rahasia" not in caplog.text
    printed = capfd.readouterr()
    assert "rahasia" not in printed.out + printed.err
    assert "defect" in caplog.text + printed.out + printed.err


async def test_the_keys_are_in_no_answer(desk: httpx.AsyncClient, settings: Settings) -> None:
    assert API_KEY not in repr(settings)
    for path in ("/complaints", "/attention", "/openapi.json"):
        assert API_KEY not in (await desk.get(path)).text


# --- other systems ----------------------------------------------------------------------------------------------------


async def test_a_complaint_tells_where_it_stands_in_other_systems(desk: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(desk)
    [waiting] = (await read(desk, ticket))["references"]
    assert waiting == {
        "system": "sp4n",
        "agency": None,
        "state": "waiting",
        "external_id": None,
        "raw_status": None,
        "raw_status_at": None,
    }
    there = """
        UPDATE complaint_references SET state = 'confirmed', external_id = '9171234', raw_status = 'Dalam Penelaahan',
               raw_status_at = '2026-11-22T03:00:00Z'
    """
    await run(inside.engine, there)
    [known] = (await read(desk, ticket))["references"]
    assert (known["state"], known["external_id"], known["raw_status"]) == ("confirmed", "9171234", "Dalam Penelaahan")
    assert datetime.fromisoformat(known["raw_status_at"]) == datetime(2026, 11, 22, 3, tzinfo=UTC)
    moved = await desk.post(f"/complaints/{ticket}/moves", json={"status": "Terdisposisi"})
    assert moved.json()["references"] == [known]
