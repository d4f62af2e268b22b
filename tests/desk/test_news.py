"""News over real HTTP: what changes in any process and within reach, by ticket and version only; streams that end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, officer
from making import OPERATOR, eventually, file, run
from running import free_port, web

from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from desk import news
from desk.access import COOKIE
from store import complaints, policy
from store.complaints import Event

ADMIN = GRANTS[policy.ADMIN_INSTANSI]


@pytest.fixture
async def desk(settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, House]]:
    """A web process that serves, its address and its house; it looks around more often than in life."""
    monkeypatch.setattr(news, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(news, "WINDOW_SECONDS", 0.1)
    async with web(settings, database, free_port()) as opened:
        yield opened


class Stream:
    """The events of one stream, as a browser reads them."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.everything = ""

    async def next(self) -> tuple[str, Any]:
        """The next event and its data; ("", None) at the end."""
        kind = ""
        async for line in self._lines:
            self.everything += line + "\n"
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                return kind, json.loads(line.removeprefix("data:"))
        return "", None

    async def until(self, kind: str) -> Any:
        """The data of the next event of that kind."""
        async with asyncio.timeout(10):
            while True:
                found, data = await self.next()
                if found == kind:
                    return data
                assert found, f"the stream ended before {kind}"


@asynccontextmanager
async def listening(address: str, token: str) -> AsyncIterator[Stream]:
    """A stream of somebody, which has begun."""
    async with (
        httpx.AsyncClient(base_url=address, cookies={COOKIE: token}, timeout=10) as client,
        client.stream("GET", "/desk/kabar", headers={"Accept": "text/event-stream"}) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.aiter_lines())
        await stream.until("mulai")
        yield stream


async def signed_up(house: House, login: str = "ani") -> tuple[int, str]:
    """An Admin Instansi of Palembang, signed in."""
    async with house.engine.begin() as connection:
        return await officer(connection, ADMIN, login=login)


async def filed(house: House, region: str = PALEMBANG) -> Event:
    """A report that is filed in a turn."""
    async with unit(house) as work:
        return work.record(await file(work.connection, region=region))


async def test_what_another_process_changes_is_told_by_ticket_and_version(
    desk: tuple[str, House], settings: Settings, database: str
) -> None:
    address, house = desk
    _, token = await signed_up(house)
    async with listening(address, token) as stream, open_house(settings, database, name="other") as other:
        event = await filed(other)
        assert await stream.until("laporan") == {"reports": [{"ticket": event.ticket, "version": 1}]}
        async with unit(other) as work:
            work.record(await complaints.note(work.connection, event.ticket, OPERATOR, "Kata rahasia", public=False))
        assert await stream.until("laporan") == {"reports": [{"ticket": event.ticket, "version": 2}]}
        assert "rahasia" not in stream.everything
        assert "Sekayu" not in stream.everything


async def test_nothing_out_of_reach_is_told(desk: tuple[str, House]) -> None:
    address, house = desk
    _, token = await signed_up(house)
    async with listening(address, token) as stream:
        far, near = await filed(house, SEKAYU), await filed(house)
        assert await stream.until("laporan") == {"reports": [{"ticket": near.ticket, "version": 1}]}
        assert far.ticket not in stream.everything


async def test_a_stream_ends_with_its_session(desk: tuple[str, House]) -> None:
    address, house = desk
    _, token = await signed_up(house)
    async with listening(address, token) as stream:
        await run(house.engine, "UPDATE staff_sessions SET ended_at = now()")
        await stream.until("selesai")
        assert await stream.next() == ("", None)
    async with httpx.AsyncClient(base_url=address, cookies={COOKIE: token}) as client:
        assert (await client.get("/desk/kabar")).status_code == 303


async def test_who_loses_a_role_hears_no_more(desk: tuple[str, House]) -> None:
    address, house = desk
    _, token = await signed_up(house)
    async with listening(address, token) as stream:
        await run(house.engine, "UPDATE staff_grants SET region = :region", region=SEKAYU)
        await stream.until("hadir")
        await asyncio.sleep(0.5)  # longer than it takes to look again
        near, far = await filed(house), await filed(house, SEKAYU)
        assert await stream.until("laporan") == {"reports": [{"ticket": far.ticket, "version": 1}]}
        assert near.ticket not in stream.everything


async def test_with_one_stream_too_many_the_oldest_ends(desk: tuple[str, House]) -> None:
    address, house = desk
    _, token = await signed_up(house)
    streams: list[Any] = [listening(address, token) for _ in range(news.MOST_STREAMS + 1)]
    opened = [await each.__aenter__() for each in streams]
    await opened[0].until("cukup")
    assert await opened[0].next() == ("", None)
    event = await filed(house)
    assert await opened[-1].until("laporan") == {"reports": [{"ticket": event.ticket, "version": 1}]}
    for each in streams:
        await each.__aexit__(None, None, None)


async def test_others_who_have_a_report_open_are_counted(desk: tuple[str, House]) -> None:
    address, house = desk
    event = await filed(house)
    _, ani = await signed_up(house)
    _, budi = await signed_up(house, "budi")
    async with (
        listening(address, ani) as stream,
        httpx.AsyncClient(base_url=address, cookies={COOKIE: budi}) as client,
    ):
        assert await stream.until("hadir") == {"open": {}}
        await client.post(f"/desk/laporan/{event.ticket}/hadir")
        assert await stream.until("hadir") == {"open": {event.ticket: 1}}
        await client.post(f"/desk/laporan/{event.ticket}/pergi")
        assert await stream.until("hadir") == {"open": {}}


async def test_who_goes_away_leaves_nothing_behind(desk: tuple[str, House]) -> None:
    address, house = desk
    staff_id, token = await signed_up(house)
    streams = news.Streams()
    ended = streams.enter(staff_id)
    streams.leave(staff_id, ended)
    assert streams.count(staff_id) == 0
    async with listening(address, token):
        pass
    async with listening(address, token) as stream:
        event = await filed(house)
        assert (await stream.until("laporan"))["reports"][0]["ticket"] == event.ticket


class Many:
    """A process in which more happens than a page that does not read can be told."""

    async def news(self) -> AsyncIterator[str]:
        for number in range(10 * news.MOST_TICKETS):
            yield f"T-{number}"


async def test_what_nobody_reads_does_not_pile_up() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await news._hear(Many(), heard)  # type: ignore[arg-type]
    assert heard.qsize() <= news.MOST_TICKETS
    assert heard.get_nowait() == "", "the page looks anew"


async def test_a_process_stops_while_pages_listen(settings: Settings, database: str) -> None:
    async with asyncio.timeout(20):
        async with web(settings, database, free_port()) as (address, house):
            _, token = await signed_up(house)
            stream = listening(address, token)
            await stream.__aenter__()

        async def closed() -> bool:
            async with httpx.AsyncClient(base_url=address) as client:
                try:
                    await client.get("/healthz")
                except httpx.TransportError:
                    return True
            return False

        await eventually(closed)
