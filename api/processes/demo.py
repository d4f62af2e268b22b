"""`make demo`: the embedded database and one of each process, as they run anywhere, and where to click."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from api.running import database
from api.settings import Settings

PROCESSES = ("web", "speaker", "worker")
PATIENCE = 60.0


def run(settings: Settings) -> None:
    """Run until Ctrl-C; a process that dies is started again."""
    key = _key(settings)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with database(settings) as url:
        environment = os.environ | {"DATABASE_URL": url, "API_KEYS": key}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in _processes(settings):
                processes[name] = _start(name, environment)
            if not _wait_for(settings, processes["web"]):
                raise SystemExit("The web process did not start; its own message stands above.")
            _greet(settings, key)
            while True:
                time.sleep(1)
                for name, process in processes.items():
                    if process.poll() is not None:
                        print(f"{name} has ended (status {process.returncode}); starting it again.", file=sys.stderr)
                        processes[name] = _start(name, environment)
        except KeyboardInterrupt:
            print("\nStopping …")
        finally:
            _stop(list(processes.values()))


def _processes(settings: Settings) -> tuple[str, ...]:
    polls = settings.telegram_token is not None and settings.telegram_mode == "polling"
    return (*PROCESSES, "poll") if polls else PROCESSES


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _key(settings: Settings) -> str:
    """The API keys as they are set, or a demo key that stays the same from start to start."""
    if settings.api_keys.get_secret_value():
        return settings.api_keys.get_secret_value()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    file = settings.data_dir / "demo-api-key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"demo:{secrets.token_urlsafe(24)}")
    return file.read_text()


def _start(name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C is ours to pass on, in order.
    command = [sys.executable, "-m", "api", name]
    return subprocess.Popen(command, env=environment, start_new_session=True, cwd=Path.cwd())  # noqa: S603


def _wait_for(settings: Settings, web: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and web.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{_address(settings)}/healthz", timeout=2):  # noqa: S310
            # Somebody else's web process on this port would answer too.
            time.sleep(0.5)
            return web.poll() is None
        time.sleep(0.2)
    return False


def _address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    return f"http://{host}:{settings.port}"


def _greet(settings: Settings, keys: str) -> None:
    address = _address(settings)
    key = keys.split(",")[0].partition(":")[2]
    print(
        f"""
Chat page   {address}/chat
API         {address}/api/v1/openapi.json    key: {key}

1. Write a complaint on the chat page until it gives you a ticket number.
2. List the complaints, and answer one as an operator:

   curl -s -H 'X-API-Key: {key}' {address}/api/v1/complaints
   curl -s -H 'X-API-Key: {key}' -H 'Content-Type: application/json' \\
        -d '{{"status": "Ditindaklanjuti oleh Instansi", "note": "Sudah kami perbaiki."}}' \\
        {address}/api/v1/complaints/TICKET/moves

3. The answer appears in the chat. Ctrl-C stops everything.
""",
        flush=True,
    )


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
