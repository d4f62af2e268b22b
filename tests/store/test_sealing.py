"""The seals on the audit: whatever somebody does to a sealed row, and to a seal, is found."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import eventually, rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from api import jobs
from api.house import House, open_house
from api.queue import tasks
from api.sealing import seal
from api.settings import Settings
from store import audit, sealing
from store.complaints import Actor
from store.sealing import Broken, Verified

ROOT = Path(__file__).parents[2]
ACTOR = Actor("operator", "staff:7")
QUIET = examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """The house of a worker."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


async def done(engine: AsyncEngine, times: int = 1, verb: str = "report.read", **detail: Any) -> None:
    """So many rows in the audit."""
    async with engine.begin() as connection:
        for number in range(times):
            await audit.write(connection, ACTOR, verb, of=("report", f"T-{number}"), detail={"n": number, **detail})


async def tamper(engine: AsyncEngine, *statements: str) -> None:
    """What somebody does who is master of the database, and has switched off the trigger that refuses it."""
    await run(engine, "ALTER TABLE audit DISABLE TRIGGER only_grows")
    await run(engine, "ALTER TABLE audit_seals DISABLE TRIGGER only_grows")
    for statement in statements:
        await run(engine, statement)


async def verify(engine: AsyncEngine, until: str | None = None) -> Verified:
    async with engine.connect() as connection:
        return await sealing.verify(connection, until)


async def sealed(house: House, *sizes: int) -> list[Any]:
    """Rows under so many seals, of so many rows each; returns the seals."""
    for size in sizes:
        await done(house.engine, size)
        await seal(house)
    return await rows(house.engine, "SELECT * FROM audit_seals ORDER BY id")


def whys(found: Verified) -> list[tuple[int, str, int]]:
    return [(each.id, each.why, each.rows) for each in found.broken]


# --- sealing -----------------------------------------------------------------------------------------


async def test_nothing_is_nothing_to_seal(house: House) -> None:
    assert await seal(house) == 0
    assert await verify(house.engine) == Verified()


async def test_every_row_comes_under_one_seal(house: House) -> None:
    await done(house.engine, 7)
    assert await seal(house, most=3) == 3
    assert await seal(house) == 0
    found = await rows(house.engine, "SELECT first_id, last_id, rows, previous, digest FROM audit_seals ORDER BY id")
    assert [tuple(row)[:3] for row in found] == [(1, 3, 3), (4, 6, 3), (7, 7, 1)]
    assert [row.previous for row in found] == [sealing.BEGINNING, found[0].digest, found[1].digest]
    await done(house.engine, 2)
    verified = await verify(house.engine)
    assert (verified.seals, verified.rows, verified.unsealed, verified.holds) == (3, 7, 2, True)
    assert verified.newest == found[2].digest
    assert verified.waiting_since is not None


async def test_a_row_that_is_being_written_is_waited_for(house: House) -> None:
    async with house.engine.connect() as writing:
        await audit.write(writing, ACTOR, "report.read")  # has the smaller id, and is not there yet
        sealing_now = asyncio.create_task(seal(house))
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'audit'::regclass AND NOT granted"
        await eventually(lambda: value(house.engine, waiting), 1)
        await writing.commit()
        assert await sealing_now == 1
    await done(house.engine)
    await seal(house)
    assert whys(await verify(house.engine)) == []
    assert await value(house.engine, "SELECT sum(rows) FROM audit_seals") == 2


async def test_somebody_who_writes_for_long_puts_the_seal_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "PATIENCE", "50ms")
    await done(house.engine)
    async with house.engine.connect() as writing:
        await audit.write(writing, ACTOR, "report.read")
        assert await seal(house) == 0
        await writing.rollback()
    assert await seal(house) == 1


async def test_many_workers_at_once_make_one_chain(house: House) -> None:
    await done(house.engine, 50)
    made = await asyncio.gather(*(seal(house, most=7) for _ in range(6)))
    await seal(house, most=7)
    assert sum(made) <= 8
    found = await rows(house.engine, "SELECT first_id, last_id, rows FROM audit_seals ORDER BY id")
    assert sum(row.rows for row in found) == 50
    assert (await verify(house.engine)).holds


async def test_writers_and_sealers_at_once_leave_no_row_without_a_seal(house: House) -> None:
    async def writer() -> None:
        for _ in range(20):
            await done(house.engine, 2)

    async def sealer() -> None:
        for _ in range(10):
            await seal(house, most=5)

    await asyncio.gather(writer(), writer(), sealer(), sealer())
    await seal(house)
    found = await verify(house.engine)
    assert (found.holds, found.rows, found.unsealed) == (True, 80, 0)


