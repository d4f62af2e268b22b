"""Our Open311 server, held against the standard's own schemas, and used by clients that others have written."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from georeport import GeoReport
from jsonschema import Draft4Validator, FormatChecker
from making import run
from referencing import Registry
from referencing.jsonschema import DRAFT4
from running import web

from api.house import House
from api.settings import Settings
from store import complaints, dispositions, moves
from store.complaints import Actor

KEY = "guest-key-0123456789"
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
ROAD = "pekerjaan-umum-dan-penataan-ruang.jalan-berlubang"
SHARED = Path(os.environ.get("LAPOR_SHARED", "")) / "peers" / "open311"
AGENCY = "16.06-pu"
SCHEMAS = ("request.json", "requests.json", "service.json", "services.json", "service-definition.json")

needs_schemas = pytest.mark.skipif(
    not os.environ.get("LAPOR_SHARED") or not SHARED.is_dir(), reason="LAPOR_SHARED names no folder with peers/open311"
)


@cache
def validator(name: str) -> Draft4Validator:
    """The standard's schema of that name, with those it refers to."""
    contents = {each: json.loads((SHARED / each).read_text(encoding="utf-8")) for each in SCHEMAS}
    registry = Registry().with_resources([(each, DRAFT4.create_resource(body)) for each, body in contents.items()])
    return Draft4Validator(contents[name], registry=registry, format_checker=FormatChecker())


def hold(name: str, content: Any) -> None:
    """Fail where the content is not what the schema says."""
    problems = [f"{list(error.absolute_path)}: {error.message}" for error in validator(name).iter_errors(content)]
    assert problems == []


@pytest.fixture
async def running(settings: Settings, database: str) -> AsyncIterator[tuple[str, House]]:
    """The web process over real HTTP, open to everybody: the address of its Open311 server, and its house."""
    open_to_all = {"open311_keys": f"warga:{KEY}", "open311_public": True}
    async with web(Settings.model_validate(settings.model_dump() | open_to_all), database) as (address, house):
        yield f"{address}/open311/v2", house


async def handle(house: House, ticket: str, *, close: bool = False) -> None:
    """An office verifies a report, an agency answers it, and at most it is closed."""
    async with house.engine.begin() as connection:
        operator = Actor("operator", "ani")
        await dispositions.dispose(
            connection, ticket, operator, [AGENCY], lead=AGENCY, function=None, note=None, reason=None
        )
        for name, note in (("Ditindaklanjuti oleh Instansi", "Sudah ditambal."), ("Ditutup oleh Admin", None)):
            status = moves.read(name)
            assert status
            if close or note:
                await complaints.move(connection, ticket, status, operator, reason=None, note=note)


def plain(element: ElementTree.Element) -> Any:
    """What an XML answer says, as JSON would: a list where its entries are all of one name in a list's element."""
    lists = {"services", "attributes", "values", "service_requests", "errors", "endpoints", "formats"}
    if element.tag in lists:
        return [plain(each) for each in element]
    return {each.tag: plain(each) for each in element} if len(element) else element.text


def as_text(content: Any) -> Any:
    """JSON with every plain value as XML writes it."""
    if isinstance(content, dict):
        return {key: as_text(value) for key, value in content.items()}
    if isinstance(content, list):
        return [as_text(each) for each in content]
    return None if content in (None, "") else str(content).lower() if isinstance(content, bool) else str(content)


# --- the schemas -----------------------------------------------------------------------------------------


@needs_schemas
async def test_every_answer_keeps_to_the_schemas(running: tuple[str, House]) -> None:
    address, house = running
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:

        async def both(path: str, **query: str) -> Any:
            """An answer as JSON, once the XML was found to say the same."""
            answer = await client.get(f"{path}.json", params=query)
            written = await client.get(f"{path}.xml", params=query)
            assert answer.status_code == written.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert written.headers["content-type"] == "text/xml; charset=utf-8"
            content = answer.json()
            read = ElementTree.fromstring(written.content)  # noqa: S314 (our own)
            assert (plain(read) or []) == (as_text(content) or [])
            return content

        services = await both("/services")
        hold("services.json", services)
        for service in services[::100]:
            hold("service-definition.json", await both(f"/services/{service['service_code']}"))
        form = {"api_key": KEY, "service_code": ROAD, "address_string": "Sekayu", "lat": "-2.884512", "long": "103.84"}
        tickets = []
        for words in (STORY, "Lampu jalan mati & bocor <🙏>", "panjang " * 1200):
            answer = await client.post("/requests.json", data=form | {"description": words})
            hold_receipt(answer)
            tickets.append(answer.json()[0]["service_request_id"])
        bare = {"api_key": KEY, "service_code": "topik-lainnya", "address_id": "73.71", "description": "Lampu mati"}
        tickets.append((await client.post("/requests.json", data=bare)).json()[0]["service_request_id"])
        await handle(house, tickets[0])
        await handle(house, tickets[1], close=True)
        await run(house.engine, "UPDATE complaints SET category = NULL WHERE ticket = :ticket", ticket=tickets[3])
        for status in moves.STATUSES:
            await run(
                house.engine,
                "UPDATE complaints SET status = :status WHERE ticket = :ticket",
                status=status.name,
                ticket=tickets[2],
            )
            for query in ({}, {"api_key": KEY}):
                hold("requests.json", await both("/requests", **query))
        for ticket in tickets:
            [found] = await both(f"/requests/{ticket}", api_key=KEY)
            hold("request.json", found)
            [token] = await both(f"/tokens/{ticket}", api_key=KEY)
            assert token == {"service_request_id": ticket, "token": ticket}
        assert await both("/discovery")


