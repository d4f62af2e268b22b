"""What is slow or goes outside: procrastinate jobs that carry ids only.

A job is put into the queue by the transaction that needs it. Workers may run on any hosts; what a killed
worker leaves behind is put back into the queue by the next minute's rescue.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import procrastinate
import structlog
from procrastinate import JobContext
from procrastinate.jobs import Job
from sqlalchemy.ext.asyncio import AsyncConnection

from api import assisting, batching, checking, emptying, joining, retention, sealing, silence, timekeeping, windows
from api.elsewhere import handover, mailing, posting, ringkas, tracking
from api.house import House
from api.media import cleaning, fetching, placing
from api.queue import BRIDGES, DEAD_AFTER, tasks
from api.unit import unit
from bot.messages import Channel
from store.statement import raw

if TYPE_CHECKING:
    from api.media.transcribing import Listener

log = structlog.get_logger(__name__)

# Pauses of 3, 9, 27 seconds and so on up to an hour: three days, as long as the provider may be down.
ATTEMPTS = 80
# Where voice notes wait to be written down: slow work that must not hold up the files behind it.
VOICE = "voice"


@dataclass(slots=True)
class Tools:
    """What jobs work with; handed to the worker as its context."""

    house: House
    channels: dict[str, Channel]
    listener: Listener | None = None


class _Patient(procrastinate.BaseRetryStrategy):
    """Again after a growing pause, until the attempts are used up."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if job.attempts >= ATTEMPTS:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": min(3 ** min(job.attempts + 1, 8), 3600)})


async def fetch_media_later(connection: AsyncConnection, media_id: int) -> None:
    """Fetch a file's bytes when this transaction has committed."""
    await fetch_media.configure(connection=raw(connection)).defer_async(media_id=media_id)


@tasks.task(
    name="fetch_media",
    pass_context=True,
    # Whatever went wrong, also on our side (a full disk, a database that hiccups), the provider still has the file.
    retry=_Patient(),
)
async def fetch_media(context: JobContext, media_id: int) -> None:
    """Bring a file's bytes onto the shelf, look at what they are, and tell the citizen if they are of no use."""
    tools: Tools = context.additional_context["tools"]
    last = context.job.attempts >= ATTEMPTS - 1
    await fetching.fetch(tools.house, tools.channels, media_id, last=last)


@tasks.task(name="transcribe", queue=VOICE, pass_context=True, retry=_Patient())
async def transcribe(context: JobContext, media_id: int) -> None:
    """Write down the words of a voice note and give them to its conversation, where a transcriber is plugged in."""
    tools: Tools = context.additional_context["tools"]
    if tools.listener is not None:
        await tools.listener.listen(tools.house, media_id)


@tasks.task(name="tell_photo_place", pass_context=True, retry=_Patient())
async def tell_photo_place(context: JobContext, media_id: int) -> None:
    """Tell a conversation that a photo of it says where it was taken."""
    tools: Tools = context.additional_context["tools"]
    await placing.tell_photo_place(tools.house, media_id)


@tasks.task(name="pass_on", pass_context=True, retry=_Patient())
async def pass_on(context: JobContext, complaint_id: int) -> None:
    """Say what an office said to a report to those that were joined with it."""
    tools: Tools = context.additional_context["tools"]
    await joining.pass_on(tools.house, complaint_id)


@tasks.task(name="run_batch", pass_context=True, retry=_Patient())
async def run_batch(context: JobContext, batch_id: int) -> None:
    """Run an action on many reports when its time has come."""
    tools: Tools = context.additional_context["tools"]
    later = await batching.run(tools.house, batch_id)
    if later is not None:
        await run_batch.configure(schedule_at=later).defer_async(batch_id=batch_id)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="rescue", pass_context=True, queueing_lock="rescue")
