"""How fast the desk answers with 100,000 complaints in the store, and by which plans.

`python -m bench.desk` fills a fresh database with complaints that nobody wrote (words drawn as they are in a language:
few are common, most are rare), starts `python -m api web` on it, and asks for pages over HTTP with the sessions of
three officers: of a province, of a kota, of an agency. With `--plans DIR` it runs every statement of each page once
more under EXPLAIN (ANALYZE, BUFFERS) and writes down what PostgreSQL did.

The server is the embedded one, in a temporary folder; DATABASE_URL names another, on which a database is created and
dropped again; `--keep DIR` keeps the embedded one and its complaints for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import math
import os
import random
import secrets
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import event

from api.app import build
from api.running import prepare
from api.settings import Settings
from bench.processes import ROOT, Child, environment, free_port, wait_for
from bench.turns import serve, stopping
from desk.access import COOKIE
from store import policy, staff, tickets
from store.database import connect
from store.policy import Grant

SEED = 20261122
LEXICON = ROOT / "store" / "data" / "neighbour_words.toml"
OPEN_SHARE = 0.05
FUNCTIONS = ("pu", "dlh", "dishub", "dukcapil", "dinkes", "disdik", "pdam")
TARGET_MS = 100.0
PROVINCE, CITY, AGENCY = "16", "16.71", "16.71-pu"
OFFICERS = {
    "province": Grant(policy.ADMIN_INSTANSI, region=PROVINCE),
    "city": Grant(policy.ADMIN_INSTANSI, region=CITY),
    "agency": Grant(policy.PEJABAT, agency=AGENCY),
}


def note(words: str) -> None:
    """Tell how far we are."""
    print(words, file=sys.stderr, flush=True)


# --- complaints that nobody wrote --------------------------------------------------------------------------------

_SYLLABLES = "ba be bi bo da di du ga ka ki ku la li ma mi mu na ni pa pe ra ri sa si su ta te ti tu wa ya".split()
# No word that begins the name of a place ("di", "jalan"): what comes after it would be read as one.
_COMMON = (
    "yang dan sudah belum tidak ini itu ada kami saya mohon untuk warga sejak dengan rusak air lampu sampah banyak "
    "lama karena tolong dinas pak bulan hari lalu sangat anak"
).split()
RARE, MIDDLE, EVERY = "gorongterong", "jembatan", "jalan"


class Words:
    """Words by Zipf's law: the n-th is n times as rare as the first.

    The common ones are of every day, which the search for neighbours takes for no names; the rare ones are made up.
    """

    def __init__(self, chance: random.Random, count: int = 20_000) -> None:
        self._chance = chance
        made = {"".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(count)}
        everyday = sorted(set(" ".join(tomllib.loads(LEXICON.read_text())["ordinary"]).split()) - set(_COMMON))
        chance.shuffle(everyday)
        self._words = [*_COMMON, *everyday, *sorted(made - {*_COMMON, *everyday})]
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self._words))))

    def some(self, count: int) -> str:
        """So many words."""
        return " ".join(self._chance.choices(self._words, cum_weights=self._weights, k=count))

    def place(self) -> str:
        """A street, which is one of some thousands, or a bridge."""
        street = self._words[-1 - self._chance.randrange(4000)].capitalize()
        return f"jembatan {street}" if self._chance.random() < 0.1 else f"jalan {street}"


@dataclass(frozen=True, slots=True)
class Life:
    """What became of a complaint: its status, the statuses before it, and the clocks that run for it."""

    status: str
    before: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    share: float = 1.0
    disposed: bool = True


_T, _D, _S = "Terdisposisi", "Ditindaklanjuti oleh Instansi", "Selesai otomatis dalam 10 hari"
OPEN = (
    Life("Belum Terverifikasi", clocks=("verify",), share=30, disposed=False),
    Life(_T, (), ("follow_up", "handle"), share=30),
    Life(_D, (_T,), ("handle", "close"), share=20),
    Life(_S, (_T, _D), ("close",), share=12),
    Life("Menunggu Kelengkapan Informasi", (), ("archive",), share=5, disposed=False),
    Life("Ditanggapi oleh Pelapor", (_T, _D), ("handle",), share=3),
)
CLOSED = (
    Life("Ditutup oleh Sistem", (_T, _D, _S), share=65),
    Life("Ditutup oleh Pelapor", (_T, _D, _S), share=12),
    Life("Diarsipkan oleh Admin", (), share=15, disposed=False),
    Life("Diarsipkan oleh Sistem", (), share=8, disposed=False),
)


class Filling:
    """Rows for every table that a page reads, in the order of the complaints' ids."""

    def __init__(self, connection: psycopg.Connection[Any], count: int) -> None:
        self.chance = random.Random(SEED)
        self.words = Words(self.chance)
        self.count, self.now = count, datetime.now(UTC)
        self.tickets: set[str] = set()
        rows = connection.execute("SELECT code, kind FROM regions WHERE kind IN ('kabupaten', 'kota', 'kecamatan')")
        known = rows.fetchall()
        cities = [code for code, kind in known if kind != "kecamatan"]
        self.districts: dict[str, list[str]] = {city: [] for city in cities}
        for code, kind in known:
            if kind == "kecamatan" and code[:5] in self.districts:
                self.districts[code[:5]].append(code)
        agencies = {row[0] for row in connection.execute("SELECT code FROM agencies")}
        self.agencies = {
            city: [code for name in FUNCTIONS if (code := f"{city}-{name}") in agencies] for city in cities
        }
        self.cities = [city for city in cities if self.agencies[city] and self.districts[city]]
        # The two capitals file a third of all.
        self.weights = [len(self.cities) / 4 if city in ("16.71", "73.71") else 1.0 for city in self.cities]

    def lives(self) -> Iterator[tuple[int, datetime, Life]]:
        """Number, moment and fate of each; what is open is mostly new."""
        newest = int(self.count * 0.9)
        for number in range(1, self.count + 1):
            at = self.now - timedelta(days=730) * (1 - number / self.count) - timedelta(minutes=1)
            likely = OPEN_SHARE * (9 if number > newest else 0.1 / 0.9)
            fates = OPEN if self.chance.random() < likely else CLOSED
            yield number, at, self.chance.choices(fates, [fate.share for fate in fates])[0]

    def fill(self, connection: psycopg.Connection[Any]) -> None:
        """Write everything. The full-text index is made afterwards, as after a restore."""
        index = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_complaints_words'").fetchone()
        assert index is not None
        connection.execute("DROP INDEX ix_complaints_words")
        people = max(1, self.count * 6 // 10)
        _copy(connection, "citizens", "id name", ((n, f"Warga {n}") for n in range(1, people + 1)))
        contacts = ((n, "telegram", str(n), n, f"Warga {n}") for n in range(1, people + 1))
        _copy(connection, "contacts", "id channel address citizen_id name", contacts)
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _COLUMNS}
        for number, at, life in self.lives():
            self._one(rows, number, at, life, self.chance.randint(1, people))
            if number % 5000 == 0 or number == self.count:
                for name, columns in _COLUMNS.items():
                    _copy(connection, name, columns, rows[name])
                    rows[name].clear()
        for name, last in (("complaints", self.count), ("citizens", people), ("contacts", people)):
            connection.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [name, last])
        note("  the full-text index")
        connection.execute(index[0].encode())
        connection.execute("""
            INSERT INTO attention (kind, complaint_id, detail)
            SELECT CASE WHEN id % 3 = 0 THEN 'danger' WHEN status = 'Ditanggapi oleh Pelapor' THEN 'disputed'
                        ELSE 'wrong_agency' END, id, 'bench'
            FROM complaints WHERE status IN ('Belum Terverifikasi', 'Ditanggapi oleh Pelapor') AND id % 20 = 0
        """)
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")

    def _ticket(self) -> str:
        """A number that no other has: of 100,000 random ones some are the same."""
        while (ticket := tickets.new()) in self.tickets:
            pass
        self.tickets.add(ticket)
        return ticket

    def _one(self, rows: Mapping[str, list[tuple[Any, ...]]], number: int, at: datetime, life: Life, who: int) -> None:
        chance = self.chance
        city = chance.choices(self.cities, self.weights)[0]
        agency = chance.choice(self.agencies[city])
        function = agency.rpartition("-")[2]
        region = None if chance.random() < 0.02 else chance.choice([city, *self.districts[city]])
        unsure = chance.random() < 0.15
        confidence = round(chance.uniform(0.05, 0.35) if unsure else chance.uniform(0.35, 0.99), 3)
        place = self.words.place() if chance.random() < 0.6 else None
        story = self.words.some(chance.randint(15, 80))
        if chance.random() < 0.5:
            story += f". Tempatnya {place or self.words.place()}, depan rumah warga."
        if number % 4999 == 0:
            story += f" {RARE}"
        pinned = chance.random() < 0.4
        rows["complaints"].append(
            (
                number,
                self._ticket(),
                who,
                who,
                number,
                chance.choice(("telegram", "webchat")),
                chance.choices(("pengaduan", "aspirasi", "permintaan_informasi"), (80, 12, 8))[0],
                self.words.some(chance.randint(4, 9))[:100],
                story,
                place,
                region,
                -2.9 + chance.random() if pinned else None,
                104.7 + chance.random() if pinned else None,
                chance.random() < 0.2,
                chance.random() < 0.1,
                life.status,
                None if unsure and chance.random() < 0.5 else function,
                agency,
                len(life.before) + 2,
                confidence,
                at,
                min(self.now, at + timedelta(days=len(life.before) * 3)),
            )
        )
        rows["complaint_parties"].append((number, who, "pelapor", who))
        became = ["Belum Terverifikasi", *life.before, life.status]
        for step, status in enumerate(became):
            moment = min(self.now, at + timedelta(days=3 * step))
            actor = ("citizen", str(who)) if step == 0 else ("operator", "staff:1")
            kind = "filed" if step == 0 else "moved"
            said = self.words.some(20) if step > 1 else None
            rows["complaint_history"].append((number, moment, *actor, kind, json.dumps({"status": status}), said, True))
        suggested = json.dumps({"functions": [[function, confidence], ["pu", 0.05]], "band": "check"})
        rows["routings"].append((number, at, "system", "classifier", suggested, function, agency, []))
        if life.disposed:
            ended = None if life in OPEN else at + timedelta(days=9)
            rows["routings"].append((number, at, "operator", "staff:1", suggested, function, agency, ["agency"]))
            rows["dispositions"].append((number, agency, True, at, ended, "closed" if ended else None))
        for kind in ("verify", "follow_up", "handle"):
            if kind not in life.clocks:
                rows["clocks"].append((number, kind, at, at.date(), at + timedelta(days=5), at + timedelta(days=2)))
        for kind in life.clocks:
            due = at + timedelta(days=20 if kind == "handle" else 14, hours=chance.randint(0, 400))
            rows["clocks"].append((number, kind, at, due.date(), due, None))
        if chance.random() < 0.35:
            rows["media"].append((number, who, "photo", "telegram", f"f{number}", "stored", "image/jpeg", "0" * 64))


