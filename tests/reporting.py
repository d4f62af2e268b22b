"""A report for tests of the desk: filed by a citizen in a chat, read by the classifier, with a version to act on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from making import file, rows, take, value

from api.house import House
from api.unit import unit
from bot.texts import speak
from store import contacts

TEXT = (
    "Jalan Sudirman di depan Pasar Cinde, Palembang, rusak parah sejak bulan lalu. Hubungi saya di 0812-3456-7890. "
    "Banyak motor jatuh, tolong diperbaiki."
)
PLACE = "Jalan Sudirman depan Pasar Cinde"
NAME = "Rahmawati Kusumaningrum"
REGION = "16.71.02"
PU, DISHUB, KOMINFO = "16.71-pu", "16.71-dishub", "16.71-kominfo"
READING = {
    "functions": [["pu", 0.82], ["dishub", 0.11], ["perkim", 0.04], ["dlh", 0.01]],
    "likely": ["pu", "dishub"],
    "topics": [["INFRASTRUKTUR", 0.7]],
    "class": [["pengaduan", 0.9]],
    "band": "say",
    "danger": None,
    "chatter": None,
    "sensitive": None,
}


@dataclass(frozen=True)
class Report:
    """A filed report and its pelapor."""

    ticket: str
    id: int
    citizen_id: int
    contact_id: int
    address: str


async def reported(house: House, address: str = "987654321", name: str = NAME, **details: Any) -> Report:
    """A report of somebody who writes from that address."""
    wanted: Mapping[str, Any] = {
        "text": TEXT,
        "place": PLACE,
        "region": REGION,
        "agency": PU,
        "function": "pu",
        "model": "test",
        "suggested": READING,
        **details,
    }
    async with house.engine.begin() as connection:
        taken = await take(connection, uuid.uuid4().hex, address, name=name)
        assert taken is not None
        chat = taken.contact_id
        citizen = await contacts.become_citizen(connection, chat, name, "id")
    async with unit(house) as work:
        event = work.record(await file(work.connection, citizen_id=citizen, contact_id=chat, **wanted))
    return Report(event.ticket, event.complaint_id, citizen, chat, address)


async def version(house: House, report: Report) -> int:
    """The version that it has now."""
    return int(await value(house.engine, "SELECT version FROM complaints WHERE id = :id", id=report.id))


async def status(house: House, report: Report) -> str:
    """Its status now."""
    return str(await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=report.id))


async def act(client: httpx.AsyncClient, house: House, report: Report, form: str, **fields: Any) -> httpx.Response:
    """Send a form of the report's page, as somebody who has just read it."""
    data = {"version": str(await version(house, report)), **fields}
    return await client.post(f"/laporan/{report.ticket}/{form}", data=data)


async def told(house: House, report: Report) -> list[str]:
    """All that the pelapor's chat has been or will be told, as it reads there."""
    found = await rows(
        house.engine,
        "SELECT says, language FROM deliveries WHERE contact_id = :id ORDER BY id",
        id=report.contact_id,
    )
    return ["\n".join(speak(key, params, row.language) for key, params in row.says) for row in found]


async def audited(house: House, report: Report) -> list[tuple[str, dict[str, Any]]]:
    """What the audit has of it: verbs with their details, oldest first."""
    found = await rows(
        house.engine,
        "SELECT verb, detail FROM audit WHERE object_kind = 'report' AND object_id = :ticket ORDER BY id",
        ticket=report.ticket,
    )
    return [(row.verb, row.detail) for row in found]
