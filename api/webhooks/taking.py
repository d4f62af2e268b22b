"""What all doors do with what came through them: take a message, or keep what cannot be taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from api import intake
from api.house import House
from api.problems import where
from api.unit import unit
from bot.messages import Incoming
from store import attention, inbox
from store.database import is_down

log = structlog.get_logger(__name__)


async def take(house: House, message: Incoming, payload: Mapping[str, Any], received_at: datetime) -> bool:
    """Handle one message; whether it will be answered. One that we fail on is kept as it came, for a person to see.

    Raises only when the store is down: a defect of ours must not make the provider repeat it for ever.
    """
    try:
        return await intake.take(house, message, payload, received_at)
    except Exception as error:
        if is_down(error):
            raise
        log.error("message_not_handled", kind=type(error).__name__, where=where(error))
        await keep(house, message.address.channel, message.message_id, payload, received_at, failed=True)
        return False


async def keep(
    house: House, channel: str, name: str | None, payload: Any, received_at: datetime, *, failed: bool = False
) -> bool:
    """Keep what belongs to no chat, or what we failed on, once: by its id or, without one, by its content. False if it
    was there before. What failed is a matter for a person."""
    name = name or "sha256:" + hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    async with unit(house) as work:
        new = await inbox.keep(
            work.connection, channel=channel, message_id=name, payload=payload, received_at=received_at
        )
        if new and failed:
            # Not its name: that of WhatsApp may hold a telephone number.
            line = await inbox.line_of(work.connection, channel, name)
            await attention.raise_matter(work.connection, "message_not_handled", detail=f"inbox:{line}")
    return new
