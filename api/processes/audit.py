"""Whether the audit holds (`verify`), and the audit as a file (`export`): see store/sealing.py."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from api.house import open_house
from api.running import database
from api.settings import Settings, SettingsWrong
from api.unit import unit
from store import audit, sealing
from store.complaints import Actor
from store.database import connect
from store.sealing import Broken, Verified

WHY = {
    "link": "the seal before it is not the one that it names",
    "missing": "{rows} rows are missing",
    "extra": "{rows} rows too many",
    "changed": "its rows are not those that were sealed",
}


def run(settings: Settings, what: str, until: str | None, out: Path | None) -> None:
    """Verify the chain and end with 1 where it does not hold, or write the audit to a file that only its owner reads
    (or to standard output), which is itself written down in the audit."""
    with database(settings) as url:
        if what == "export":
            with _opened(out) as file:
                asyncio.run(_export(settings, url, file))
            return
        found = asyncio.run(_verify(url, until))
    _tell(found)
    if not found.holds:
        sys.exit(1)


async def _verify(url: str, until: str | None) -> Verified:
    engine = connect(url, size=1, statement_timeout=600, name="lapor-audit")
    try:
        async with engine.connect() as opened:
            connection = await opened.execution_options(isolation_level="REPEATABLE READ")
            return await sealing.verify(connection, until.strip().lower() if until is not None else None)
    finally:
        await engine.dispose()


def _tell(found: Verified) -> None:
    for each in found.broken:
        print(_sentence(each))
    if found.failed > len(found.broken):
        print(f"... and {found.failed - len(found.broken)} more seals do not hold.")
    if found.known is False:
        print("The digest that you kept is not in the chain: its end was cut off, or it was made anew.")
    print(f"{found.seals} seals over {found.rows} rows; {found.failed} do not hold.")
    waiting = f" since {found.waiting_since:%Y-%m-%d %H:%M:%S%z}" if found.waiting_since else ""
    print(f"{found.unsealed} rows wait for a seal{waiting}.")
    if found.newest is not None:
        print(f"Newest digest, to be kept elsewhere: {found.newest}")
    print("The audit holds." if found.holds else "THE AUDIT DOES NOT HOLD.")


def _sentence(each: Broken) -> str:
    why = WHY[each.why].format(rows=each.rows)
    return f"Seal {each.id} (rows {each.first_id} to {each.last_id}) does not hold: {why}."


async def _export(settings: Settings, url: str, file: BinaryIO) -> None:
    async with open_house(settings, url, name="audit") as house:
        async with unit(house) as work:
            await audit.write(work.connection, Actor("system", "command"), "audit.exported")
        async with house.engine.connect() as opened:
            connection = await opened.execution_options(isolation_level="REPEATABLE READ")
            async for each in sealing.lines(connection):
                file.write(each)


@contextmanager
def _opened(out: Path | None) -> Iterator[BinaryIO]:
    """The file, which gets its name only once it is whole."""
    if out is None:
        yield sys.stdout.buffer
        return
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        part.touch(mode=0o600, exist_ok=False)
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise SettingsWrong(f"{out} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
