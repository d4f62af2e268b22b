"""An export of SP4N's with 100,000 rows, from the file to the last push: seconds and memory of each step.

`python -m bench.ringkas` makes the same export as XLSX and as CSV out of invented words, each row with two stories of
some hundred characters. A hundredth of the rows are reports of ours: of two of four SP4N has another status, one gets
its number, one is as we know it. Each file is then handed in on a fresh database, and

- read: the file becomes staged rows with a verdict each (job `read_ringkas`),
- preview: what the page of the import asks the database for,
- do: ours are changed with all that follows, the others kept (job `do_ringkas`),
- again: the same file once more, read.

Every step runs in a process of its own, as a worker would; its memory is the highest that the kernel has seen of it
(PostgreSQL is another process), and beside the seconds stands how long it had the processor. The server is the embedded
one, with fsync. The CSV has shorter stories: a desk takes 80 MB at most.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from openpyxl import Workbook
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url

from api.elsewhere import ringkas
from api.house import House, open_house
from api.running import prepare
from api.settings import Settings
from api.unit import unit
from bridges.ringkas import COLUMNS
from store import complaints, contacts, embedded, inbox, moves, references, staff
from store import ringkas as imports
from store.complaints import Actor, NewComplaint
from store.policy import ADMIN_INSTANSI, Grant
from store.ways import SP4N

ROWS = 100_000
# One of so many rows is ours.
OURS_EVERY = 100
FIRST = 7_000_000
STATUSES = [each.name for each in moves.STATUSES]
# Words in a story.
LONG, SHORT = (20, 130), (10, 50)


def invented(dice: random.Random) -> list[str]:
    """Words that nobody has said."""
    return [
        "".join(dice.choice("bcdgjklmnprst") + dice.choice("aiueo") for _ in range(dice.randint(1, 4)))
        for _ in range(4000)
    ]


def rows(count: int, tickets: list[str], length: tuple[int, int]) -> Iterator[list[str]]:
    """The rows of an export, the reports of ours among them: of four one waits for its number."""
    dice = random.Random(1)
    words = invented(dice)
    for number in range(count):
        story = " ".join(dice.choices(words, k=dice.randint(*length)))
        status = dice.choice(STATUSES)
        if number % OURS_EVERY == 0:
            kind = (number // OURS_EVERY) % 4
            status = ("Menunggu Kelengkapan Informasi", "Diarsipkan oleh Admin", STATUSES[0], STATUSES[0])[kind]
            story = f"{story}\nTiket kanal: {tickets[number // OURS_EVERY]}"
        on = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * number)
        yield [
            str(FIRST + number),
            f"{on.day} {('Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des').split()[on.month - 1]} {on.year}",
            f"{on:%H:%M:%S}",
            " ".join(dice.choices(words, k=2)),
            "Pengaduan Tidak Berkadar Pengawasan",
            str(dice.randint(1000, 1999)),
            dice.choice(words).title(),
            " ".join(dice.choices(words, k=6)),
            story,
            story.title(),
            dice.choice(["", "Anonim", "Rahasia", "Anonim|Rahasia"]),
            "Website",
            "Pemerintah Kota Palembang",
            str(dice.randint(100, 999)),
            f"Dinas {dice.choice(words).title()}",
            status,
            "",
            "Provinsi Sumatera Selatan",
            "Kota Palembang",
            dice.choice(words).title(),
            "",
        ]


def above() -> list[list[str]]:
    """What stands above the table."""
    generated = datetime.now(UTC) + timedelta(days=1)
    return [
        ["Judul Laporan", "Laporan Ringkas"],
        ["Nama Instansi", "Pemerintah Kota Palembang"],
        ["Tanggal Generate", f"{generated:%d-%m-%Y %H:%M:%S}"],
        ["Periode Masuk", "Semua"],
        ["Pengelola", "-"],
        [],
        list(COLUMNS),
    ]


def write(path: Path, count: int, tickets: list[str]) -> None:
    """The export as a file of that suffix."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([*above(), *rows(count, tickets, SHORT)])
        return
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Laporan")
    for line in [*above(), *rows(count, tickets, LONG)]:
        sheet.append(line)
    book.save(path)


# --- the steps, each in a process of its own -----------------------------------------------------------------------


