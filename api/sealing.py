"""The job that seals the audit (store/sealing.py). The newest digest goes into the log, which lies elsewhere."""

from __future__ import annotations

import structlog

from api.house import House
from api.unit import unit
from store import sealing
from store.database import is_busy

log = structlog.get_logger(__name__)


async def seal(house: House, most: int = sealing.MOST) -> int:
    """Seal every row that is there now, `most` under each seal; returns how many seals were set.

    A seal is a transaction of its own: any number of workers may do it at once, and one that is killed leaves nothing
    half done. Where somebody writes for long, the next run comes soon.
    """
    try:
        async with unit(house) as work:
            upto = await sealing.settled(work.connection)
    except Exception as error:
        if not is_busy(error):
            raise
        log.info("seal_put_off")
        return 0
    made = 0
    while upto is not None:
        async with unit(house) as work:
            last = await sealing.seal(work.connection, upto, most)
        if last is None:
            break
        made += 1
        log.info("audit_sealed", last_id=last.last_id, rows=last.rows, digest=last.digest)
    return made