def hold_receipt(answer: httpx.Response) -> None:
    """A receipt: the swagger of the standard has no schema of its own file for it, and its example has a null."""
    assert answer.status_code == 200, answer.text
    said = json.loads((SHARED / "swagger.json").read_text(encoding="utf-8"))["definitions"]["RequestResponse"]
    [receipt] = answer.json()
    assert receipt.keys() <= said["properties"].keys()
    given = {name: value for name, value in receipt.items() if value is not None}
    Draft4Validator(said).validate(given)
    assert given["service_request_id"]


@needs_schemas
def test_the_schemas_find_what_is_wrong() -> None:
    good = {
        "service_request_id": "1",
        "status": "open",
        "service_code": "a",
        "requested_datetime": "2026-01-01T00:00:00Z",
    }
    hold("requests.json", [good])
    for wrong in ({"status": "done"}, {"requested_datetime": "kemarin"}, {"lat": "1"}, {"description": "a" * 4001}):
        assert list(validator("requests.json").iter_errors([good | wrong])), wrong


# --- clients of others -------------------------------------------------------------------------------------


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """PyPI's `three` 0.8.0 as it is, in the Python of today: what it was written for had `itertools.ifilter`, and keys
    of a dict as a list."""
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    import three

    class Listed(dict[str, Any]):
        def keys(self) -> Any:
            return list(super().keys())

    read = three.core.xml
    monkeypatch.setattr(three.core, "xml", lambda content: Listed(read(content)))
    found: ModuleType = three
    return found


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_georeport_lists_and_follows(running: tuple[str, House], form: str) -> None:
    address, house = running
    client = GeoReport(address, jurisdiction="musi-banyuasin", output_format=form)
    services = await asyncio.to_thread(client.get_service_list)
    [road] = [each for each in services if each["service_code"] == ROAD]
    assert (road["service_name"], road["group"]) == ("JALAN BERLUBANG", "PEKERJAAN UMUM DAN PENATAAN RUANG")
    definition = await asyncio.to_thread(client.get_service_definition, ROAD)
    assert definition["service_code"] == ROAD
    # This client files nothing itself.
    async with httpx.AsyncClient(base_url=address, timeout=30) as other:
        data = {"api_key": KEY, "service_code": ROAD, "description": STORY, "address_string": "Sekayu"}
        ticket = (await other.post("/requests.json", data=data)).json()[0]["service_request_id"]
    await handle(house, ticket)
    found = await asyncio.to_thread(client.get_service_request, ticket)
    assert (found["service_request_id"], found["status"]) == (ticket, "open")
    assert found["status_notes"] == "Ditindaklanjuti oleh Instansi\nSudah ditambal."
    assert found["description"] == STORY
    listed = await asyncio.to_thread(client.get_service_requests, service_code=ROAD, status="open")
    assert (listed if form == "json" else [listed]) == [found]


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_three_lists_files_and_follows(running: tuple[str, House], three: ModuleType, form: str) -> None:
    address, house = running
    client = three.Three(address, api_key=KEY, jurisdiction="16", format=form)

    def entries(content: Any, name: str) -> list[Any]:
        """What the client makes of a list: of XML a dict by the name of its entries."""
        return (
            list(content) if form == "json" else [content[name]] if isinstance(content[name], dict) else content[name]
        )

    discovered = await asyncio.to_thread(client.discovery)
    assert address in str(discovered)
    services = entries(await asyncio.to_thread(client.services), "service")
    assert ROAD in [each["service_code"] for each in services]
    definition = await asyncio.to_thread(client.services, ROAD)
    assert definition["service_code"] == ROAD
    said = {"address": "Sekayu", "name": "Siti Aminah", "phone": "081277001199", "description": STORY}
    said |= {"lat": "-2.884512", "long": "103.839234", "attribute[judul]": "Jalan rusak di Sekayu"}
    [receipt] = entries(await asyncio.to_thread(lambda: client.post(ROAD, **said)), "request")
    ticket = receipt["service_request_id"]
    [again] = entries(await asyncio.to_thread(lambda: client.post(ROAD, **said)), "request")
    assert again["service_request_id"] == ticket
    # Before an office has verified it, whoever filed it follows it with the key alone.
    [mine] = entries(await asyncio.to_thread(lambda: client.request(ticket, api_key=KEY)), "request")
    assert (mine["status"], mine["status_notes"]) == ("open", "Belum Terverifikasi")
    assert await asyncio.to_thread(lambda: entries(client.token(ticket, api_key=KEY), "request")[0]["token"]) == ticket
    [refused] = entries(await asyncio.to_thread(client.request, ticket), "error")
    assert str(refused["code"]) == "404"
    await handle(house, ticket, close=True)
    [followed] = entries(await asyncio.to_thread(client.request, ticket), "request")
    assert (followed["status"], followed["status_notes"]) == ("closed", "Ditutup oleh Admin\nSudah ditambal.")
    listed = await asyncio.to_thread(lambda: entries(client.requests(ROAD, count=5, status="closed"), "request"))
    assert [each["service_request_id"] for each in listed] == [ticket]
