"""A scene for the desk: reports of every kind, somebody of every role, and things about them that must stay hidden."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
# Who assisted with the assisted report, how its pelapor is reached, and a draft that was given to the desk.
ASSISTANT, REACH = "Sukmawati Pendampingwati", "0813-5550-7777"
DRAFT_WORDS, DRAFT_REACH, RESIDENT = "KataDrafDampingan", "posko Kertapati nomor 9", "Mulyadi Dibantuwan"


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the matrix, what a decision must know of it, and one of its files."""

    ticket: str
    subject: Subject
    file_id: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comes to the desk: with these grants, signed in so far; `cookies` are what else their browser
    holds."""

    name: str
    grants: tuple[Grant, ...] = ()
    staff_id: int | None = None
    verified: bool = True
    cookies: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(slots=True)
class Scene:
    """The app, the reports by what is special about them, everybody, and the number of a draft that was given to the
    desk."""

    app: FastAPI
    house: House
    reports: dict[str, Report]
    people: list[Person]
    draft_id: int

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
        # A draft has no report, and its file is not the report's.
        drafts = {"draft_id": str(self.draft_id)}
        path = filled(route, {**drafts, **own, "token": "x" * 40, "rest": "x.css", **(values or {})})
        if person.cookies:
            held = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
            request["headers"] = {**request.get("headers", {}), "cookie": held}
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
    "assisted": ("16.71.01", "16.71-pu", {}),
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
    if kind == "assisted":
        await _assisted(connection, event.complaint_id)
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


VOLUNTEER, COUNTER = "volunteer's chat", "counter's tablet"
# What their browsers hold; the house knows the digests.
CHAT_COOKIE, LOKET_COOKIE = "v" * 43, "k" * 43


async def _assisted(connection: AsyncConnection, complaint_id: int) -> None:
    """A volunteer with a web chat assisted with this report; its resident has no chat and is to be called. Matters
    about it wait."""
    address = hashlib.sha256(CHAT_COOKIE.encode()).hexdigest()[:32]
    volunteer = """
        WITH person AS (INSERT INTO citizens (name) VALUES (:name) RETURNING id), chat AS (
            INSERT INTO contacts (channel, address, citizen_id, name) SELECT 'webchat', :address, id, :name FROM person
        )
        INSERT INTO volunteers (name, region, valid_until, citizen_id, redeemed_at, trained_at)
        SELECT :name, '16.71.01', DATE '2099-12-31', id, now(), now() FROM person
    """
    await execute(connection, volunteer, name=ASSISTANT, address=address)
    resident = """
        WITH person AS (INSERT INTO citizens (name) VALUES (:name) RETURNING id), party AS (
            INSERT INTO complaint_parties (complaint_id, citizen_id, role) SELECT :id, id, 'pelapor' FROM person
        )
        UPDATE complaints SET citizen_id = person.id FROM person WHERE complaints.id = :id
    """
    await execute(connection, resident, name=RESIDENT, id=complaint_id)
    await execute(connection, _ASSISTANCE, draft=1, reach="phone", words=REACH, saved=None, id=complaint_id)
    for kind, detail in (("reach_resident", "phone"), ("consent_withdrawn", None)):
        raised = "INSERT INTO attention (kind, complaint_id, detail) VALUES (:kind, :id, :detail)"
        await execute(connection, raised, kind=kind, id=complaint_id, detail=detail)


_ASSISTANCE = """
    INSERT INTO assistances (volunteer_id, contact_id, draft, consented_at, consent_words, consent_language, reach,
                             reach_words, keeps, saved, citizen_id, complaint_id, outcome, ended_at)
    SELECT v.id, c.id, :draft, now(), 'Boleh saya bantu?', 'id', :reach, :words, true, CAST(:saved AS jsonb),
           k.citizen_id, k.id, CASE WHEN k.id IS NULL THEN 'desk' ELSE 'filed' END, now()
    FROM volunteers v JOIN contacts c ON c.citizen_id = v.citizen_id
    LEFT JOIN complaints k ON k.id = CAST(:id AS bigint) RETURNING id
"""
SAVED = {
    "number": 2,
    "told": [[f"Air bersih tidak mengalir di RT 5. Saya dengar {DRAFT_WORDS} sebabnya.", 7]],
    "answers": {
        "place": [{"text": "RT 5 Kertapati", "region": "16.71.01", "name": "Ilir Barat II"}, 8],
        "time": [{"words": "sejak kemarin"}, 9],
        "resident": [RESIDENT, 10],
    },
    "photos": 1,
    "context": {"assist": {"id": 1, "at": 0}},
}


async def _draft(connection: AsyncConnection) -> int:
    """A draft of the same volunteer's, with a photo, that was given to the desk."""
    saved = json.dumps(SAVED)
    found: int = (
        await execute(connection, _ASSISTANCE, draft=2, reach="place", words=DRAFT_REACH, saved=saved, id=None)
    ).scalar_one()
    stored = """
        INSERT INTO media (contact_id, draft, kind, channel, provider_id, content_type, size, sha256, state)
        SELECT contact_id, draft, 'photo', 'webchat', 'x', 'image/jpeg', 3, :sha256, 'stored'
        FROM assistances WHERE id = :id
    """
    await execute(connection, stored, id=found, sha256=_BYTES)
    return found


async def _counter(connection: AsyncConnection, staff_id: int) -> None:
    """A counter that an officer has opened."""
    opened = """
        INSERT INTO counters (staff_id, name, region, token_sha256, expires_at)
        VALUES (:staff_id, 'MPP Jakabaring 3', '16.71', :digest, now() + make_interval(hours => 12))
    """
    await execute(connection, opened, staff_id=staff_id, digest=hashlib.sha256(LOKET_COOKIE.encode()).hexdigest())


async def staged(app: FastAPI, inside: House) -> Scene:
    """The scene, in the database of an open app."""
    async with inside.engine.begin() as connection:
        reports = {kind: await _report(connection, kind) for kind in REPORTS}
        await merging.merge(connection, reports["merged"].ticket, reports["own"].ticket, Actor("operator", "staff:0"))
        draft_id = await _draft(connection)
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
        loket = next(each for each in people if each.name == policy.LOKET)
        assert loket.staff_id is not None
        await _counter(connection, loket.staff_id)
        # Whoever assists has a chat, or a counter's tablet: that opens no door of the desk.
        people.append(Person(VOLUNTEER, cookies={"chat": CHAT_COOKIE}))
        people.append(Person(COUNTER, cookies={"chat": CHAT_COOKIE, "loket": LOKET_COOKIE}))
    return Scene(app, inside, reports, people, draft_id)
