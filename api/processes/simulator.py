"""A SP4N-LAPOR! to practise with (bridges/simulator/), in a process of its own with its own file and token."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

import uvicorn

from api.settings import Settings, SettingsWrong
from bridges.simulator.app import build
from bridges.simulator.clocks import Clocks
from bridges.simulator.storage import Storage

PORT = 8010


def run(
    settings: Settings,
    port: int = PORT,
    host: str = "127.0.0.1",
    file: Path | None = None,
    fast: float | None = None,
    auto: float | None = None,
    queued: float = 0.0,
) -> None:
    """Serve it until it is stopped. `fast`: seconds that stand for a working day; `auto`: seconds between two steps of
    the automatic officer; `queued`: seconds until a report has its number.

    Raises `SettingsWrong` where the file cannot be written, or is something else.
    """
    where = file or default_file(settings)
    try:
        shown = token(where)
        storage = Storage(where, Clocks(day=fast), numbers_after=queued)
    except OSError as error:
        raise SettingsWrong(f"{where} cannot be written: {error.strerror}.") from None
    except sqlite3.DatabaseError:
        raise SettingsWrong(f"{where} is no file of the simulator.") from None
    print(
        f"SP4N simulator on http://{host}:{port} (no official system). "
        f"API: http://{host}:{port}/api/v1, token in {token_file(where)}",
        flush=True,
    )
    app = build(storage, shown, auto=auto)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def default_file(settings: Settings) -> Path:
    """Where the simulator of a demo keeps its reports."""
    return settings.data_dir / "sp4n-simulator" / "sp4n.sqlite"


def token_file(file: Path) -> Path:
    """Where the token of the simulator lies that keeps its reports in this file."""
    return file.with_name(f"{file.name}.token")


def token(file: Path) -> str:
    """The token of its API, made at the first start and the same ever after. Raises OSError."""
    kept = token_file(file)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(32))
    return kept.read_text().strip()
