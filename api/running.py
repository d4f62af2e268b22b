"""The processes: web, speaker, worker, poller, and the terminal chat; any number of each, anywhere."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress

import psycopg
import structlog
import uvicorn
from sqlalchemy.exc import OperationalError

from api import intake, jobs
from api.app import build, introduce, telegram
from api.delivery import Speaker
from api.house import House, open_house
from api.problems import where
from api.settings import Settings, SettingsWrong
from api.webhooks.telegram import take_update
from bot.channels.terminal import Terminal
from bot.channels.webchat import Webchat
from bot.messages import Channel, TryLater, Undeliverable
from store import embedded, masterdata, migrate

log = structlog.get_logger(__name__)


class _Discreet(logging.Formatter):
    """Tells of an exception only its kind and its place: its words may be somebody's complaint."""

    def formatException(self, ei: object) -> str:  # noqa: N802
        error = ei[1] if isinstance(ei, tuple) else None
        return f"{type(error).__name__} at {where(error)}" if isinstance(error, BaseException) else ""


def quiet(settings: Settings) -> None:
    """Log JSON lines to standard error; libraries only from WARNING on, since they may quote what they are given."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The database's URL, ready to work with: the embedded server started and migrated, another one checked.

    Raises `SettingsWrong` where a named server cannot be reached or is not migrated.
    """
    if settings.database_url is None:
        with embedded.serve(settings.data_dir) as url:
            prepare(url)
            yield url
        return
    url = settings.database_url.get_secret_value()
    try:
        found = migrate.current(url)
    except (OperationalError, psycopg.Error):
        raise SettingsWrong(
            "The server of DATABASE_URL cannot be reached; check the address and the password."
        ) from None
    if found != migrate.head():
        raise SettingsWrong(
            "The database of DATABASE_URL is not migrated to this version: run `python -m api migrate`."
        )
    yield url


def prepare(url: str) -> None:
    """Migrate a database and load the shipped master data."""
    migrate.upgrade(url)
    masterdata.load(url)


def web(settings: Settings) -> None:
    """Serve the chat page, the webhooks and the REST API."""
    if not settings.api_keys.get_secret_value():
        raise SettingsWrong("API_KEYS must name at least one key, such as desk:<16 or more characters>.")
    with database(settings) as url:
        config = uvicorn.Config(
            build(settings, url),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run()


def speaker(settings: Settings) -> None:
    """Speak what the ledger holds."""
    with database(settings) as url:
        asyncio.run(_speak(settings, url))


async def _speak(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="speaker"))
        speaking = Speaker(house, await _channels(stack, settings))
        _on_stop(speaking.stop)
        await speaking.run()


async def _channels(stack: AsyncExitStack, settings: Settings) -> dict[str, Channel]:
    channels: dict[str, Channel] = {"webchat": Webchat()}
    if settings.telegram_token:
        channels["telegram"] = await stack.enter_async_context(telegram(settings))
    return channels


def worker(settings: Settings) -> None:
    """Run the slow jobs."""
    with database(settings) as url:
        asyncio.run(_work(settings, url))


async def _work(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="worker"))
        tools = jobs.Tools(house, await _channels(stack, settings))
        queue = await stack.enter_async_context(jobs.queue(house.url))
        await queue.run_worker_async(
            name="lapor",
            concurrency=4,
            fetch_job_polling_interval=2.0,
            shutdown_graceful_timeout=5.0,
            delete_jobs="successful",
            additional_context={"tools": tools},
        )


def poll(settings: Settings) -> None:
    """Fetch Telegram's updates where no public address exists."""
    if settings.telegram_token is None or settings.telegram_mode != "polling":
        raise SettingsWrong("Polling needs TELEGRAM_TOKEN and TELEGRAM_MODE=polling.")
    with database(settings) as url:
        asyncio.run(_poll(settings, url))


async def _poll(settings: Settings, url: str) -> None:
    async with open_house(settings, url, name="poll") as house, telegram(settings) as channel:
        stopped = asyncio.Event()
        _on_stop(stopped.set)
        await introduce(house, channel, None)
        offset: int | None = None
        while not stopped.is_set():
            try:
                updates = await channel.poll(offset, 20.0)
                for update in updates:
                    await take_update(house, update, house.now())
                    # Only what is committed is acknowledged; the rest comes again.
                    offset = int(update["update_id"]) + 1
            except (TryLater, Undeliverable) as error:
                log.warning("telegram_not_reached", problem=error.reason)
                await asyncio.sleep(error.after if isinstance(error, TryLater) and error.after else 3.0)
            except OperationalError:
                log.warning("store_down")
                await asyncio.sleep(1.0)


def chat(settings: Settings) -> None:
    """Talk to the bot in this terminal."""
    with database(settings) as url:
        asyncio.run(_chat(settings, url))


async def _chat(settings: Settings, url: str) -> None:
    terminal = Terminal()
    async with open_house(settings, url, name="chat") as house:
        speaking = Speaker(house, {"terminal": terminal})
        running = asyncio.create_task(speaking.run())
        user, number = uuid.uuid4().hex[:12], 0
        print("Tulis laporan Anda; Ctrl-D untuk keluar. / Write your report; Ctrl-D to leave.")
        while line := await asyncio.to_thread(sys.stdin.readline):
            number += 1
            await intake.take(house, terminal.read(line.rstrip("\n"), user, number), {"text": line}, house.now())
            await _spoken(house)
        speaking.stop()
        await running


async def _spoken(house: House) -> None:
    """Wait until the reply is out, so that the next line is typed below it."""
    for _ in range(50):
        await asyncio.sleep(0.05)
        async with house.engine.connect() as connection:
            waiting = await connection.exec_driver_sql(
                "SELECT 1 FROM deliveries WHERE channel = 'terminal' AND sent_at IS NULL AND failed_at IS NULL LIMIT 1"
            )
            if waiting.one_or_none() is None:
                return


def _on_stop(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
