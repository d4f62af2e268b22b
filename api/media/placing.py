"""Where a photo was taken, told to its conversation: whether that counts, the citizen says (bot/drafting.py).

The conversation hears which photo it is and never where, unless the citizen wants it: the place stands with the file
(`media.taken_at_place`), is given away once, and is forgotten in any case (api/media/cleaning.py).
"""

from __future__ import annotations

from api import intake
from api.house import House
from api.unit import unit
from bot.messages import Address, Incoming
from store import media


async def tell_photo_place(house: House, media_id: int) -> None:
    """Tell the conversation of a photo that says where it was taken, once however often the job runs."""
    async with house.engine.connect() as connection:
        row = await media.get(connection, media_id)
        message = await media.message(connection, media_id)
    if row is None or row.taken_at_place is None:
        return
    if row.complaint_id is not None or row.draft is None or message is None:
        async with unit(house) as work:
            await media.take_place(work.connection, row.contact_id, media_id)
        return
    await intake.take(
        house,
        Incoming(
            address=Address(message.channel, message.address),
            message_id=f"photographed:{media_id}",
            # Like a tap, it has no place among the messages.
            sequence=0,
            photographed=(media_id, row.draft),
        ),
        {"photographed": media_id},
        house.now(),
    )