async def test_a_killed_worker_leaves_nothing_half(house: House, database: str) -> None:
    await done(house.engine, 5)
    async with open_house(house.settings, database, name="killed") as other:
        connection = await other.engine.connect()
        upto = await sealing.settled(connection)
        await connection.commit()
        assert upto == 5
        assert await sealing.seal(connection, upto) is not None
        # Its backend dies before the commit.
        await run(
            house.engine,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lapor-killed'",
        )
        await connection.invalidate()
        await connection.close()
    assert await value(house.engine, "SELECT count(*) FROM audit_seals") == 0
    assert await seal(house) == 1
    assert (await verify(house.engine)).holds


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
            st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
        ),
        min_size=2,
        max_size=2,
    )
)
@QUIET
def test_two_rows_never_give_one_line(pairs: list[tuple[str, str]]) -> None:
    one, other = pairs
    assert (sealing.line(list(one)) == sealing.line(list(other))) == (one == other)
    for words in one:
        assert sealing.line([words]).count(b"\n") == 1


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), st.none() | st.integers()))
@QUIET
async def test_any_detail_can_be_sealed(engine: AsyncEngine, detail: dict[str, Any]) -> None:
    async with engine.connect() as connection:
        await audit.write(connection, ACTOR, "x", detail=detail)
        upto = await sealing.settled(connection)
        assert upto is not None
        assert await sealing.seal(connection, upto) is not None
        assert (await sealing.verify(connection)).holds
        await connection.rollback()


# --- tampering ---------------------------------------------------------------------------------------


async def test_the_table_itself_refuses_a_change(engine: AsyncEngine) -> None:
    await done(engine)
    for statement in ("UPDATE audit SET verb = 'x'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM audit_seals"):
        with pytest.raises(Exception, match="the audit only grows"):
            await run(engine, statement)


@pytest.mark.parametrize(
    "change",
    [
        'detail = \'{"n": 2, "extra": true}\'',
        "detail = '{\"n\": 1.0}'",
        "verb = 'report.read '",
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "actor_id = 'staff:8'",
        "actor_kind = 'agency'",
        "object_id = NULL",
        "object_kind = 'null'",
        "object_id = 'T-2', object_kind = 'staff'",
    ],
)
async def test_a_changed_row_is_found(house: House, change: str) -> None:
    seals = await sealed(house, 4, 5, 3)
    await tamper(house.engine, f"UPDATE audit SET {change} WHERE id = 6")  # noqa: S608
    assert (await verify(house.engine)).broken == [Broken(seals[1].id, 5, 9, "changed")]


@pytest.mark.parametrize("gone", [1, 5, 6, 9, 12])
async def test_a_deleted_row_is_found(house: House, gone: int) -> None:
    seals = await sealed(house, 4, 5, 3)
    await tamper(house.engine, f"DELETE FROM audit WHERE id = {gone}")  # noqa: S608
    broken = next(each for each in seals if each.first_id <= gone <= each.last_id)
    assert whys(await verify(house.engine)) == [(broken.id, "missing", 1)]


@pytest.mark.parametrize("number", [-4, 0, 5, 9])
async def test_an_inserted_row_is_found(house: House, number: int) -> None:
    """At an id that a rolled-back transaction had drawn, or before the first one."""
    await done(house.engine, 4)
    async with house.engine.connect() as connection:
        await audit.write(connection, ACTOR, "x")  # 5
        await connection.rollback()
    await seal(house)
    await sealed(house, 3)  # 6 to 8
    await run(house.engine, "SELECT nextval(pg_get_serial_sequence('audit', 'id'))")  # 9
    seals = await sealed(house, 2)
    insert = "INSERT INTO audit (id, actor_kind, actor_id, verb) OVERRIDING SYSTEM VALUE VALUES"
    await run(house.engine, f"{insert} ({number}, 'operator', 'staff:1', 'x')")
    broken = next(each for each in seals if each.last_id >= number)
    assert whys(await verify(house.engine)) == [(broken.id, "extra", 1)]


async def test_rows_that_changed_places_are_found(house: House) -> None:
    seals = await sealed(house, 4, 4)
    await tamper(
        house.engine,
        "UPDATE audit a SET (at, actor_id, verb, object_id, detail) = (b.at, b.actor_id, b.verb, b.object_id, b.detail)"
        " FROM audit b WHERE (a.id, b.id) IN ((2, 7), (7, 2))",
    )
    assert whys(await verify(house.engine)) == [(each.id, "changed", 0) for each in seals]


async def test_a_seal_that_was_made_anew_breaks_the_chain(house: House) -> None:
    """Who changes a row and seals it again must make every later seal anew, and the digest that was kept tells."""
    seals = await sealed(house, 2, 2, 2)
    await tamper(house.engine, "UPDATE audit SET verb = 'x' WHERE id = 3")
    [found] = (await verify(house.engine)).broken
    digest = await forged(house.engine, seals[1])
    await run(house.engine, "UPDATE audit_seals SET digest = :digest WHERE id = :id", digest=digest, id=found.id)
    assert whys(await verify(house.engine)) == [(seals[2].id, "link", 0)]
    await run(house.engine, "DELETE FROM audit_seals WHERE id = :id", id=seals[2].id)
    await seal(house)
    anew = await verify(house.engine)
    assert anew.holds  # nothing within shows it any more
    assert not (await verify(house.engine, seals[2].digest)).holds
    assert (await verify(house.engine, seals[0].digest)).holds


