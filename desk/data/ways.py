"""Which way reports go into other systems: the connections there, and which of them is taken where.

What is changed here holds from the next report on, in every process. References that exist stay what they are; open
reports that have none can be sent after.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from desk import keeping
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from desk.shell import Shell, Trial, Work
from store import audit, posts, sheets, ways
from store.agencies import Agency
from store.regions import Region
from store.ways import API, EMAIL, MANUAL, OPEN311, SP4N, Connection, Row, Way

router = APIRouter(prefix="/data")
VERB = "bridges.edit"
Administrator = Annotated[Officer, Depends(HouseRule(VERB))]

HERE = "/desk/data/jalur"
# In the place of a connection: into the system that follows, reports do not go at all.
NOT_AT_ALL = "none:"
# At most so many open reports are sent after at once.
MOST = 1000
_SYSTEM = re.compile(r"[a-z][a-z0-9_-]{1,39}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_SECRET = re.compile(r"[\x21-\x7e]{1,500}")
_LONGEST_NAME, _LONGEST_URL, _LONGEST_SERVICES, _LONGEST_CODE = 60, 500, 20_000, 200
_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of connection needs: the `system` that it leads to (None: the administrator names it), whether it has
    an address and a secret, its parameters by their names, and whether a way over it may be a region's or an
    agency's."""

    system: str | None
    url: bool = False
    secret: bool = False
    parameters: tuple[str, ...] = ()
    regions: bool = True
    agencies: bool = False


# A report is once in SP4N, whoever it is disposed to: no way there is an agency's. A letter goes to an agency alone.
KINDS: Mapping[str, Kind] = {
    MANUAL: Kind(SP4N),
    API: Kind(SP4N, url=True, secret=True),
    OPEN311: Kind(
        None, url=True, secret=True, parameters=("jurisdiction_id", "default_service", "services"), agencies=True
    ),
    EMAIL: Kind("email", regions=False, agencies=True),
}


class Refused(Exception):
    """What was typed is not possible; `key` says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed that was refused, and why; `kept`: it outlived its session."""

    problem: str | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What a place or an agency was asked for, and the ways that its reports take."""

    name: str
    filed: tuple[Way, ...]
    disposed: tuple[Way, ...] = ()


# --- the page ----------------------------------------------------------------------------------------------------


@router.get("/jalur")
async def overview(
    request: Request,
    officer: Administrator,
    untuk: Annotated[str, Query(max_length=200)] = "",
    selesai: Annotated[str, Query(max_length=20)] = "",
    jumlah: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:
    """Connections and ways. Query: `untuk` a place or an agency whose ways are asked for, `selesai` what was done just
    now, `jumlah` how many reports it was about."""
    attempt = await _kept(request, officer)
    return await _overview(request, attempt=attempt, asked=untuk.strip(), done=selesai, count=jumlah)


async def _overview(
    request: Request,
    status: int = 200,
    *,
    attempt: Attempt | None = None,
    asked: str = "",
    done: str = "",
    count: int = 0,
    dropping: int | None = None,
) -> Response:
    """The page; with the question whether the way `dropping` is to go, where somebody has asked for that."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        connections = await ways.listed(connection)
        rows = await ways.rows(connection)
        looked = await _look(request, asked) if asked else None
    going = next((row for row in rows if row.id == dropping), None)
    if dropping is not None and going is None:
        raise HTTPException(404)
    by_id = {each.id: each for each in connections}
    others = {*(each.system for each in connections), *(each.system for each in rows)} - {SP4N}
    systems = [SP4N, *sorted(others)]
    return page(
        request,
        "data_ways.html",
        status,
        connections=connections,
        by_id=by_id,
        systems=[(each, [row for row in rows if row.system == each]) for each in systems],
        kinds=KINDS,
        attempt=attempt or Attempt(),
        asked=asked,
        looked=looked,
        done=done if done in DONE else "",
        count=count,
        regions=_large(shell),
        agencies=sorted({each.name for each in shell.directory.agencies.by_code.values()}),
        following=_following(connections, rows),
        going=going,
    )


