"""`make demo`: the embedded database and one of each process, as they run anywhere, a SP4N-LAPOR! to practise with, and
where to click."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.house import House, open_house
from api.processes import simulator
from api.running import database
from api.settings import Settings, SettingsWrong
from api.unit import unit
from store import audit, factors, passwords, policy, staff, ways
from store.complaints import Actor
from store.masterdata import FIRST_CONNECTION
from store.policy import Grant

PROCESSES = ("web", "speaker", "worker")
PATIENCE = 60.0
# The demo's SP4N: the connection to it, how many ports above ours it is, how long its officer takes for each step, and
# how often we ask it (seconds).
SIMULATOR = "sp4n-simulator"
PORTS_ABOVE = 10
OFFICER_TAKES = "6"
ASKED_EVERY = "2"
# Who sits at the desk of the demo.
PERSONS = (
    ("operator", "Operator Kominfo", Grant(policy.ADMIN_INSTANSI, region="16")),
    ("instansi", "Petugas Dinas PUPR", Grant(policy.PEJABAT, agency="16.71-pu")),
    ("pengawas", "Pengawas Ombudsman", Grant(policy.PENGAWAS, region="16")),
    ("loket", "Petugas loket MPP", Grant(policy.LOKET, region="16.71")),
    ("admin", "Administrator", Grant(policy.ADMINISTRATOR)),
)
_NAMES = {login: name for login, name, _grant in PERSONS}


@dataclass(frozen=True, slots=True)
class Entry:
    """How to sign in as one of them."""

    login: str
    password: str
    secret: str


def run(settings: Settings, codes: bool = False) -> None:
    """Run until Ctrl-C; a process that dies is started again. With `codes`, only tell how to sign in at the desk."""
    if codes:
        entries = _read(settings)
        if not entries:
            raise SettingsWrong("There is no demo in DATA_DIR yet: start it with `python -m api demo`.")
        print(_entries(entries))
        return
    key = _key(settings)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with database(settings) as url:
        entries = asyncio.run(_people(settings, url))
        asyncio.run(_sp4n(settings, url))
        environment = _environment(settings, url, key)
        commands = _commands(settings)
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                processes[name] = _start(command, environment)
            if not _wait_for(settings, processes["web"]):
                raise SystemExit("The web process did not start; its own message stands above.")
            _greet(settings, key, entries)
            while True:
                if _asked():
                    print(_entries(entries), flush=True)
                for name, process in processes.items():
                    if process.poll() is not None:
                        print(f"{name} has ended (status {process.returncode}); starting it again.", file=sys.stderr)
                        processes[name] = _start(commands[name], environment)
        except KeyboardInterrupt:
            print("\nStopping …")
        finally:
            _stop(list(processes.values()))


def _environment(settings: Settings, url: str, key: str) -> dict[str, str]:
    """What the processes are told beside what we were told: links lead to where the demo listens, if nobody says how
    it is reached."""
    environment = os.environ | {"DATABASE_URL": url, "API_KEYS": key}
    environment.setdefault("BRIDGE_PAUSE_SECONDS", ASKED_EVERY)
    if "public_url" not in settings.model_fields_set:
        environment["PUBLIC_URL"] = f"http://127.0.0.1:{settings.port}"
    return environment


def _commands(settings: Settings) -> dict[str, list[str]]:
    """What is run, by its name: arguments of `python -m api`."""
    found = {name: [name] for name in PROCESSES}
    if settings.telegram_token is not None and settings.telegram_mode == "polling":
        found["poll"] = ["poll"]
    if settings.database_url is None:
        port = _simulator_address(settings).rpartition(":")[2]
        found["simulator"] = ["simulator", "--port", port, "--auto", OFFICER_TAKES]
    return found


def _simulator_address(settings: Settings) -> str:
    above = settings.port + PORTS_ABOVE
    return f"http://127.0.0.1:{above if above <= 65535 else settings.port - PORTS_ABOVE}"


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


async def _people(settings: Settings, url: str) -> list[Entry]:
    """The accounts of the demo, made where there are none; their secrets lie in a file that only its owner reads.

    On a server of one's own (DATABASE_URL) there are none: nobody wants a demo's accounts there.
    """
    if settings.database_url is not None:
        return []
    entries = _read(settings)
    async with open_house(settings, url, name="demo") as house:
        async with house.engine.connect() as connection:
            there = {each.login for each in await staff.listed(connection)} & {each.login for each in entries}
        missing = [each for each in PERSONS if each[0] not in there]
        if not missing:
            return entries
        made = [await _person(house, *each) for each in missing]
    kept = [each for each in entries if each.login not in {new.login for new in made}] + made
    file = settings.data_dir / "demo-desk"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps([asdict(each) for each in kept], indent=1))
    return kept


async def _sp4n(settings: Settings, url: str) -> None:
    """Reports go to the demo's own SP4N, unless somebody has said at the desk where they go.

    On a server of one's own (DATABASE_URL) nothing goes there: a report of a real person has no business in a demo.
    """
    if settings.database_url is not None:
        return
    token, address = simulator.token(simulator.default_file(settings)), _simulator_address(settings)
    async with open_house(settings, url, name="demo") as house, unit(house) as work:
        known = {each.name: each for each in await ways.listed(work.connection)}
        if there := known.get(SIMULATOR):
            await ways.change(
                work.connection, there.id, SIMULATOR, url=address, secret=token, parameters=there.parameters
            )
            return
        added = await ways.add(work.connection, SIMULATOR, ways.API, ways.SP4N, url=address, secret=token)
        first = known.get(FIRST_CONNECTION)
        chosen = [each for each in await ways.rows(work.connection) if each.system == ways.SP4N]
        if first and [(each.region, each.agency, each.connection_id) for each in chosen] == [(None, None, first.id)]:
            await ways.put(work.connection, ways.SP4N, region=None, agency=None, connection_id=added, address=None)


async def _person(house: House, login: str, name: str, grant: Grant) -> Entry:
    """One account with a new password and a new factor; one whose secrets were lost is given new ones."""
    password, now = "-".join(secrets.token_hex(2) for _ in range(4)), house.now()
    async with unit(house) as work:
        known = await staff.by_login(work.connection, login)
        staff_id = known.id if known else await staff.add(work.connection, login, name, [grant])
        await staff.set_password(work.connection, staff_id, passwords.hashed(password), now)
        await factors.forget(work.connection, staff_id)
        secret = await factors.begin(work.connection, staff_id) or ""
        # The code of the step before: the present one is for whoever signs in now.
        await factors.confirm(work.connection, staff_id, factors.code_at(secret, now - factors.LASTS), now)
        demo = Actor("system", "demo")
        await audit.write(work.connection, demo, "account.add", of=("staff", str(staff_id)))
    return Entry(login, password, secret)


def _read(settings: Settings) -> list[Entry]:
    try:
        return [Entry(**each) for each in json.loads((settings.data_dir / "demo-desk").read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _entries(entries: list[Entry]) -> str:
    now = datetime.now(UTC)
    rows = [
        f"   {each.login:10}{each.password:21}{factors.code_at(each.secret, now):8}{_NAMES.get(each.login, '')}"
        for each in entries
    ]
    return "\n".join([f"   {'login':10}{'password':21}{'code':8}(a code lasts a minute, and works once)", *rows])


def _asked() -> bool:
    """Wait a second; True where somebody has pressed Enter meanwhile."""
    if sys.stdin is None or not sys.stdin.isatty():
        time.sleep(1)
        return False
    ready, _, _ = select.select([sys.stdin], [], [], 1)
    if ready and not sys.stdin.readline():  # the terminal has gone
        time.sleep(1)
        return False
    return bool(ready)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C is ours to pass on, in order.
    whole = [sys.executable, "-m", "api", *command]
    # Our own command, and no shell.
    return subprocess.Popen(whole, env=environment, start_new_session=True, cwd=Path.cwd())  # noqa: S603  # nosec B603


def _wait_for(settings: Settings, web: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and web.poll() is None:
        address = f"{_address(settings)}/healthz"  # always http
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):  # noqa: S310  # nosec B310
            # Somebody else's web process on this port would answer too.
            time.sleep(0.5)
            return web.poll() is None
        time.sleep(0.2)
    return False


def _address(settings: Settings) -> str:
    # Compared with, and bound to nowhere here.
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  # nosec B104
    return f"http://{host}:{settings.port}"


_PRACTICE = """SP4N        {address}/    a simulator to practise with, not the real one

What is filed goes into that SP4N. Its officers dispose and answer it within half a minute, and the answer appears in
the chat: reply to it there, or say that it is done.
"""


def _greet(settings: Settings, keys: str, entries: list[Entry]) -> None:
    address = _address(settings)
    key = keys.split(",")[0].partition(":")[2]
    practice = "" if settings.database_url else _PRACTICE.format(address=_simulator_address(settings))
    print(
        f"""
Chat page   {address}/chat
Desk        {address}/desk/
API         {address}/api/v1/openapi.json    key: {key}
{practice}
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
    if entries:
        again = "press Enter here, or run" if sys.stdin is not None and sys.stdin.isatty() else "run"
        print(
            f"At the desk, sign in as one of these. For new codes, {again} `{_python()} -m api demo --codes`:\n\n"
            f"{_entries(entries)}\n",
            flush=True,
        )


def _python() -> str:
    """How this Python is called from the folder that the demo runs in."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


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