async def forged(engine: AsyncEngine, old: Any) -> str:
    """The digest that this seal would have over the rows that are there now."""
    async with engine.connect() as connection:
        parts = [part async for part in sealing.lines(connection)]
    mine = next(number for number, part in enumerate(parts) if part == sealing.line([sealing.FORM, old.previous]))
    end = next(number for number, part in enumerate(parts) if number > mine and part.startswith(b'{"sha256"'))
    return hashlib.sha256(b"".join(parts[mine:end])).hexdigest()


@pytest.mark.parametrize(
    "change", ["sealed_at = sealed_at - interval '1 day'", "first_id = 4", "rows = 3", "digest = repeat('f', 64)"]
)
async def test_a_changed_seal_is_found(house: House, change: str) -> None:
    await sealed(house, 2, 2, 2)
    await tamper(house.engine, f"UPDATE audit_seals SET {change} WHERE first_id = 3")  # noqa: S608
    found = await verify(house.engine)
    assert not found.holds
    assert found.broken[0].id == 2


async def test_a_removed_seal_in_the_middle_breaks_the_chain(house: House) -> None:
    seals = await sealed(house, 2, 2, 2)
    await tamper(house.engine, f"DELETE FROM audit_seals WHERE id = {seals[1].id}")  # noqa: S608
    assert whys(await verify(house.engine)) == [(seals[2].id, "link", 0)]


async def test_an_end_that_was_cut_off_is_found_by_the_digest_that_was_kept(house: House) -> None:
    seals = await sealed(house, 2, 2, 2)
    assert (await verify(house.engine, seals[2].digest)).holds
    await tamper(
        house.engine,
        f"DELETE FROM audit_seals WHERE id = {seals[2].id}",  # noqa: S608
        "DELETE FROM audit WHERE id > 4",
    )
    assert (await verify(house.engine)).holds  # the chain itself cannot know
    found = await verify(house.engine, seals[2].digest)
    assert (found.holds, found.known) == (False, False)


async def test_a_cut_off_seal_alone_leaves_its_rows_waiting(house: House) -> None:
    seals = await sealed(house, 2, 3)
    await tamper(house.engine, f"DELETE FROM audit_seals WHERE id = {seals[1].id}")  # noqa: S608
    found = await verify(house.engine, seals[1].digest)
    assert (found.unsealed, found.holds) == (3, False)


# --- the command -------------------------------------------------------------------------------------


def command(database: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m api audit` with these words, with the settings of its surroundings only."""
    bare = {name: each for name, each in os.environ.items() if name.lower() not in Settings.model_fields}
    return subprocess.run(
        [sys.executable, "-m", "api", "audit", *words],
        env=bare | {"DATABASE_URL": database},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_tells_whether_the_audit_holds(house: House, database: str) -> None:
    seals = await sealed(house, 2, 2)
    await done(house.engine)
    ended = command(database, "verify", "--until", seals[0].digest.upper())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"to be kept elsewhere: {seals[1].digest}" in ended.stdout
    assert "2 seals over 4 rows; 0 do not hold." in ended.stdout
    assert "1 rows wait for a seal since " in ended.stdout

    ended = command(database, "verify", "--until", "f" * 64)
    assert ended.returncode == 1
    assert "The digest that you kept is not in the chain" in ended.stdout

    await tamper(house.engine, "DELETE FROM audit WHERE id = 3")
    ended = command(database, "verify")
    assert ended.returncode == 1
    first = ended.stdout.splitlines()[0]
    assert first == f"Seal {seals[1].id} (rows 3 to 4) does not hold: 1 rows are missing."


async def test_the_exported_audit_can_be_verified_without_us(house: House, database: str, tmp_path: Path) -> None:
    await sealed(house, 3)
    await done(house.engine, 2, words="bukan\nisi laporan")
    await seal(house)
    out = tmp_path / "jejak.jsonl"
    ended = command(database, "export", "--out", str(out))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    parts, checked = list[bytes](), 0
    for line in out.read_bytes().splitlines(keepends=True):
        parsed = json.loads(line)
        if isinstance(parsed, dict):
            assert parsed == {"sha256": hashlib.sha256(b"".join(parts)).hexdigest()}
            parts, checked = [], checked + 1
        else:
            parts.append(line)
    assert checked == 2
    # That it was exported is itself in the audit, and in the file.
    assert json.loads(parts[-1])[4] == "audit.exported"
    assert await value(house.engine, "SELECT verb FROM audit ORDER BY id DESC LIMIT 1") == "audit.exported"


async def test_the_worker_seals(house: House, database: str) -> None:
    """The job is declared, runs every ten minutes, and does it."""
    [periodic] = [each for each in tasks.periodic_registry.periodic_tasks.values() if each.task.name == "seal"]
    assert periodic.cron.endswith("/10 * * * *")
    await done(house.engine)
    async with jobs.queue(house.url) as queue:
        await queue.configure_task("seal").defer_async(timestamp=0)
        await queue.run_worker_async(
            wait=False, install_signal_handlers=False, additional_context={"tools": jobs.Tools(house, {})}
        )
    assert (await verify(house.engine)).rows == 1
