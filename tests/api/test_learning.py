"""The house registers its model, says which labels nobody answers to, and gives out what it learned."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import structlog
from conftest import API_KEY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import rows, run, value

from api import facts
from api import house as houses
from api.app import build
from api.house import House, open_house
from api.learning import gaps, period
from api.settings import Settings
from api.suggesting import Suggester
from classifier import modelfile
from classifier.examples import read_examples
from store import learning, masterdata
from store.complaints import title_of
from store.migrate import ROOT

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
ROAD = "16.06-pu"
FIXTURE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def filed(desk: httpx.AsyncClient, text: str = STORY, **body: Any) -> str:
    answer = await desk.post("/complaints", json={"text": text, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


async def routed(desk: httpx.AsyncClient, ticket: str, **said: str) -> None:
    answer = await desk.post(f"/complaints/{ticket}/routing", json=said)
    assert answer.status_code == 200, answer.text


async def misroutes(desk: httpx.AsyncClient, **days: str) -> dict[str, Any]:
    answer = await desk.get("/misroutes", params=days)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# --- the registry -------------------------------------------------------------------------------------


async def test_every_suggestion_leads_to_the_model_that_made_it(desk: httpx.AsyncClient, inside: House) -> None:
    await filed(desk)
    [row] = await rows(inside.engine, "SELECT m.* FROM routings r JOIN models m ON m.version = r.model")
    assert row.sha256 == modelfile.seal(modelfile.PATH.read_bytes())
    assert row.version == f"{row.trained}.{row.sha256[:8]}"
    value, low, high = row.figures["trial"][0]["local"]["accuracy"]
    assert 0 < low <= value <= high <= 1


async def test_a_house_that_cannot_register_its_model_works_and_tries_again(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(settings, database, name="first") as first:
        await run(first.engine, "ALTER TABLE models RENAME TO elsewhere")
        with structlog.testing.capture_logs() as logged:
            app = build(settings, database)
            async with app.router.lifespan_context(app), client(app) as desk:
                assert await value(first.engine, "SELECT count(*) FROM complaints") == 0
                await filed(desk)
                house: House = app.state.house
                assert not house.registered
                assert [each["event"] for each in logged] == ["model_not_registered"]
                await run(first.engine, "ALTER TABLE elsewhere RENAME TO models")
                await houses._look_at_model(house)
                assert house.registered
                [model] = (await misroutes(desk))["models"]
                assert model["registered"]["sha256"].startswith(model["version"].split(".")[1])


def client(app: Any) -> httpx.AsyncClient:
    headers = {"X-API-Key": API_KEY}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/api/v1", headers=headers)


# --- labels -------------------------------------------------------------------------------------------


async def test_all_labels_of_the_shipped_model_have_an_agency(web: httpx.AsyncClient, inside: House) -> None:
    assert inside.suggester is not None
    assert inside.suggester.facts is not None
    assert len(inside.suggester.facts.functions) > 30
    assert (await web.get("/readyz")).json()["checks"]["labels"] == "ok"


async def test_a_label_without_an_agency_is_told_and_its_complaints_go_to_the_kominfo(
    settings: Settings, database: str
) -> None:
    async with open_house(settings, database, name="first") as first:
        await run(first.engine, "UPDATE agencies SET valid_to = current_date - 2 WHERE 'pu' = ANY(functions)")
    with structlog.testing.capture_logs() as logged:
        app = build(settings, database)
        async with app.router.lifespan_context(app), client(app) as desk:
            checks = (await desk.get("http://test/readyz")).json()["checks"]
            assert checks["labels"] == "without an agency today: pu; such complaints go to the Kominfo"
            found = (await desk.get(f"/complaints/{await filed(desk)}")).json()
            assert (found["function"], found["agency"]) == ("pu", "16.06-kominfo")
            # Said once, and again only when something has changed.
            await houses._look_at_model(app.state.house)
    warned = [(each["event"], each["function"]) for each in logged if each["log_level"] == "warning"]
    assert warned == [("label_without_agency", "pu")]


async def test_an_agency_that_the_desk_adds_closes_the_gap(house: House) -> None:
    await run(house.engine, "UPDATE agencies SET functions = array_remove(functions, 'kai')")
    await reread(house)
    assert house.gaps.without_agency == ("kai",)
    await run(house.engine, "UPDATE agencies SET functions = '{kai}' WHERE code = '16-kai'")
    await reread(house)
    assert str(house.gaps) == "ok"


async def reread(house: House) -> None:
    """What a house does every minute."""
    async with house.engine.connect() as connection:
        house.directory = await masterdata.directory(connection, house.settings.home_region)
    await houses._look_at_model(house)


async def test_a_label_that_no_file_knows_is_told_and_goes_to_the_kominfo(house: House) -> None:
    today = house.now().date()
    found = gaps(["pu", "naga", "pu", "angkasa"], house.directory.agencies, today)
    assert (found.unknown, found.without_agency) == (("angkasa", "naga"), ())
    assert str(found) == "unknown: angkasa, naga; such complaints go to the Kominfo"
    assert facts.office(house, "naga", "16.06.01", STORY).code == "16.06-kominfo"


# --- misroutes over REST ------------------------------------------------------------------------------


async def test_misroutes_are_for_whoever_has_a_key(web: httpx.AsyncClient) -> None:
    answer = await web.get("/api/v1/misroutes")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_misroutes_by_agency_function_and_model(desk: httpx.AsyncClient, inside: House) -> None:
    assert await misroutes(desk) == {"since": None, "until": None, "agencies": [], "models": []}
    tickets = [await filed(desk) for _ in range(4)]
    await routed(desk, tickets[0], function="dishub")
    await routed(desk, tickets[1], function="pu")
    await routed(desk, tickets[2], category="PERHUBUNGAN")
    found = await misroutes(desk)
    road, buses = found["agencies"]
    assert (road["code"], road["name"]) == (ROAD, inside.directory.names[ROAD])
    figures: dict[str, float | None] = {"filed": 4, "judged": 2, "away": 1, "to": 0, "denied": 0, "rate": 0.25}
    assert {name: road[name] for name in figures} == figures
    assert road["functions"] == [{"function": "pu", **figures}]
    figures = {"filed": 0, "judged": 0, "away": 0, "to": 1, "denied": 0, "rate": None}
    assert buses["code"] == "16.06-dishub"
    assert buses["functions"] == [{"function": "dishub", **figures}]
    [model] = found["models"]
    assert (model["filed"], model["away"], model["rate"]) == (4, 1, 0.25)
    assert model["registered"]["figures"]["functions"]["labels"] == len(inside.suggester.facts.functions)  # type: ignore[union-attr]


async def test_a_model_without_its_row_shows(desk: httpx.AsyncClient, inside: House) -> None:
    await filed(desk)
    await run(inside.engine, "DELETE FROM models")
    [model] = (await misroutes(desk))["models"]
    assert model["version"]
    assert model["registered"] is None


async def test_both_days_count_by_the_clocks_of_the_home_region(desk: httpx.AsyncClient, inside: House) -> None:
    await filed(desk)
    # 23:30 in Palembang
    await run(inside.engine, "UPDATE complaints SET filed_at = '2026-11-01 16:30:00+00'")
    for since, until, count in (
        ("2026-11-01", "2026-11-01", 1),
        ("2026-11-02", "2026-11-30", 0),
        ("2026-10-01", "2026-10-31", 0),
    ):
        found = await misroutes(desk, since=since, until=until)
        assert (found["since"], found["until"]) == (since, until)
        assert sum(each["filed"] for each in found["agencies"]) == count


DAYS = st.dates().map(str) | st.sampled_from(["0001-01-01", "9999-12-31", "kemarin", "", "\x00", "2026-02-30"])


@given(st.fixed_dictionaries({}, optional={"since": DAYS | st.text(max_size=9), "until": DAYS}))
@FIXTURE
async def test_any_days_get_a_sound_answer(desk: httpx.AsyncClient, days: dict[str, str]) -> None:
    params = {name: day.encode("utf-8", "ignore").decode() for name, day in days.items()}
    answer = await desk.get("/misroutes", params=params)
    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.headers["content-type"] == "application/problem+json"


OURS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(OURS, OURS, st.sampled_from(["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]))
def test_a_period_holds_its_days_and_no_other(one: date, other: date, name: str) -> None:
    since, until, zone = min(one, other), max(one, other), ZoneInfo(name)
    begin, end = period(since, until, zone)
    assert begin is not None
    assert end is not None
    moment = timedelta(microseconds=1)
    assert (begin.astimezone(UTC).astimezone(zone).date(), (begin - moment).date()) == (since, since - timedelta(1))
    assert ((end - moment).date(), end.date(), end.time()) == (until, until + timedelta(1), time())
    if since < until:
        with pytest.raises(ValueError, match="before the first"):
            period(until, since, zone)


# --- the commands -------------------------------------------------------------------------------------


def command(database: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A process of `python -m api` on this database, with no other setting."""
    bare = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return subprocess.run(
        [sys.executable, "-m", "api", *words],
        env=bare | {"DATABASE_URL": database},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


@contextmanager
def reading(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield list(csv.DictReader(file, strict=True))


async def test_the_classifier_learns_from_what_is_exported(
    desk: httpx.AsyncClient, database: str, tmp_path: Path
) -> None:
    strange = 'Bis "Trans", telat;\nsopir = @kasar\r\n\ttolong 🙏'
    moved = await filed(desk, strange, title="=Bis")
    await routed(desk, moved, function="dishub", category="Perhubungan")
    await routed(desk, await filed(desk), function="pu")
    await routed(desk, await filed(desk, "rahasia sekali", secret=True), function="pu")
    await filed(desk, "belum dilihat siapa pun")
    out = tmp_path / "koreksi.csv"
    ended = command(database, "export-corrections", "--out", str(out))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "2 rows; left out: 1 Rahasia, 0 erased, 0 without a known function\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert names(tmp_path) == [out.name]
    with reading(out) as found:
        assert tuple(found[0]) == learning.COLUMNS
        assert [(row["title"], row["text"]) for row in found] == [("=Bis", strange), (title_of(STORY), STORY)]
    examples = read_examples(out, {"perhubungan": "PERHUBUNGAN"})
    assert [(each.labels["functions"], each.labels["topics"]) for each in examples] == [
        ("dishub", "PERHUBUNGAN"),
        ("pu", ""),
    ]
    assert command(database, "export-corrections").stdout == out.read_text(encoding="utf-8")


async def test_a_class_of_the_store_is_one_of_the_training_file(house: House, database: str, tmp_path: Path) -> None:
    await run(house.engine, "INSERT INTO contacts (channel, address) VALUES ('telegram', '7')")
    for number, kind in enumerate(("pengaduan", "aspirasi", "permintaan_informasi"), start=1):
        await run(
            house.engine,
            """
            WITH k AS (
                INSERT INTO complaints
                    (ticket, channel, contact_id, report_class, title, text, anonymous, secret, status)
                SELECT :ticket, 'telegram', id, :kind, 'x', 'x', false, false, 'x' FROM contacts RETURNING id
            )
            INSERT INTO routings (complaint_id, actor_kind, actor_id, function, named)
            SELECT id, 'operator', 'ani', 'pu', '{function}' FROM k
            """,
            ticket=f"T-{number}",
            kind=kind,
        )
    out = tmp_path / "koreksi.csv"
    assert command(database, "export-corrections", "--out", str(out)).returncode == 0
    assert [each.labels["report_class"] for each in read_examples(out, {})] == [
        "pengaduan",
        "aspirasi",
        "permintaan_informasi",
    ]


async def test_since_is_the_first_day_of_decisions(desk: httpx.AsyncClient, inside: House, database: str) -> None:
    await routed(desk, await filed(desk), function="pu")
    # 00:30 of the second in Palembang
    await run(inside.engine, "UPDATE routings SET at = '2026-11-01 17:30:00+00'")
    for day, count in (("2026-11-02", 1), ("2026-11-03", 0)):
        ended = command(database, "export-corrections", "--since", day)
        assert len(ended.stdout.splitlines()) == 1 + count
        assert ended.stderr.startswith(f"{count} rows; ")


async def test_misroutes_are_printed_as_a_table(desk: httpx.AsyncClient, inside: House, database: str) -> None:
    tickets = [await filed(desk) for _ in range(4)]
    await routed(desk, tickets[0], function="dishub")
    today = datetime.now(inside.zone(None)).date().isoformat()
    ended = command(database, "misroutes", "--since", today, "--until", today)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines() if line]
    assert lines[0] == ["filed", "judged", "away", "to", "denied", "rate"]
    assert lines[1][:7] == [ROAD, "4", "1", "1", "0", "0", "25.0%"]
    assert " ".join(lines[1][7:]) == inside.directory.names[ROAD]
    assert lines[2] == ["pu", "4", "1", "1", "0", "0", "25.0%"]
    assert lines[3][:7] == ["16.06-dishub", "0", "0", "0", "1", "0", "-"]
    [version] = await rows(inside.engine, "SELECT version FROM models")
    assert lines[-1] == [version.version, "4", "1", "1", "1", "0", "25.0%"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["misroutes", "--since", "2026-11-02", "--until", "2026-11-01"],
            "The last day must not lie before the first.",
        ),
        (["misroutes", "--since", "0001-01-01"], "The days must lie in the years from 2000 to 2099."),
        (["misroutes", "--since", "kemarin"], "invalid fromisoformat value: 'kemarin'"),
        (["export-corrections", "--since", "9999-12-31"], "The days must lie in the years from 2000 to 2099."),
        (
            ["export-corrections", "--out", "/nowhere/koreksi.csv"],
            "/nowhere/koreksi.csv cannot be written: No such file",
        ),
        (["speaker", "--since", "2026-11-02"], "unrecognized arguments: --since 2026-11-02"),
        (["export_corrections"], "invalid choice: 'export_corrections'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_in_a_sentence(database: str, words: list[str], sentence: str) -> None:
    ended = command(database, *words)
    assert ended.returncode not in {0, None}
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_failed_export_leaves_the_file_of_before(house: House, database: str, tmp_path: Path) -> None:
    out = tmp_path / "koreksi.csv"
    out.write_text("before")
    await run(house.engine, "ALTER TABLE routings RENAME TO elsewhere")
    ended = command(database, "export-corrections", "--out", str(out))
    assert ended.returncode != 0
    assert names(tmp_path) == [out.name]
    assert out.read_text() == "before"


def test_the_shipped_facts_name_the_loaded_model() -> None:
    facts = Suggester.load().facts
    assert facts is not None
    assert facts.version == modelfile.read()[1] == f"{facts.trained}.{facts.sha256[:8]}"