# What was done, as the page that follows says it.
DONE = ("added", "changed", "enabled", "disabled", "way", "dropped", "planned")


def _large(shell: Shell) -> list[Region]:
    """The regions that may have a way of their own: all but villages."""
    known = shell.directory.regions.by_code.values()
    return [each for each in known if each.kind not in ("desa", "kelurahan")]


def _following(connections: list[Connection], rows: list[Row]) -> list[Row]:
    """The ways over which open reports could be sent after: of everybody or a region, by a connection in use."""
    usable = {each.id for each in connections if not each.disabled}
    return [row for row in rows if row.agency is None and row.connection_id in usable]


async def _look(request: Request, words: str) -> Looked | None:
    """The ways of the place or agency that these words name; None where they name neither."""
    shell = shell_of(request)
    region, agency = _region(shell, words), _agency(shell, words)
    async with shell.engine.connect() as connection:
        if region is not None:
            name = shell.directory.regions.full_name(region.code)
            return Looked(name, tuple(await ways.when_filed(connection, region.code)))
        if agency is not None:
            filed = await ways.when_filed(connection, agency.region)
            return Looked(agency.name, tuple(filed), tuple(await ways.when_disposed(connection, [agency.code])))
    return None


def _region(shell: Shell, words: str) -> Region | None:
    """The region of that code or name, however it is capitalised."""
    known = shell.directory.regions
    if words in known.by_code:
        return known.by_code[words]
    wanted = words.casefold()
    for each in _large(shell):
        names = (each.name, known.full_name(each.code), *each.aliases)
        if wanted in map(str.casefold, names):
            return each
    return None


def _agency(shell: Shell, words: str) -> Agency | None:
    """The agency of that code, name or short name."""
    known = shell.directory.agencies.by_code
    if words in known:
        return known[words]
    wanted = words.casefold()
    return next((each for each in known.values() if wanted in (each.name.casefold(), each.short.casefold())), None)


async def _kept(request: Request, officer: Officer) -> Attempt | None:
    kept = await keeping.taken(request, officer)
    return None if kept is None else Attempt(typed=kept, kept=True)


# --- connections -------------------------------------------------------------------------------------------------


@router.get("/jalur/baru")
async def blank(
    request: Request, officer: Administrator, jenis: Annotated[str, Query(max_length=40)] = MANUAL
) -> Response:
    """The form of a new connection, of that kind."""
    if jenis not in KINDS:
        raise HTTPException(404)
    return _form(request, jenis, None, await _kept(request, officer) or Attempt())