_COLUMNS = {
    "complaints": (
        "id ticket citizen_id contact_id draft channel report_class title text place region latitude longitude "
        "anonymous secret status function agency version confidence filed_at changed_at"
    ),
    "complaint_parties": "complaint_id citizen_id role contact_id",
    "complaint_history": "complaint_id at actor_kind actor_id event became note public",
    "routings": "complaint_id at actor_kind actor_id suggested function agency named",
    "dispositions": "complaint_id agency leads disposed_at ended_at ended_because",
    "clocks": "complaint_id kind started_at due_on due_at stopped_at",
    "media": "complaint_id contact_id kind channel provider_id state content_type sha256",
}


def _copy(connection: psycopg.Connection[Any], table: str, columns: str, rows: Any) -> None:
    statement = f"COPY {table} ({', '.join(columns.split())}) FROM STDIN"
    with connection.cursor().copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def fill(url: str, count: int) -> None:
    """Fill a migrated database, unless it is full already."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT 1 FROM complaints LIMIT 1").fetchone():
            return
        note(f"{count} complaints")
        Filling(connection, count).fill(connection)


# --- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """A page that an officer asks for."""

    name: str
    officer: str
    path: str


def questions(url: str) -> list[Question]:
    """What is measured; tickets are real ones of the officers' reach."""
    with psycopg.connect(url) as connection:
        row = connection.execute("""
            SELECT k.ticket FROM complaints k WHERE starts_with(k.region, '16.71.') AND k.status = 'Terdisposisi'
              AND k.agency = '16.71-pu' ORDER BY k.id DESC LIMIT 1
        """).fetchone()
        assert row is not None
    ticket = row[0]
    month = (datetime.now(UTC) - timedelta(days=400)).date()
    return [
        Question("inbox, province", "province", "/triase"),
        Question("inbox, kota", "city", "/triase"),
        Question("inbox, one kind of office", "province", "/triase?masalah=dlh"),
        Question("search, ticket", "province", f"/cari?q={ticket}"),
        Question("search, a word in most", "province", "/cari?q=yang"),
        Question("search, a common word", "province", f"/cari?q={EVERY}"),
        Question("search, a common word, kota", "city", f"/cari?q={EVERY}"),
        Question("search, a common word, agency", "agency", f"/cari?q={EVERY}"),
        Question("search, two words", "province", f"/cari?q={MIDDLE}+rusak"),
        Question("search, a rare word", "province", f"/cari?q={RARE}"),
        Question("search, a word that nobody said", "city", "/cari?q=xylofonium"),
        Question("search, word and filters", "province", f"/cari?q={EVERY}&wilayah=16.06&jenis=aspirasi"),
        Question("search, status and region", "province", "/cari?status=Terdisposisi&wilayah=16.06"),
        Question("search, a month long ago", "province", f"/cari?dari={month}&sampai={month + timedelta(days=30)}"),
        Question("search, late", "city", "/cari?terlambat=1"),
        Question("search, agency", "agency", "/cari?jenis=pengaduan"),
        Question("report", "city", f"/laporan/{ticket}"),
        Question("report, agency", "agency", f"/laporan/{ticket}/instansi"),
        Question("late list, province", "province", "/terlambat"),
        Question("late list, kota", "city", "/terlambat"),
        Question("agency's room", "agency", "/instansi"),
    ]