async def rescue(context: JobContext, timestamp: int) -> None:
    """Put the jobs of dead workers back into the queue."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER):
        log.warning("job_rescued", job=job.id, task=job.task_name)
        with suppress(procrastinate.exceptions.ConnectorException):
            await manager.retry_job(job)


@tasks.periodic(cron="*/15 * * * *")
@tasks.task(name="keep_clocks", pass_context=True, queueing_lock="keep_clocks")
async def keep_clocks(context: JobContext, timestamp: int) -> None:
    """Do what the calendar says: remind, end what nobody has answered, and tell officers what is late."""
    tools: Tools = context.additional_context["tools"]
    await timekeeping.keep_clocks(tools.house)


@tasks.periodic(cron="*/15 * * * *")
@tasks.task(name="keep_mornings", pass_context=True, queueing_lock="keep_mornings")
async def keep_mornings(context: JobContext, timestamp: int) -> None:
    """Tell officers how much there is to do, where it is half past seven or later in the morning."""
    tools: Tools = context.additional_context["tools"]
    await timekeeping.keep_mornings(tools.house)


@tasks.periodic(cron="5-59/15 * * * *")
@tasks.task(name="check_channels", pass_context=True, queueing_lock="check_channels")
async def check_channels(context: JobContext, timestamp: int) -> None:
    """Look whether what the channels' providers must have approved is there; the first time when a worker starts."""
    tools: Tools = context.additional_context["tools"]
    await checking.check_channels(tools.house, tools.channels)


async def check_channels_now() -> None:
    """Have the channels looked at soon, and not only when the clock says so."""
    with suppress(procrastinate.exceptions.AlreadyEnqueued):
        await check_channels.configure().defer_async(timestamp=0)


@tasks.periodic(cron="7-59/15 * * * *")
@tasks.task(name="keep_drafts", pass_context=True, queueing_lock="keep_drafts")
async def keep_drafts(context: JobContext, timestamp: int) -> None:
    """Announce the end of drafts that nobody goes on with, and drop them after it."""
    tools: Tools = context.additional_context["tools"]
    await silence.keep_drafts(tools.house)


@tasks.periodic(cron="23 * * * *")
@tasks.task(name="keep_grants", pass_context=True, queueing_lock="keep_grants")
async def keep_grants(context: JobContext, timestamp: int) -> None:
    """Give the drafts of residents to the desk where whoever assisted with them may not go on."""
    tools: Tools = context.additional_context["tools"]
    await assisting.keep_grants(tools.house)


@tasks.task(name="cover_codes", pass_context=True, retry=_Patient())
async def cover_codes(context: JobContext, contact_id: int) -> None:
    """Cover the codes in the receipts of residents who were assisted in a chat, a day after they were sent."""
    tools: Tools = context.additional_context["tools"]
    await assisting.cover_codes(tools.house, contact_id)


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="end_silent_sittings", pass_context=True, queueing_lock="end_silent_sittings")
async def end_silent_sittings(context: JobContext, timestamp: int) -> None:
    """End the chats at service counters that somebody has left behind."""
    tools: Tools = context.additional_context["tools"]
    await emptying.end_silent(tools.house)


@tasks.periodic(cron="11-59/15 * * * *")
@tasks.task(name="keep_windows", pass_context=True, queueing_lock="keep_windows")
async def keep_windows(context: JobContext, timestamp: int) -> None:
    """Remind, once, whoever we may soon not write to any more by ourselves."""
    tools: Tools = context.additional_context["tools"]
    await windows.keep_windows(tools.house)


@tasks.periodic(cron="2-59/10 * * * *")
@tasks.task(name="clean_pictures", pass_context=True, queueing_lock="clean_pictures")
async def clean_pictures(context: JobContext, timestamp: int) -> None:
    """Copy pictures clean that came before there were clean copies, a few at a time; forget where photos were taken for
    which nobody has answered."""
    tools: Tools = context.additional_context["tools"]
    await cleaning.forget_places(tools.house)
    await cleaning.clean_pictures(tools.house)


@tasks.task(name="hand_over", queue=BRIDGES, pass_context=True, retry=_Patient())
async def hand_over(context: JobContext, reference_id: int) -> None:
    """Hand a report over to another system, if that waits."""
    tools: Tools = context.additional_context["tools"]
    await handover.hand_over(tools.house, reference_id)


@tasks.task(name="pass_post", queue=BRIDGES, pass_context=True, retry=_Patient())
async def pass_post(context: JobContext, post_id: int) -> None:
    """Pass on what follows a report, if it is its turn."""
    tools: Tools = context.additional_context["tools"]
    await handover.pass_post(tools.house, post_id)


@tasks.task(name="follow_reference", queue=BRIDGES, pass_context=True, retry=_Patient())
async def follow_reference(context: JobContext, reference_id: int) -> None:
    """Ask another system how far a report is, if it is time."""
    tools: Tools = context.additional_context["tools"]
    await tracking.follow(tools.house, reference_id)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="hand_over_waiting", pass_context=True, queueing_lock="hand_over_waiting")
