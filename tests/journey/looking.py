"""What a journey looks at in the store, beside the REST API: the inbox, the ledger, what is remembered of a chat."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from peers.bot_api import Citizen, Sent, Update
from running import Running
from sqlalchemy import text

from api.house import House


async def rows(house: House, statement: str, **parameters: Any) -> list[Any]:
    """The rows of a query."""
    async with house.engine.connect() as connection:
        return list((await connection.execute(text(statement), parameters)).all())


async def change(house: House, statement: str, **parameters: Any) -> None:
    """Change something behind everybody's back, such as the date of a row."""
    async with house.engine.begin() as connection:
        await connection.execute(text(statement), parameters)


async def alone(house: House) -> None:
    """Let no complaint that is filed by now be the neighbour of a later one: nobody is told of Rahasia ones."""
    await change(house, "UPDATE complaints SET secret = true")


async def until(condition: Callable[[], object], patience: float = 10.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.005)


async def all_said(house: House, citizen: Citizen, patience: float = 10.0) -> list[Sent]:
    """Wait until the ledger owes this citizen nothing; returns what the citizen was sent."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        (pending,) = await rows(
            house,
            "SELECT count(*) FROM deliveries WHERE address = :address AND sent_at IS NULL AND failed_at IS NULL",
            address=str(citizen.chat_id),
        )
        if pending[0] == 0:
            return citizen.api.sent(citizen.chat_id)
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{pending[0]} deliveries to {citizen.chat_id} still wait after {patience} s")


async def seen(house: House, statement: str, patience: float = 20.0, *, count: int = 1, **parameters: Any) -> None:
    """Wait until a query has so many rows."""
    async with asyncio.timeout(patience):
        while len(await rows(house, statement, **parameters)) != count:  # noqa: ASYNC110 (a table has no event)
            await asyncio.sleep(0.02)


async def settled(house: House, address: str, patience: float = 10.0) -> None:
    """Wait until nothing is due to the chat of that address: what waits for its citizen may wait on."""
    statement = """
        SELECT id FROM deliveries
        WHERE address = :address AND sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL
    """
    await seen(house, statement, patience, count=0, address=address)


async def heard(house: House, citizen: Citizen) -> list[str]:
    """The message ids of a citizen in the inbox, sorted."""
    found = await rows(house, "SELECT message_id FROM inbox WHERE address = :address", address=str(citizen.chat_id))
    return sorted(row.message_id for row in found)


def names(*updates: Update) -> list[str]:
    """The message ids that these updates must have in the inbox, sorted."""
    return sorted(str(update["update_id"]) for update in updates)


async def remembered(house: House, citizen: Citizen) -> Mapping[str, Any]:
    """The saved conversation of a citizen."""
    found = await rows(
        house, "SELECT conversation FROM contacts WHERE address = :address", address=str(citizen.chat_id)
    )
    return found[0].conversation or {} if found else {}


async def filed(running: Running, citizen: Citizen) -> list[dict[str, Any]]:
    """The complaints of a citizen, oldest first, each as the REST API shows it."""
    tickets = await rows(
        running.house,
        "SELECT k.ticket FROM complaints k JOIN contacts c ON c.id = k.contact_id"
        " WHERE c.address = :address ORDER BY k.id",
        address=str(citizen.chat_id),
    )
    found = []
    for row in tickets:
        answer = await running.api.get(f"/complaints/{row.ticket}")
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    return found


async def kept(running: Running, citizen: Citizen) -> str:
    """Everything that is kept of a citizen's words where somebody will read them: draft, complaints and notes."""
    conversation = await remembered(running.house, citizen)
    return json.dumps([conversation.get("draft"), await filed(running, citizen)], ensure_ascii=False)


async def finish(running: Running, citizen: Citizen) -> dict[str, Any]:
    """Answer whatever is asked by tapping, as a citizen in a hurry does, until it is filed; returns the complaint."""
    for _ in range(12):
        last = (await all_said(running.house, citizen))[-1]
        if "Tercatat" in last.text:
            break
        choice = next(
            (
                choice
                for ending in (":skip", ":pengaduan", ":none", ":new", ":open", ":send")
                for choice in last.choices
                if choice.endswith(ending)
            ),
            None,
        )
        update = citizen.tap(choice, last) if choice else citizen.text("Kota Palembang")
        await citizen.api.deliver(update)
    return (await filed(running, citizen))[-1]
