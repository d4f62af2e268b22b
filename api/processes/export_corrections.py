"""What persons decided, as the training CSV that `python -m classifier train` reads."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import TextIO

from api.learning import period
from api.running import database
from api.settings import Settings, SettingsWrong
from store import learning, masterdata
from store.database import connect


def run(settings: Settings, since: date | None, out: Path | None) -> None:
    """Write the rows decided from the day `since` on, to a file that only its owner reads or to standard output."""
    with database(settings) as url, _opened(out) as file:
        asyncio.run(_export(settings, url, since, file))


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """The file, which gets its name only once it is whole."""
    if out is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        part.touch(mode=0o600, exist_ok=False)
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise SettingsWrong(f"{out} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


async def _export(settings: Settings, url: str, since: date | None, file: TextIO) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(learning.COLUMNS)
    written = 0
    engine = connect(url, size=1, name="lapor-export")
    try:
        async with engine.connect() as opened:
            # One view of the store, so that the rows and the counts belong together.
            connection = await opened.execution_options(isolation_level="REPEATABLE READ")
            directory = await masterdata.directory(connection, settings.home_region)
            try:
                begin, _ = period(since, None, directory.regions.timezone_of(settings.home_region))
            except ValueError as error:
                raise SettingsWrong(str(error)) from None
            async for row in learning.corrections(connection, begin):
                rows.writerow(astuple(row))
                written += 1
            without = await learning.left_out(connection, begin)
    finally:
        await engine.dispose()
    print(
        f"{written} rows; left out: {without['secret']} Rahasia, {without['erased']} erased, "
        f"{without['no_function']} without a known function",
        file=sys.stderr,
    )
