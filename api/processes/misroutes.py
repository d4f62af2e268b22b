"""How often the first agency was the wrong one, as a table."""

from __future__ import annotations

import asyncio
from datetime import date

from api.learning import period
from api.running import database
from api.settings import Settings, SettingsWrong
from store import learning, masterdata
from store.database import connect
from store.learning import Tally

HEAD = f"{'':46}{'filed':>8}{'judged':>8}{'away':>8}{'to':>8}{'denied':>8}{'rate':>8}"


def run(settings: Settings, since: date | None, until: date | None) -> None:
    """Print the table for complaints filed from the day `since` to the day `until`, by agency and by model."""
    with database(settings) as url:
        asyncio.run(_print(settings, url, since, until))


async def _print(settings: Settings, url: str, since: date | None, until: date | None) -> None:
    engine = connect(url, size=1, name="lapor-misroutes")
    try:
        async with engine.connect() as connection:
            directory = await masterdata.directory(connection, settings.home_region)
            try:
                begin, end = period(since, until, directory.regions.timezone_of(settings.home_region))
            except ValueError as error:
                raise SettingsWrong(str(error)) from None
            found = await learning.misroutes(connection, begin, end)
            registered = await learning.models(connection)
    finally:
        await engine.dispose()
    print(HEAD)
    pairs = learning.summed(found, lambda given: (given.agency, given.function))
    for code, tally in learning.summed(found, lambda given: given.agency).items():
        print(f"{_line(code or '(no agency)', tally)}  {directory.names.get(code or '', '')}".rstrip())
        for (agency, function), part in pairs.items():
            if agency == code:
                print(_line(f"  {function or '(not sure)'}", part))
    print()
    for version, tally in learning.summed(found, lambda given: given.model).items():
        note = "  not registered" if version and version not in registered else ""
        print(f"{_line(version or '(no model)', tally)}{note}")


def _line(words: str, tally: Tally) -> str:
    rate = "-" if tally.rate is None else f"{tally.rate:.1%}"
    return f"{words:46}{tally.filed:8}{tally.judged:8}{tally.away:8}{tally.to:8}{tally.denied:8}{rate:>8}"
