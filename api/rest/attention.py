"""What waits for a person, over REST: messages that could not be delivered, alerts, calls for a human."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.problems import Problem
from api.rest.complaints import ERRORS, MISSING, Caller, Here
from api.rest.schemas import Attention, MatterOut, ReplyIn
from api.unit import unit
from store import attention
from store.deliveries import NewDelivery

router = APIRouter(prefix="/api/v1", responses=ERRORS, tags=["attention"])
Matter = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/attention")
async def list_matters(house: Here, _caller: Caller) -> Attention:
    """Present dangers first, then calls for a human, then the newest."""
    async with house.engine.connect() as connection:
        found = await attention.matters(connection)
    return Attention(
        items=[
            MatterOut(
                id=each.id,
                kind=each.kind,
                at=each.at,
                channel=each.channel,
                contact=each.contact_id,
                ticket=each.ticket,
                detail=each.detail,
            )
            for each in found
        ]
    )


@router.post("/attention/a{matter}/replies", responses=MISSING, status_code=201)
async def reply(matter: Matter, body: ReplyIn, house: Here, _caller: Caller) -> dict[str, bool]:
    """Answer whoever called for a human, in their chat. The matter stays open until it is closed."""
    async with unit(house) as work:
        contact = await attention.caller(work.connection, matter)
        if contact is None:
            raise Problem(404, "There is no open matter of that number with a chat behind it.")
        await work.say(
            NewDelivery(
                contact_id=contact.id,
                channel=contact.channel,
                address=contact.address,
                says=[("push.person", {"note": body.text})],
                language=contact.language,
            )
        )
    return {"queued": True}


@router.post("/attention/a{matter}/close", responses=MISSING)
async def close(matter: Matter, house: Here, _caller: Caller) -> dict[str, bool]:
    """The matter is dealt with."""
    async with unit(house) as work:
        if not await attention.close(work.connection, matter):
            raise Problem(404, "There is no open matter of that number.")
    return {"closed": True}