async def hand_over_waiting(context: JobContext, timestamp: int) -> None:
    """Take up what waits to go into other systems and nobody has begun, and what a dead process left there."""
    tools: Tools = context.additional_context["tools"]
    await handover.keep_waiting(tools.house)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="follow_references", pass_context=True, queueing_lock="follow_references")
async def follow_references(context: JobContext, timestamp: int) -> None:
    """Have those looked at whose time has come."""
    tools: Tools = context.additional_context["tools"]
    await tracking.keep_following(tools.house)


@tasks.task(name="deliver_webhook", queue=BRIDGES, pass_context=True, retry=_Patient())
async def deliver_webhook(context: JobContext, subscription_id: int, complaint_id: int) -> None:
    """Post what waits for a subscriber of a complaint (0: events about nothing)."""
    tools: Tools = context.additional_context["tools"]
    await posting.deliver(tools.house, subscription_id, complaint_id or None)


@tasks.task(name="wake_webhooks", pass_context=True, retry=_Patient())
async def wake_webhooks(context: JobContext, subscription_id: int) -> None:
    """Post all that is due for a subscriber: an officer has asked for it."""
    tools: Tools = context.additional_context["tools"]
    async with unit(tools.house) as work:
        await posting.wake(work, subscription_id)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="pick_up_webhooks", pass_context=True, queueing_lock="pick_up_webhooks")
async def pick_up_webhooks(context: JobContext, timestamp: int) -> None:
    """Post again what was not taken, when its time has come."""
    tools: Tools = context.additional_context["tools"]
    await posting.pick_up(tools.house)


@tasks.periodic(cron="23 19 * * *")  # 02.23 in WIB
@tasks.task(name="tidy_webhooks", pass_context=True, queueing_lock="tidy_webhooks")
async def tidy_webhooks(context: JobContext, timestamp: int) -> None:
    """Forget events of webhooks that are old enough."""
    tools: Tools = context.additional_context["tools"]
    await posting.tidy(tools.house)


@tasks.task(name="read_ringkas", pass_context=True, retry=_Patient())
async def read_ringkas(context: JobContext, import_id: int) -> None:
    """Read an export of SP4N's that an officer has handed in, so that a person can see what it would change."""
    tools: Tools = context.additional_context["tools"]
    await ringkas.read(tools.house, import_id)


@tasks.task(name="do_ringkas", pass_context=True, retry=_Patient())
async def do_ringkas(context: JobContext, import_id: int) -> None:
    """Do what an officer has seen that such an export would change."""
    tools: Tools = context.additional_context["tools"]
    await ringkas.do(tools.house, import_id)


@tasks.periodic(cron="9-59/15 * * * *")
@tasks.task(name="clear_ringkas", pass_context=True, queueing_lock="clear_ringkas")
async def clear_ringkas(context: JobContext, timestamp: int) -> None:
    """Forget exports that were imported or dropped, and their files."""
    tools: Tools = context.additional_context["tools"]
    await ringkas.clear(tools.house)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="read_mailbox", queue=BRIDGES, pass_context=True, queueing_lock="read_mailbox", lock="read_mailbox")
async def read_mailbox(context: JobContext, timestamp: int) -> None:
    """Read what came back by e-mail, where there is a mailbox."""
    tools: Tools = context.additional_context["tools"]
    await mailing.read_mailbox(tools.house)


@tasks.periodic(cron="17 19 * * *")  # 02.17 in WIB
@tasks.task(name="retain", pass_context=True, queueing_lock="retain")
async def retain(context: JobContext, timestamp: int) -> None:
    """Let go of what has been kept long enough."""
    tools: Tools = context.additional_context["tools"]
    await retention.retain(tools.house)


@tasks.periodic(cron="3-59/10 * * * *")
@tasks.task(name="seal", pass_context=True, queueing_lock="seal")
async def seal(context: JobContext, timestamp: int) -> None:
    """Seal what has been written to the audit."""
    tools: Tools = context.additional_context["tools"]
    await sealing.seal(tools.house)


@asynccontextmanager
async def queue(url: str) -> AsyncIterator[procrastinate.App]:
    """The job queue on the database of that URL, open."""
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=4)
    with tasks.replace_connector(connector) as app:
        async with app.open_async():
            yield app
