"""Running a batch: each report in a transaction of its own, which also writes down what came of it.

Any number of runs of one batch may be under way or be killed: the item is taken and told under the batch's lock, in
the transaction that acts on it, so that nothing is done twice and nothing is left out.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from api.house import House
from api.problems import where
from api.unit import Unit, patiently, unit
from store import audit, batches, complaints, dispositions, policy, presence, reports
from store.agencies import is_valid
from store.batches import Batch, Item
from store.complaints import Actor, Changed, NotAllowed, NotFound
from store.database import is_down

log = structlog.get_logger(__name__)

RULES = {"accept": "report.accept", "dispose": "report.dispose"}


class PassedOver(Exception):
    """This report is not acted on. `why` as in `store.batches.Item`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def run(house: House, batch_id: int) -> datetime | None:
    """Run a batch, or go on with it; returns when it is to run where that is not yet.

    Raises what says that the database cannot be used just now: then it is to be run again.
    """
    async with house.engine.connect() as connection:
        batch = await batches.get(connection, batch_id)
    if batch is None or batch.state not in ("waiting", "running"):
        return None
    if batch.run_at > house.now():
        return batch.run_at
    async with unit(house) as work:
        if not await batches.claim(work.connection, batch_id, house.now()):
            return None
    for place in range(len(batch.items)):
        await _item(house, batch, place)
    async with unit(house) as work:
        if await batches.finish(work.connection, batch_id):
            actor = Actor("operator", f"staff:{batch.staff_id}")
            await audit.write(work.connection, actor, "batch.done", of=("batch", str(batch_id)))
    return None


async def _item(house: House, batch: Batch, place: int) -> None:
    async def act(work: Unit) -> None:
        item = await batches.take(work.connection, batch.id, place)
        if item is not None:
            await _act(work, batch, item)
            await batches.tell(work.connection, batch.id, place, None)

    try:
        await patiently(house, act)
        return
    except PassedOver as passed:
        problem = passed.why
    except Changed:
        problem = "changed"
    except NotFound:
        problem = "gone"
    except dispositions.UnknownAgency:
        problem = "no_agency"
    except NotAllowed:
        problem = "not_allowed"
    except Exception as error:
        if is_down(error):
            raise
        log.error("batch_item_failed", kind=type(error).__name__, where=where(error))
        problem = "defect"
    # What the attempt had changed was rolled back with it.
    async with unit(house) as work:
        if await batches.take(work.connection, batch.id, place) is not None:
            await batches.tell(work.connection, batch.id, place, problem)


async def _act(work: Unit, batch: Batch, item: Item) -> None:
    """Dispose one report, as what the person may do now. Raises `PassedOver` and what the verb raises."""
    house, connection = work.house, work.connection
    verb = RULES[batch.verb]
    grants = await presence.grants(connection, batch.staff_id, house.now())
    if not policy.reach(grants, verb):
        raise PassedOver("forbidden")
    found = await reports.subject(connection, item.ticket, house.settings.home_region)
    if not policy.may(grants, verb, found.subject):
        # Who may not read a report learns not even that there is one: tickets in a form can be anybody's guesses.
        raise PassedOver("forbidden" if policy.may(grants, "report.read", found.subject) else "gone")
    actor = Actor("operator", f"staff:{batch.staff_id}")
    code, function = batch.parameters.get("agency"), None
    if batch.verb == "accept":
        row = await complaints.lock(connection, item.ticket, item.version)
        code, function = await dispositions.standing(connection, row.id) or (None, None)
    if code is None:
        raise PassedOver("no_suggestion")
    agency = house.directory.agencies.by_code.get(code)
    if agency is None or not is_valid(agency, house.today(None)):
        raise PassedOver("no_agency")
    work.record(
        await dispositions.dispose(
            connection, item.ticket, actor, [code], lead=code, function=function, expected=item.version
        )
    )
    detail = {"agency": code, "batch": batch.id}
    await audit.write(connection, actor, verb, of=("report", item.ticket), detail=detail)
