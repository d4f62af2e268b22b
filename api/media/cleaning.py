"""Clean copies of pictures that came before there were any (store/pictures.py): a few at a time, until none is left.
And where photos were taken, which is kept for a day at most.

Until its turn has come, a picture is copied anew each time that somebody asks for it (`media.handed_out`).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from api.house import House
from api.unit import unit
from store import media, pictures
from store.media import Clean

log = structlog.get_logger(__name__)

# So many in one go: a minute's work at most.
MOST = 100
# So long a citizen has to say whether the place of a photo may be used.
PATIENCE = timedelta(days=1)


async def clean_pictures(house: House, most: int = MOST) -> int:
    """Make the clean copies of up to so many pictures; returns how many it has seen to. Several workers may do it at
    once: what two of them make, is kept once."""
    async with house.engine.connect() as connection:
        found = await media.unclean(connection, most)
    for media_id, sha256 in found:
        clean = await asyncio.to_thread(_copy, house, sha256)
        if clean is None:
            log.warning("picture_not_cleaned", media=media_id)
        async with unit(house) as work:
            await media.cleaned(work.connection, media_id, clean)
    return len(found)


async def forget_places(house: House) -> int:
    """Forget where photos were taken for which no citizen has answered in a day; returns how many."""
    async with unit(house) as work:
        return await media.forget_places(work.connection, house.now() - PATIENCE)


def _copy(house: House, sha256: str) -> Clean | None:
    """The clean copy of these bytes, on the shelf; None where there is none to be made."""
    try:
        picture = pictures.read(house.shelf.get(sha256))
    except (FileNotFoundError, pictures.Unusable):
        return None
    return Clean(house.shelf.put(picture.content), picture.content_type, len(picture.content))
