"""A scene for the desk: reports of every kind, somebody of every role, and things about them that must stay hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from desking import GRANTS, SEKAYU
from fastapi import FastAPI
from making import file
from peers.bot_api import JPEG
from routes import Answer, Found, ask, filled
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
from store import deliveries, merging, policy, references, staff
from store.complaints import Actor
from store.deliveries import NewDelivery
from store.policy import Grant, Subject

NAME, ADDRESS, COVERED = "Zulkarnain Tersembunyi", "998877665544", "KataTertutupSekali"
NOBODY, HALF, WITHOUT, TWICE = "nobody", "half signed in", "no grant", "two grants"


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the matrix, what a decision must know of it, and one of its files."""

    ticket: str
    subject: Subject
    file_id: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comes to the desk: with these grants, signed in so far."""

    name: str
    grants: tuple[Grant, ...] = ()
    staff_id: int | None = None
    verified: bool = True


@dataclass(slots=True)
class Scene:
    """The app, the reports by what is special about them, and everybody."""

    app: FastAPI
    house: House
    reports: dict[str, Report]
    people: list[Person]

    async def send(self, person: Person, route: Found, report: Report | None, **more: Any) -> Answer:
        """That person at that route, with the least that a form can have."""
        # No report has the version 0, so that what is reached is not done.
        form = [("version", "0"), ("tiket", report.ticket if report else "")]
        return await self.go(person, route, report, form=form, **more)

    async def go(
        self,
        person: Person,
        route: Found,
        report: Report | None,
        *,
        values: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Answer:
        """That person at that route, every time with a session of their own; `values` are parameters of the path."""
        token = None
        if person.staff_id is not None:
            async with self.house.engine.begin() as connection:
                token = await staff.open_session(
                    connection, person.staff_id, datetime.now(UTC), verified=person.verified
                )
        own = {"ticket": report.ticket, "file_id": str(report.file_id)} if report else {}
        path = filled(route, {**own, "token": "x" * 40, "rest": "x.css", **(values or {})})
        return await ask(self.app, route.method, f"/desk{path}", token=token, **request)


REPORTS: Mapping[str, tuple[str, str | None, dict[str, Any]]] = {
    # what is special about it: its region, the agency that has it, and more
    "own": ("16.71.01", "16.71-pu", {}),
    "other region": (SEKAYU, "16.06-pu", {}),
    "other agency": ("16.71.02", "16.71-dlh", {}),
    "not disposed": ("16.71.01", None, {"agency": "16.71-pu"}),
    "merged": ("16.71.01", "16.71-pu", {}),
    "Rahasia": ("16.71.01", "16.71-pu", {"secret": True}),
    "Anonim": ("16.71.01", "16.71-pu", {"anonymous": True}),
}


async def _report(connection: AsyncConnection, kind: str) -> Report:
    region, agency, more = REPORTS[kind]
    suggested = {"agency": agency} if agency else {}
    hidden = kind == "Anonim"
    citizen = contact = None
    if hidden:
        contact, citizen = await _hidden_citizen(connection)
    story = f"Lampu jalan mati di depan pasar sejak Senin. Saya dengar {COVERED} yang merusaknya."
    event = await file(
        connection,
        text=story,
        title=f"Lampu mati, {kind}",
        region=region,
        contact_id=contact,
        citizen_id=citizen,
        draft=1 if hidden else None,
        **{**suggested, **more},
    )
    masked = story.replace(COVERED, "▇▇▇")
    set_ = "UPDATE complaints SET masked_text = :masked, status = :status WHERE id = :id"
    status = "Terdisposisi" if agency else "Belum Terverifikasi"
    await execute(connection, set_, masked=masked, status=status, id=event.complaint_id)
    if agency:
        put = "INSERT INTO dispositions (complaint_id, agency, leads) VALUES (:id, :agency, true)"
        await execute(connection, put, id=event.complaint_id, agency=agency)
    await references.plan(connection, event.complaint_id, "sp4n", connection_id=None)
    stored = """
        INSERT INTO media (complaint_id, kind, channel, provider_id, content_type, size, sha256, state, name)
        VALUES (:id, 'photo', 'telegram', 'x', 'image/jpeg', 3, :sha256, 'stored', 'foto.jpg') RETURNING id
    """
    file_id = (await execute(connection, stored, id=event.complaint_id, sha256=_BYTES)).scalar_one()
    if hidden:
        await _talk(connection, event.complaint_id, contact)
    return Report(event.ticket, Subject(region, (agency,) if agency else ()), file_id)


_BYTES = "0" * 64


async def execute(connection: AsyncConnection, statement: str, **parameters: Any) -> Any:
    return await connection.execute(text(statement), parameters)


async def _hidden_citizen(connection: AsyncConnection) -> tuple[int, int]:
    citizen = (
        await execute(connection, "INSERT INTO citizens (name) VALUES (:name) RETURNING id", name=NAME)
    ).scalar_one()
    contact = (
        await execute(
            connection,
            """
            INSERT INTO contacts (channel, address, citizen_id, name) VALUES ('telegram', :address, :citizen, :name)
            RETURNING id
            """,
            address=ADDRESS,
            citizen=citizen,
            name=NAME,
        )
    ).scalar_one()
    return contact, citizen


async def _talk(connection: AsyncConnection, complaint_id: int, contact: int | None) -> None:
    """What surrounds an Anonim report: messages that failed and wait, calls for a human, the pelapor's own words."""
    assert contact is not None
    for failed in (True, False):
        says = [("push.person", {"note": f"Untuk {NAME}"})]
        await deliveries.add(
            connection, NewDelivery(contact, "telegram", ADDRESS, says, "id", complaint_id=complaint_id)
        )
        if failed:
            await execute(connection, "UPDATE deliveries SET failed_at = now(), problem = 'blocked'")
    for kind in ("danger", "human", "wrong_agency", "media_failed"):
        await execute(
            connection,
            "INSERT INTO attention (kind, contact_id, complaint_id) VALUES (:kind, :contact, :id)",
            kind=kind,
            contact=contact,
            id=complaint_id,
        )
    await execute(
        connection,
        "INSERT INTO ratings (complaint_id, citizen_id, stars) SELECT id, citizen_id, 2 FROM complaints WHERE id = :id",
        id=complaint_id,
    )


async def staged(app: FastAPI, inside: House) -> Scene:
    """The scene, in the database of an open app."""
    async with inside.engine.begin() as connection:
        reports = {kind: await _report(connection, kind) for kind in REPORTS}
        await merging.merge(connection, reports["merged"].ticket, reports["own"].ticket, Actor("operator", "staff:0"))
        digest = inside.shelf.put(JPEG)
        await execute(connection, "UPDATE media SET sha256 = :digest", digest=digest)
        people = [Person(NOBODY)]
        held = {
            **{role: (GRANTS[role],) for role in policy.ROLES},
            "overseer of the province": (Grant(policy.PENGAWAS, region="16"),),
            "operator of another region": (Grant(policy.ADMIN_INSTANSI, region=SEKAYU),),
            WITHOUT: (),
            TWICE: (Grant(policy.ADMIN_INSTANSI, region=SEKAYU), Grant(policy.PEJABAT, agency="16.71-dlh")),
        }
        for number, (name, grants) in enumerate(held.items()):
            staff_id = await staff.add(connection, f"orang{number}", "Petugas Uji", grants)
            people.append(Person(name, grants, staff_id))
        people.append(replace(people[1], name=HALF, verified=False))
    return Scene(app, inside, reports, people)