@router.post("/jalur/baru")
async def add(request: Request, officer: Administrator) -> Response:
    """Add a connection."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=20)
    kind = _typed(form, "kind")
    if kind not in KINDS:
        raise HTTPException(422)
    rules = KINDS[kind]
    try:
        name, system = _name(form), rules.system or _system(form)
        url, secret = (_url(form) if rules.url else None), (_secret(form) if rules.secret else None)
        parameters = _parameters(form, rules)
        async with shell.unit() as work:
            added = await ways.add(work.connection, name, kind, system, url=url, secret=secret, parameters=parameters)
            await _write(work, officer, "connection.add", added, {"kind": kind, "system": system})
    except Refused as error:
        return _form(request, kind, None, Attempt(error.key, _words(form)), 422)
    except ways.NameTaken:
        return _form(request, kind, None, Attempt("name_taken", _words(form)), 422)
    return RedirectResponse(f"{HERE}?selesai=added", 303)


@router.get("/jalur/sambungan/{connection_id}")
async def read(request: Request, connection_id: int, officer: Administrator) -> Response:
    """One connection, to be changed and tried."""
    known = await _connection(request, connection_id)
    return _form(request, known.kind, known, await _kept(request, officer) or Attempt())


@router.post("/jalur/sambungan/{connection_id}")
async def change(request: Request, connection_id: int, officer: Administrator) -> Response:
    """Change a connection. What it shows to the other side is kept where nothing is typed, but only as long as it leads
    to the same server: whoever may change the address must not learn it that way."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=20)
    known = await _connection(request, connection_id)
    rules = KINDS[known.kind]
    forget = _typed(form, "forget") == "1"
    try:
        name = _name(form)
        url, secret = (_url(form) if rules.url else None), (_secret(form) if rules.secret else None)
        parameters = _parameters(form, rules)
        if known.secret and not secret and not forget and _server(url) != _server(known.url):
            raise Refused("secret_again")
        async with shell.unit() as work:
            await ways.change(
                work.connection,
                connection_id,
                name,
                url=url,
                secret=secret,
                parameters=parameters,
                forget=forget and not secret,
            )
            became = {"name": name, "url": url, "parameters": parameters}
            columns = [column for column, value in became.items() if value != getattr(known, column)]
            columns += ["secret"] if secret or forget else []
            await _write(work, officer, "connection.change", connection_id, {"columns": columns})
    except Refused as error:
        return _form(request, known.kind, known, Attempt(error.key, _words(form)), 422)
    except ways.NameTaken:
        return _form(request, known.kind, known, Attempt("name_taken", _words(form)), 422)
    except ways.Gone:
        raise HTTPException(404) from None
    return RedirectResponse(f"{HERE}?selesai=changed", 303)


async def _try(request: Request, officer: Officer, known: Connection) -> Response:
    """Ask the other side for its categories: nothing is sent."""
    shell = shell_of(request)
    trial = await shell.try_connection(known.id)
    async with shell.unit() as work:
        await _write(work, officer, "connection.try", known.id, {"trouble": trial.trouble, "count": trial.count})
    return _form(request, known.kind, known, Attempt(), trial=trial)


async def _switch(request: Request, officer: Officer, known: Connection, *, disabled: bool) -> Response:
    done = "disabled" if disabled else "enabled"
    async with shell_of(request).unit() as work:
        if await ways.switch(work.connection, known.id, disabled=disabled):
            await _write(work, officer, "connection.disable" if disabled else "connection.enable", known.id)
    return RedirectResponse(f"{HERE}?selesai={done}", 303)


async def _disable(request: Request, officer: Officer, known: Connection) -> Response:
    return await _switch(request, officer, known, disabled=True)


async def _enable(request: Request, officer: Officer, known: Connection) -> Response:
    return await _switch(request, officer, known, disabled=False)


ACTS: dict[str, Callable[[Request, Officer, Connection], Awaitable[Response]]] = {
    "coba": _try,
    "nonaktif": _disable,
    "aktif": _enable,
}


@router.post("/jalur/sambungan/{connection_id}/{act}")
async def act(request: Request, connection_id: int, act: str, officer: Administrator) -> Response:
    """Do one of `ACTS` to a connection."""
    if act not in ACTS:
        raise HTTPException(404)
    return await ACTS[act](request, officer, await _connection(request, connection_id))


async def _connection(request: Request, connection_id: int) -> Connection:
    if not 0 < connection_id < 2**63:
        raise HTTPException(404)
    async with shell_of(request).engine.connect() as connection:
        known = await ways.get(connection, connection_id)
    if known is None:
        raise HTTPException(404)
    return known


def _form(
    request: Request,
    kind: str,
    known: Connection | None,
    attempt: Attempt,
    status: int = 200,
    *,
    trial: Trial | None = None,
) -> Response:
    stored = {} if known is None else _stored(known)
    return page(
        request,
        "data_connection.html",
        status,
        kind=kind,
        rules=KINDS[kind],
        kinds=KINDS,
        known=known,
        attempt=attempt,
        values={**stored, **attempt.typed},
        trial=trial,
        machine=kind in ways.MACHINES,
        public=kind in ways.PUBLIC,
    )