async def sign_in(url: str) -> dict[str, str]:
    """Sessions of the officers, by name."""
    engine = connect(url, name="bench")
    found = {}
    async with engine.begin() as connection:
        for name, grant in OFFICERS.items():
            staff_id = await staff.add(connection, f"{name}-{secrets.token_hex(4)}", name.capitalize(), [grant])
            found[name] = await staff.open_session(connection, staff_id, datetime.now(UTC), verified=True)
    await engine.dispose()
    return found


@dataclass(frozen=True, slots=True)
class Answered:
    """How one page was answered to so many clients: milliseconds, requests a second, the size of the page."""

    name: str
    clients: int
    status: int
    p50: float
    p95: float
    worst: float
    a_second: float
    kilobytes: float


def ask(port: int, token: str, question: Question, clients: int, count: int, warmup: int) -> Answered:
    """Ask for a page again and again, each client over a connection of its own."""

    def one(_client: int) -> tuple[list[float], int, int]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        times, status, size = [], 0, 0
        for turn in range(warmup + count):
            began = time.perf_counter()
            connection.request("GET", f"/desk{question.path}", headers={"Cookie": f"{COOKIE}={token}"})
            answer = connection.getresponse()
            body = answer.read()
            if turn >= warmup:
                times.append((time.perf_counter() - began) * 1000)
            status, size = answer.status, len(body)
        connection.close()
        return times, status, size

    with ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(one, range(clients)))
    times = sorted(each for part, _, _ in parts for each in part)
    _, status, size = parts[0]
    middle, slow = times[len(times) // 2], times[math.ceil(len(times) * 0.95) - 1]
    a_second = clients * 1000 / (sum(times) / len(times))
    return Answered(question.name, clients, status, middle, slow, times[-1], a_second, size / 1024)


# --- the plans -------------------------------------------------------------------------------------------------------


async def write_plans(url: str, data: Path, sessions: Mapping[str, str], asked: Sequence[Question], to: Path) -> None:
    """Run each page in this process, and each of its statements once more under EXPLAIN."""
    settings = Settings(_env_file=None, database_url=url, data_dir=data, api_keys="bench:" + "0" * 24)
    app = build(settings, url)
    async with app.router.lifespan_context(app):
        engine = app.state.house.engine
        heard: list[tuple[str, Any]] = []
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        for question in asked:
            heard.clear()

            def hear(_c: Any, _k: Any, statement: str, parameters: Any, *_more: Any) -> None:
                heard.append((statement, parameters))

            event.listen(engine.sync_engine, "before_cursor_execute", hear)
            cookies = {COOKIE: sessions[question.officer]}
            async with httpx.AsyncClient(transport=transport, base_url="http://desk", cookies=cookies) as client:
                answer = await client.get(f"/desk{question.path}")
            event.remove(engine.sync_engine, "before_cursor_execute", hear)
            parts = [f"# {question.name}: {answer.status_code}"]
            async with engine.connect() as connection:
                for statement, parameters in heard:
                    if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                        explain = f"EXPLAIN (ANALYZE, BUFFERS) {statement}"
                        rows = (await connection.exec_driver_sql(explain, parameters)).scalars().all()
                        parts.append("\n".join([statement.strip(), "", *rows]))
            name = "-".join("".join(sign if sign.isalnum() else " " for sign in question.name).split())
            (to / f"{name}.txt").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


# --- the run ---------------------------------------------------------------------------------------------------


def table(answers: Sequence[Answered]) -> str:
    """The figures as plain text."""
    lines = [f"{'':34} clients  status     p50     p95   worst  per s      kB"]
    lines += [
        f"{each.name:34} {each.clients:7} {each.status:7} {each.p50:7.1f} {each.p95:7.1f} {each.worst:7.1f} "
        f"{each.a_second:6.1f} {each.kilobytes:7.1f}"
        for each in answers
    ]
    slow = [each for each in answers if each.status < 400 and each.p95 >= TARGET_MS and each.clients == 1]
    verdict = ", ".join(each.name for each in slow)
    return "\n".join([*lines, "", f"Slower than {TARGET_MS:.0f} ms at p95: {verdict or 'none'}."])


def main() -> int:
    """Run the benchmark; returns 1 where a page misses the target for one client."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--complaints", type=int, default=100_000, metavar="N")
    parser.add_argument("--requests", type=int, default=100, metavar="N", help="a page and client (default: 100)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4], metavar="N")
    parser.add_argument("--only", default="", metavar="WORD", help="only questions with this word in their name")
    parser.add_argument("--plans", type=Path, metavar="DIR", help="write the plans of all statements there")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the database there, and use what it holds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
    options = parser.parse_args()
    answers = []
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="lapor-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        folder.chmod(0o755)  # as root, the embedded server runs as another user
        server = stack.enter_context(serve(options.keep or folder))
        url = server.url if options.keep else stack.enter_context(server.database("desk"))
        prepare(url)
        fill(url, options.complaints)
        sessions = asyncio.run(sign_in(url))
        asked = [each for each in questions(url) if options.only in each.name]
        if options.plans:
            options.plans.mkdir(parents=True, exist_ok=True)
            asyncio.run(write_plans(url, folder / "plans", sessions, asked, options.plans))
        port = free_port()
        settings = environment(
            DATABASE_URL=url,
            DATA_DIR=str(folder / "data"),
            API_KEYS=f"bench:{secrets.token_urlsafe(24)}",
            PORT=str(port),
            PUBLIC_URL=f"http://127.0.0.1:{port}",
            LOG_LEVEL="WARNING",
        )
        web = Child("web", ["api", "web"], folder, settings)
        stack.enter_context(stopping(web))
        wait_for(f"http://127.0.0.1:{port}/healthz", web)
        for clients in options.clients:
            for question in asked:
                token = sessions[question.officer]
                answers.append(ask(port, token, question, clients, options.requests, warmup=10))
                note("  " + table(answers[-1:]).splitlines()[1])
    print(f"cores: {os.cpu_count()}, complaints: {options.complaints}\n")
    print(table(answers))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in answers], indent=1))
    return int(any(each.p95 >= TARGET_MS and each.clients == 1 and each.status < 400 for each in answers))


if __name__ == "__main__":
    sys.exit(main())
