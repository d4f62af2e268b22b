"""What is slow or goes outside: procrastinate jobs that carry ids only.

A job is put into the queue by the transaction that needs it. Workers may run on any hosts; what a killed
worker leaves behind is put back into the queue by the next minute's rescue.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import PIL.Image
import procrastinate
import structlog
from procrastinate import JobContext
from procrastinate.jobs import Job
from sqlalchemy.ext.asyncio import AsyncConnection

from api import batching, joining, retention, sealing, silence, timekeeping
from api.house import House
from api.queue import tasks
from api.unit import unit
from bot.drafting import DOCUMENT_LIMIT
from bot.messages import Channel, TryLater, Undeliverable
from store import attention, evidence, media
from store.deliveries import NewDelivery
from store.statement import raw

if TYPE_CHECKING:
    from api.transcribing import Listener

log = structlog.get_logger(__name__)

# A worker that has not given a sign for this long is dead, and its jobs are run again.
DEAD_AFTER = 30.0
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
    house = tools.house
    async with house.engine.connect() as connection:
        row = await media.get(connection, media_id)
    if row is None or row.state != "waiting":
        return
    try:
        content = await _fetch(tools, row)
        kind = await asyncio.to_thread(look, content, row.kind)
        name = await asyncio.to_thread(house.shelf.put, content)
        looks = await asyncio.to_thread(evidence.looks, content) if kind.startswith("image/") else None
        async with unit(house) as work:
            await media.stored(work.connection, media_id, name, kind, len(content), looks)
            if row.kind == "voice" and house.settings.transcriber:
                await transcribe.configure(connection=raw(work.connection)).defer_async(media_id=media_id)
    except UselessFile as problem:
        await _put_aside(house, row, "refused", problem.key)
    except Undeliverable as problem:
        large = problem.reason == "file too large"
        await _put_aside(house, row, "refused" if large else "failed", "too_large" if large else "gone")
    except Exception:
        if context.job.attempts < ATTEMPTS - 1:
            raise
        await _put_aside(house, row, "failed", "gone")


async def _fetch(tools: Tools, row: Any) -> bytes:
    if row.channel == "webchat":
        # The page has brought the bytes along: they are on the shelf already, under their digest.
        try:
            return await asyncio.to_thread(tools.house.shelf.get, row.provider_id)
        except FileNotFoundError:
            raise Undeliverable("not on the shelf", gone=False) from None
    channel = tools.channels.get(row.channel)
    if channel is None:
        raise TryLater("channel_not_configured")
    return await channel.fetch(row.provider_id)


async def _put_aside(house: House, row: Any, state: str, problem: str) -> None:
    async with unit(house) as work:
        # The chat first, then the file: a turn that gives its files to a complaint locks them in this order.
        contact = await media.sender(work.connection, row.contact_id)
        await media.put_aside(work.connection, row.id, state, problem)
        if contact is None:
            return
        await work.say(
            NewDelivery(
                contact_id=contact.id,
                channel=contact.channel,
                address=contact.address,
                says=[("push.media_refused", {"problem": {"key": f"media.{problem}"}})],
                language=contact.language,
                complaint_id=row.complaint_id,
            )
        )
        if state == "failed":
            await attention.raise_matter(
                work.connection,
                "media_failed",
                contact_id=row.contact_id,
                complaint_id=row.complaint_id,
                detail=str(row.id),
            )


class UselessFile(Exception):
    """The bytes are no file that an office could open. `key` is the text that says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


# How sound and film begin: the first bytes at an offset, and the content type with {} for audio or video.
_BEGINNINGS = (
    (0, b"OggS", "{}/ogg"),
    (0, b"\x1aE\xdf\xa3", "{}/webm"),
    (4, b"ftypqt", "{}/quicktime"),
    (4, b"ftyp3g", "{}/3gpp"),
    (4, b"ftyp", "{}/mp4"),
    (0, b"#!AMR-WB\n", "audio/amr-wb"),
    (0, b"#!AMR\n", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"caff", "audio/x-caf"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"GIF8", "image/gif"),
)


def look(content: bytes, kind: str) -> str:
    """The content type that the bytes themselves show. Raises `UselessFile`.

    Sound and film of a kind that we do not know are kept all the same: an officer may have what plays them.
    """
    if len(content) > DOCUMENT_LIMIT:
        raise UselessFile("too_large")
    if kind in {"voice", "video"}:
        return _look_at_sound(content, "audio" if kind == "voice" else "video")
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            image.verify()
            return f"image/{(image.format or '').lower()}"
    except Exception:  # Pillow raises many kinds on broken files, and an error for decompression bombs
        raise UselessFile("unreadable") from None


def _look_at_sound(content: bytes, family: str) -> str:
    for at, beginning, content_type in _BEGINNINGS:
        if content.startswith(beginning, at):
            return content_type.format(family)
    # Frames without a header begin with eleven set bits; then, for MPEG audio, come its version and its layer.
    if content[:1] == b"\xff" and (second := content[1:2]):
        if second[0] & 0xE6 in {0xE2, 0xE4}:
            return "audio/mpeg"
        if second[0] & 0xF6 == 0xF0:
            return "audio/aac"
    return "application/octet-stream"


@tasks.task(name="transcribe", queue=VOICE, pass_context=True, retry=_Patient())
async def transcribe(context: JobContext, media_id: int) -> None:
    """Write down the words of a voice note and give them to its conversation, where a transcriber is plugged in."""
    tools: Tools = context.additional_context["tools"]
    if tools.listener is not None:
        await tools.listener.listen(tools.house, media_id)


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


@tasks.periodic(cron="7-59/15 * * * *")
@tasks.task(name="keep_drafts", pass_context=True, queueing_lock="keep_drafts")
async def keep_drafts(context: JobContext, timestamp: int) -> None:
    """Announce the end of drafts that nobody goes on with, and drop them after it."""
    tools: Tools = context.additional_context["tools"]
    await silence.keep_drafts(tools.house)


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