def _stored(known: Connection) -> dict[str, str]:
    """What stands in the fields of the form; never the secret."""
    services = known.parameters.get("services") or {}
    return {
        "name": known.name,
        "url": known.url or "",
        **{name: str(known.parameters.get(name) or "") for name in ("jurisdiction_id", "default_service")},
        "services": "\n".join(f"{ours} = {theirs}" for ours, theirs in services.items()),
    }


# --- what was typed ----------------------------------------------------------------------------------------------


def _typed(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _words(form: FormData) -> dict[str, str]:
    """What was typed, to be shown once more; the secret never is."""
    return {name: value for name, value in form.items() if isinstance(value, str) and name != "secret"}


def _name(form: FormData) -> str:
    name = sheets.clean(_typed(form, "name"))
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Refused("name")
    return name


def _system(form: FormData) -> str:
    system = _typed(form, "system")
    if not _SYSTEM.fullmatch(system) or system in {each.system for each in KINDS.values()}:
        raise Refused("system")
    return system


def _url(form: FormData) -> str:
    """An address over HTTP without a name or a password in it. Raises `Refused`."""
    url = _typed(form, "url").rstrip("/")
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise Refused("url") from None
    if not sound or len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("url")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Refused("url_user")
    if parts.query or parts.fragment:
        raise Refused("url")
    return url


def _server(url: str | None) -> tuple[str, str | None, int | None]:
    """Whom an address leads to."""
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port


def _secret(form: FormData) -> str | None:
    secret = _typed(form, "secret")
    if secret and not _SECRET.fullmatch(secret):
        raise Refused("secret")
    return secret or None


def _parameters(form: FormData, rules: Kind) -> dict[str, Any]:
    """The parameters of a kind, without those that were left empty. Raises `Refused`."""
    found: dict[str, Any] = {}
    for name in rules.parameters:
        typed = _typed(form, name)
        if not typed:
            continue
        if name == "services":
            found[name] = _services(typed)
        elif len(typed) > _LONGEST_CODE or not typed.isprintable():
            raise Refused(name)
        else:
            found[name] = typed
    return found


def _services(typed: str) -> dict[str, str]:
    """Service codes of the other side by our function or category: a line each, as in "pu = 001". Raises `Refused`."""
    found: dict[str, str] = {}
    if len(typed) > _LONGEST_SERVICES:
        raise Refused("services")
    for line in filter(None, map(str.strip, typed.splitlines())):
        ours, sign, theirs = (part.strip() for part in line.partition("="))
        if not (sign and ours and theirs) or ours in found or not line.isprintable() or len(line) > _LONGEST_CODE:
            raise Refused("services")
        found[ours] = theirs
    return found


# --- ways --------------------------------------------------------------------------------------------------------


@router.post("/jalur/cara")
async def choose(request: Request, officer: Administrator) -> Response:
    """Say which way is taken into a system: by everybody, in a region, or to an agency."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=10)
    try:
        async with shell.unit() as work:
            await _choose(work, shell, officer, form)
    except Refused as error:
        return await _overview(request, 422, attempt=Attempt(error.key, _words(form)))
    return RedirectResponse(f"{HERE}?selesai=way", 303)


async def _choose(work: Work, shell: Shell, officer: Officer, form: FormData) -> None:
    place, office, address = _typed(form, "region"), _typed(form, "agency"), _typed(form, "address")
    over = _typed(form, "connection")
    region, agency = _region(shell, place) if place else None, _agency(shell, office) if office else None
    if place and region is None:
        raise Refused("region")
    if office and agency is None:
        raise Refused("agency")
    if region and agency:
        raise Refused("both")
    known = await ways.get(work.connection, int(over)) if _ID.fullmatch(over) else None
    system = known.system if known else over.removeprefix(NOT_AT_ALL)
    if known is None and (over == system or system not in await _systems(work)):
        raise Refused("connection")
    if known is not None:
        rules = KINDS[known.kind]
        if agency is None and not rules.regions:
            raise Refused("agency_only")
        if agency is not None and not rules.agencies:
            raise Refused("region_only")
        if known.kind == EMAIL and not _ADDRESS.fullmatch(address):
            raise Refused("address")
    await ways.put(
        work.connection,
        system,
        region=region.code if region else None,
        agency=agency.code if agency else None,
        connection_id=known.id if known else None,
        address=address if known is not None and known.kind == EMAIL else None,
    )
    detail = {"region": region.code if region else None, "agency": agency.code if agency else None}
    detail |= {"connection": str(known.id) if known else None}
    await audit.write(work.connection, officer.actor(VERB), "way.choose", of=("system", system), detail=detail)


async def _systems(work: Work) -> set[str]:
    return {SP4N, *(each.system for each in await ways.listed(work.connection))}


@router.post("/jalur/cara/{way_id}/hapus")
async def drop(request: Request, way_id: int, officer: Administrator) -> Response:
    """Let a way be taken no more: from then on the next wider one is. It is asked once more, unless they are `sure`."""
    if not 0 < way_id < 2**63:
        raise HTTPException(404)
    if _typed(await request.form(max_files=0, max_fields=2), "sure") != "yes":
        return await _overview(request, dropping=way_id)
    try:
        async with shell_of(request).unit() as work:
            dropped = await ways.drop(work.connection, way_id)
            detail = {"region": dropped.region, "agency": dropped.agency}
            of = ("system", dropped.system)
            await audit.write(work.connection, officer.actor(VERB), "way.drop", of=of, detail=detail)
    except ways.Gone:
        raise HTTPException(404) from None
    return RedirectResponse(f"{HERE}?selesai=dropped", 303)


# --- open reports that have no reference yet -----------------------------------------------------------------------


@router.get("/jalur/susulan")
async def count(
    request: Request,
    officer: Administrator,
    sistem: Annotated[str, Query(max_length=40)] = SP4N,
    wilayah: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """How many open reports of a region could still go into a system; nothing is changed."""
    shell = shell_of(request)
    system, region = _scope(shell, sistem, wilayah)
    async with shell.engine.connect() as connection:
        found = await ways.unplanned(connection, system, region, shell.home_region)
    query = {"sistem": system, "wilayah": region or ""}
    return page(
        request,
        "data_ways_following.html",
        system=system,
        region=region,
        found=found,
        most=MOST,
        query=urlencode(query),
    )


@router.post("/jalur/susulan")
async def plan(request: Request, officer: Administrator) -> Response:
    """Let them go there, the oldest first, at most `MOST` at once."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=5)
    system, region = _scope(shell, _typed(form, "sistem") or SP4N, _typed(form, "wilayah"))
    async with shell.unit() as work:
        references = await ways.plan_open(work.connection, system, region, shell.home_region, MOST)
        await posts.anew(work.connection, references)
        planned = len(references)
        detail = {"region": region, "count": planned}
        of = ("system", system)
        await audit.write(work.connection, officer.actor(VERB), "way.plan", of=of, detail=detail)
    return RedirectResponse(f"{HERE}?selesai=planned&jumlah={planned}", 303)


def _scope(shell: Shell, system: str, place: str) -> tuple[str, str | None]:
    """A system and the code of a region (None: everywhere). Raises 404 for what is neither."""
    region = _region(shell, place) if place else None
    if not _SYSTEM.fullmatch(system) or (place and region is None):
        raise HTTPException(404)
    return system, region.code if region else None


async def _write(
    work: Work, officer: Officer, verb: str, connection_id: int, detail: Mapping[str, object] | None = None
) -> None:
    of = ("connection", str(connection_id))
    await audit.write(work.connection, officer.actor(VERB), verb, of=of, detail=detail)
