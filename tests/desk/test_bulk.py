"""Many reports at once: they wait and can be taken back; a run does each once, and names what it passed over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, signed_in
from fastapi import FastAPI
from making import OPERATOR, eventually, file, rows, run, value
from running import working

from api import batching
from api.house import House
from api.settings import Settings
from api.unit import unit
from store import batches, complaints, policy
from store.batches import Batch
from store.complaints import Event

ADMIN = GRANTS[policy.ADMIN_INSTANSI]
AGENCY = "16.71-dishub"


async def filed(inside: House, count: int = 1, **details: object) -> list[Event]:
    """Reports of Palembang with a suggestion."""
    wanted = {"region": PALEMBANG, "function": "pu", "agency": "16.71-pu", **details}
    async with inside.engine.begin() as connection:
        return [await file(connection, **wanted) for _ in range(count)]


async def begin(client: httpx.AsyncClient, tickets: Sequence[str], verb: str = "accept", **more: str) -> int:
    """A batch over these, as their first version was read; returns its id."""
    items = [f"{ticket}:1" for ticket in tickets]
    answer = await client.post("/massal", data={"verb": verb, "item": items, "next": "/desk/triase", **more})
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


async def due(inside: House, batch_id: int) -> None:
    """Ten seconds later."""
    await run(inside.engine, "UPDATE batches SET run_at = now() - interval '1 second' WHERE id = :id", id=batch_id)


async def read(inside: House, batch_id: int) -> Batch:
    """The batch as it is now."""
    async with inside.engine.connect() as connection:
        found = await batches.get(connection, batch_id)
    assert found is not None
    return found


async def statuses(inside: House) -> dict[str, tuple[str, str]]:
    """Status and agency by ticket."""
    found = await rows(inside.engine, "SELECT ticket, status, agency FROM complaints")
    return {row.ticket: (row.status, row.agency) for row in found}


async def test_accepted_in_bulk_as_each_was_suggested(app: FastAPI, inside: House) -> None:
    first, second = await filed(inside), await filed(inside, agency="16.71-dlh", function="dlh")
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [first[0].ticket, second[0].ticket])
        assert "2 laporan akan diteruskan" in (await client.get(f"/massal/{batch_id}")).text
        assert await batching.run(inside, batch_id) is not None  # not yet
        assert set((await statuses(inside)).values()) == {
            ("Belum Terverifikasi", "16.71-pu"),
            ("Belum Terverifikasi", "16.71-dlh"),
        }
        await due(inside, batch_id)
        await batching.run(inside, batch_id)
        assert "2 laporan diteruskan" in (await client.get(f"/massal/{batch_id}")).text
    assert set((await statuses(inside)).values()) == {("Terdisposisi", "16.71-pu"), ("Terdisposisi", "16.71-dlh")}
    verbs = [row.verb for row in await rows(inside.engine, "SELECT verb FROM audit ORDER BY id")]
    assert verbs == ["batch.begin", "report.accept", "report.accept", "batch.done"]


async def test_undone_before_its_time_it_never_runs(app: FastAPI, inside: House) -> None:
    [event] = await filed(inside)
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [event.ticket])
        assert (await client.post(f"/massal/{batch_id}/urung")).status_code == 303
        assert "Diurungkan" in (await client.get(f"/massal/{batch_id}")).text
        await due(inside, batch_id)
        await batching.run(inside, batch_id)
    assert (await statuses(inside))[event.ticket][0] == "Belum Terverifikasi"


async def test_a_batch_is_its_owners(app: FastAPI, inside: House) -> None:
    [event] = await filed(inside)
    async with signed_in(app, ADMIN, login="ani") as ani, signed_in(app, ADMIN, login="budi") as budi:
        batch_id = await begin(ani, [event.ticket])
        assert (await budi.get(f"/massal/{batch_id}")).status_code == 404
        assert (await budi.post(f"/massal/{batch_id}/urung")).status_code == 404
        assert (await ani.get("/massal/99999999999999999999")).status_code == 404
    assert (await read(inside, batch_id)).state == "waiting"


async def test_to_one_agency_which_is_asked_for_first(app: FastAPI, inside: House) -> None:
    events = await filed(inside, 3)
    tickets = [each.ticket for each in events]
    async with signed_in(app, ADMIN) as client:
        items = [f"{ticket}:1" for ticket in tickets]
        asked = await client.post("/massal", data={"verb": "dispose", "item": items})
        assert asked.status_code == 200
        assert "Dinas Perhubungan" in asked.text
        assert re.findall(r'name="item" value="([^"]+)"', asked.text) == items
        unknown = await client.post("/massal", data={"verb": "dispose", "item": items, "agency": "Dinas Antah"})
        assert unknown.status_code == 422
        assert re.findall(r'name="item" value="([^"]+)"', unknown.text) == items
        batch_id = await begin(client, tickets, "dispose", agency=AGENCY)
    await due(inside, batch_id)
    await batching.run(inside, batch_id)
    assert set((await statuses(inside)).values()) == {("Terdisposisi", AGENCY)}


async def test_what_changed_meanwhile_is_passed_over_and_named(app: FastAPI, inside: House) -> None:
    changed, moved, ended, unsuggested, fine = [(await filed(inside))[0] for _ in range(5)]
    async with signed_in(app, ADMIN) as client:
        every = [changed, moved, ended, unsuggested, fine]
        await run(inside.engine, "UPDATE complaints SET agency = NULL WHERE id = :id", id=unsuggested.complaint_id)
        batch_id = await begin(client, [each.ticket for each in every])
        async with unit(inside) as work:
            await complaints.note(work.connection, changed.ticket, OPERATOR, "sebentar", public=False)
        await run(inside.engine, "UPDATE complaints SET region = :r WHERE id = :id", r=SEKAYU, id=moved.complaint_id)
        await run(
            inside.engine, "UPDATE complaints SET status = 'Ditutup oleh Sistem' WHERE id = :id", id=ended.complaint_id
        )
        await due(inside, batch_id)
        await batching.run(inside, batch_id)
        page = (await client.get(f"/massal/{batch_id}")).text
    problems = {each.ticket: each.problem for each in (await read(inside, batch_id)).items}
    assert problems == {
        changed.ticket: "changed",
        moved.ticket: "gone",
        ended.ticket: "not_allowed",
        unsuggested.ticket: "no_suggestion",
        fine.ticket: None,
    }
    assert "diubah orang lain" in page
    assert (await statuses(inside))[fine.ticket][0] == "Terdisposisi"
    assert (await statuses(inside))[changed.ticket][0] == "Belum Terverifikasi"


async def test_who_lost_the_role_meanwhile_disposes_of_nothing(app: FastAPI, inside: House) -> None:
    [event] = await filed(inside)
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [event.ticket])
    await run(inside.engine, "UPDATE staff_grants SET valid_to = current_date - 2")
    await due(inside, batch_id)
    await batching.run(inside, batch_id)
    assert [each.problem for each in (await read(inside, batch_id)).items] == ["forbidden"]


async def test_a_batch_tells_nobody_which_tickets_exist(app: FastAPI, inside: House) -> None:
    [far] = await filed(inside, region=SEKAYU)
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [far.ticket, "T-000-000-0000"])
    await due(inside, batch_id)
    await batching.run(inside, batch_id)
    assert [each.problem for each in (await read(inside, batch_id)).items] == ["gone", "gone"]


async def test_the_audit_says_that_an_operator_began_it(app: FastAPI, inside: House) -> None:
    [event] = await filed(inside)
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [event.ticket])
        await client.post(f"/massal/{batch_id}/urung")
    found = await rows(inside.engine, "SELECT verb, actor_kind FROM audit ORDER BY id")
    assert found == [("batch.begin", "operator"), ("batch.undo", "operator")]


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
async def test_a_run_that_is_killed_goes_on_and_does_nothing_twice(app: FastAPI, inside: House, cut: int) -> None:
    events = await filed(inside, 6)
    async with signed_in(app, ADMIN) as client:
        batch_id = await begin(client, [each.ticket for each in events])
    await due(inside, batch_id)
    killed = asyncio.create_task(batching.run(inside, batch_id))
    done = partial(value, inside.engine, "SELECT count(*) >= :cut FROM dispositions", cut=cut)
    await eventually(done)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    await asyncio.gather(batching.run(inside, batch_id), batching.run(inside, batch_id))
    await batching.run(inside, batch_id)
    found = await rows(
        inside.engine,
        """
        SELECT k.version, (SELECT count(*) FROM dispositions d WHERE d.complaint_id = k.id) AS times,
               (SELECT count(*) FROM audit a WHERE a.object_id = k.ticket) AS told
        FROM complaints k
        """,
    )
    assert {tuple(row) for row in found} == {(2, 1, 1)}
    batch = await read(inside, batch_id)
    assert batch.state == "done"
    assert all(each.done for each in batch.items)


async def test_the_worker_runs_it_when_its_time_has_come(
    app: FastAPI, inside: House, settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "WAITS", timedelta(seconds=0.5))
    [event] = await filed(inside)
    async with signed_in(app, ADMIN) as client, working(settings, database):
        batch_id = await begin(client, [event.ticket])
        began = datetime.now(UTC)
        while (await client.get(f"/massal/{batch_id}", headers={"accept": "application/json"})).json()[
            "state"
        ] != "done":
            assert datetime.now(UTC) - began < timedelta(seconds=20)
            await asyncio.sleep(0.1)
    assert (await statuses(inside))[event.ticket][0] == "Terdisposisi"


@pytest.mark.parametrize(
    "data",
    [
        {"verb": "archive", "item": "T-482-173-9056:1"},
        {"item": "T-482-173-9056:1"},
        {"verb": "accept", "item": ["x", "T-1:1", "\x00:1", "T-482-173-9056:x"]},
        {"verb": "accept"},
    ],
)
async def test_what_no_form_of_ours_sends_changes_nothing(app: FastAPI, inside: House, data: dict[str, Any]) -> None:
    async with signed_in(app, ADMIN) as client:
        assert (await client.post("/massal", data=data)).status_code == 422
    assert await value(inside.engine, "SELECT count(*) FROM batches") == 0


async def test_only_triage_begins_one(app: FastAPI, inside: House) -> None:
    [event] = await filed(inside)
    for role in (policy.PEJABAT, policy.PENGAWAS, policy.ADMINISTRATOR):
        async with signed_in(app, GRANTS[role], login=role) as client:
            answer = await client.post("/massal", data={"verb": "accept", "item": f"{event.ticket}:1"})
        assert answer.status_code == 403