async def set_up(house: House, count: int) -> list[str]:
    """The reports of ours, each with a chat that is told of it; their tickets, in the order of the rows."""
    operator, tickets = Actor("operator", "staff:1"), []
    for number in range(0, count, OURS_EVERY):
        async with house.engine.begin() as connection:
            taken = await inbox.take(
                connection,
                channel="telegram",
                message_id=f"m{number}",
                address=str(number),
                sequence=1,
                name="Warga",
                payload={},
                received_at=datetime.now(UTC),
            )
            assert taken is not None
            citizen = await contacts.new_citizen(connection, "Warga")
            new = NewComplaint(
                text=f"Jalan rusak nomor {number}.",
                report_class="pengaduan",
                channel="telegram",
                region="16.71",
                citizen_id=citizen,
                contact_id=taken.contact_id,
            )
            event = await complaints.file(connection, new, Actor("citizen", str(citizen)))
            tickets.append(event.ticket)
            reference = await references.plan(connection, event.complaint_id, SP4N, connection_id=None)
            assert reference is not None
            if (number // OURS_EVERY) % 4 != 3:
                await references.confirm(
                    connection, reference, str(FIRST + number), operator, raw_status="Belum Terverifikasi"
                )
    async with house.engine.begin() as connection:
        await staff.add(connection, "bench", "Petugas", (Grant(ADMIN_INSTANSI),))
        await connection.execute(text("ANALYZE"))
    return tickets


async def hand_in(house: House, path: Path) -> int:
    """The file, on the shelf."""
    content = await asyncio.to_thread(path.read_bytes)
    sha256 = house.shelf.put(content)
    async with unit(house) as work:
        staff_id = (await work.connection.execute(text("SELECT id FROM staff WHERE login = 'bench'"))).scalar_one()
        return await imports.add(work.connection, staff_id, SP4N, path.name, sha256, len(content))


async def latest(house: House) -> imports.Import:
    """The import that was handed in last."""
    async with house.engine.connect() as connection:
        newest = (await connection.execute(text("SELECT max(id) FROM report_imports"))).scalar_one()
        found = await imports.get(connection, newest)
    assert found is not None
    return found


async def preview(house: House, import_: imports.Import) -> None:
    """What the page asks for."""
    async with house.engine.connect() as connection:
        await imports.get(connection, import_.id)
        await imports.rows(connection, import_.id, (imports.CHANGED, imports.UNKNOWN), most=51)
        await imports.rows(connection, import_.id, (imports.WRONG,), most=51)
        await imports.rows(connection, import_.id, (imports.SAME, imports.NEW), most=50, noted=True)


async def step(name: str, settings: Settings, url: str, path: Path, count: int) -> dict[str, Any]:
    """One step; what it gives, with its seconds and its memory in MB."""
    async with open_house(settings, url, name="bench") as house:
        given: dict[str, Any] = {}
        if name == "set up":
            given["tickets"] = await set_up(house, count)
        if name in ("read", "again"):
            import_id = await hand_in(house, path)
        elif name == "do":
            import_id = (await latest(house)).id
            async with unit(house) as work:
                await imports.start(work.connection, import_id, without_wrong=False)
        begun, worked = time.perf_counter(), time.process_time()
        if name in ("read", "again"):
            await ringkas.read(house, import_id)
        elif name == "preview":
            await preview(house, await latest(house))
        elif name == "do":
            await ringkas.do(house, import_id)
        given["seconds"] = time.perf_counter() - begun
        if name != "set up":
            now = await latest(house)
            given |= {"state": now.state, "counts": now.counts, "done": now.summary.get("done")}
    # `ru_maxrss` would begin with that of whoever started this process.
    status = await asyncio.to_thread(Path("/proc/self/status").read_text)
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return given | {"peak": int(peak) / 1024, "processor": time.process_time() - worked}


def child(name: str, folder: Path, url: str, path: Path, count: int) -> dict[str, Any]:
    """The step in a process of its own."""
    command = [sys.executable, "-m", "bench.ringkas", "--step", name, "--folder", str(folder), "--url", url]
    command += ["--file", str(path), "--rows", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """All of it, or one step (`--step`, for ourselves)."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--step")
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--url", default="")
    asked.add_argument("--file", type=Path, default=Path())
    given = asked.parse_args()
    if given.step:
        settings = Settings(_env_file=None, database_url=given.url, data_dir=given.folder, log_level="ERROR")
        print(json.dumps(asyncio.run(step(given.step, settings, given.url, given.file, given.rows))))
        return
    with tempfile.TemporaryDirectory(prefix="lapor-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the embedded server runs as another user
        with embedded.serve(folder / "postgres") as server:
            for suffix in (".xlsx", ".csv"):
                measure(folder, server, folder / f"laporan-ringkas{suffix}", given.rows)


def measure(folder: Path, server: str, path: Path, count: int) -> None:
    """One file on a database of its own; a line for each step."""
    database = f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    url = make_url(server).set(database=database).render_as_string(hide_password=False)
    prepare(url)
    tickets = child("set up", folder, url, path, count)["tickets"]
    write(path, count, tickets)
    print(f"{path.name}: {count} rows, {path.stat().st_size / 1e6:.1f} MB")
    total = 0.0
    for name in ("read", "preview", "do", "again"):
        found = child(name, folder, url, path, count)
        total += found["seconds"] if name != "again" else 0.0
        print(
            f"  {name:8} {found['seconds']:7.1f} s ({found['processor']:.1f} s of its own)  {found['peak']:5.0f} MB  "
            f"{found['state']}  {found['counts']}",
            flush=True,
        )
    print(f"  together {total:7.1f} s (read, preview, do)", flush=True)


if __name__ == "__main__":
    main()
