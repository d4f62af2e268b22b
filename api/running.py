"""What all processes share: how they log, their database, how they stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from api.problems import where
from api.settings import Settings, SettingsWrong
from store import embedded, masterdata, migrate


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
    # The last words of a process that breaks down must not quote a row of the database either.
    sys.excepthook = lambda kind, error, _trace: print(f"{kind.__name__} at {where(error)}", file=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def tidy() -> None:
    """Collect garbage less often: turns leave few circles, and looking for them costs a few percent of a process."""
    gc.set_threshold(20_000, 20, 50)


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


def on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` when this process is asked to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
