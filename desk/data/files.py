"""Sheets of master data in and out: a preview that names each bad row, then all of it in one transaction."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from desk import uploads
from desk.access import HouseRule, Officer, shell_of
from desk.data.views import OBJECTS
from desk.rendering import page
from desk.shell import Shell
from store import audit, imports, sheets
from store.imports import Kind, Plan

router = APIRouter(prefix="/data")

# The file and what stands around it in the request.
_LARGEST = sheets.LARGEST + (1 << 16)
# So many are shown; all are counted.
FAULTS_SHOWN, CHANGES_SHOWN = 200, 500
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file as it was sent: of which kind it is, its name, its bytes."""

    kind: Kind
    name: str
    content: bytes


def _kind(name: object) -> Kind:
    found = imports.kinds().get(str(name))
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/impor", dependencies=[Depends(HouseRule("data.edit"))])
async def choose(request: Request, jenis: str = "") -> Response:
    """Choose a kind and a file; the columns of each kind."""
    return page(request, "data_import.html", kinds=imports.kinds(), chosen=jenis, problem=None, parameters={})


@router.get("/impor/templat/{kind}.{form}", dependencies=[Depends(HouseRule("data.edit"))])
async def template(kind: str, form: str) -> Response:
    """An empty sheet of a kind, with what its columns mean beside it."""
    wanted = _kind(kind)
    return await _sheet(wanted, form, [], f"templat-{wanted.name}")


@router.post("/impor", dependencies=[Depends(HouseRule("data.edit"))])
async def preview(request: Request) -> Response:
    """What a file would do. Nothing is written; the file is kept under its digest for the confirmation."""
    shell = shell_of(request)
    if not (length := request.headers.get("content-length", "")).isdigit() or int(length) > _LARGEST:
        return _again(request, "", "too_large")
    form = await request.form(max_files=1, max_fields=5)
    kind, upload = _kind(form.get("kind")), form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return _again(request, kind.name, "no_file")
    sent = _Sent(kind, upload.filename[-100:], await upload.read())
    if harm := await uploads.harm_of(shell, sent.content):
        return _again(request, kind.name, harm)
    try:
        async with shell.engine.connect() as connection:
            plan = await _plan(connection, shell, kind, sent.content)
    except sheets.Unreadable as error:
        return _again(request, kind.name, error.key, error.parameters)
    name = "" if plan.faults else await asyncio.to_thread(shell.shelf.put, sent.content)
    return _shown(request, plan, sent.name, name, 422 if plan.faults else 200)


@router.post("/impor/terapkan")
async def carry_out(request: Request, officer: Annotated[Officer, Depends(HouseRule("data.edit"))]) -> Response:
    """Do what was shown, if it is still what the file would do; else show what it would do now."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=10)
    kind, name = _kind(form.get("kind")), str(form.get("file", ""))
    try:
        if not _DIGEST.fullmatch(name):
            raise FileNotFoundError
        content = await asyncio.to_thread(shell.shelf.get, name)
    except FileNotFoundError:
        return _again(request, kind.name, "gone")
    try:
        async with shell.unit() as work:
            await imports.lock(work.connection, kind)
            plan = await _plan(work.connection, shell, kind, content)
            if plan.faults or plan.digest != form.get("plan"):
                raise imports.Outdated(plan)
            await imports.carry_out(work.connection, kind, plan, shell.now())
            await _write(work.connection, officer, kind, plan, name)
    except imports.Outdated as error:
        return _shown(request, error.plan, str(form.get("name", ""))[-100:], name, 409, outdated=True)
    except sheets.Unreadable as error:  # a digest that no preview has given
        return _again(request, kind.name, error.key, error.parameters)
    counts = "&".join(f"{how}={plan.count(how)}" for how in ("added", "changed", "ended"))
    return RedirectResponse(f"/desk/data/impor/selesai?jenis={kind.name}&{counts}", 303)


@router.get("/impor/selesai", dependencies=[Depends(HouseRule("data.edit"))])
async def done(request: Request, jenis: str, added: int = 0, changed: int = 0, ended: int = 0) -> Response:
    """What was done."""
    counts = {"added": added, "changed": changed, "ended": ended}
    return page(request, "data_import_done.html", kind=_kind(jenis), counts=counts)


async def _plan(connection: AsyncConnection, shell: Shell, kind: Kind, content: bytes) -> Plan:
    now = await imports.rows(connection, kind)
    known = await imports.world(connection, shell.home_region)
    used = await imports.in_hand(connection)
    return await asyncio.to_thread(
        imports.plan, kind, content, now, known, shell.directory.regions, shell.today(None), used
    )


async def _write(connection: AsyncConnection, officer: Officer, kind: Kind, plan: Plan, name: str) -> None:
    """One line for each row, and one for the whole."""
    actor = officer.actor("data.edit")
    for change in plan.changes:
        columns = [each.name for each in change.differences]
        # A template has no code, and its name is somebody's words.
        of = None if kind.name == "templat" else (OBJECTS[kind.name], ",".join(map(str, change.key)))
        # An end is a change of one column.
        verb = "data.added" if change.how == "added" else "data.changed"
        await audit.write(connection, actor, verb, of=of, detail={"columns": columns, "by": "import"})
    counts = {how: plan.count(how) for how in ("added", "changed", "ended")}
    await audit.write(connection, actor, "data.imported", detail={"kind": kind.name, "file": name[:12], **counts})


def _again(request: Request, chosen: str, problem: str, parameters: dict[str, object] | None = None) -> Response:
    kinds = imports.kinds()
    return page(
        request, "data_import.html", 422, kinds=kinds, chosen=chosen, problem=problem, parameters=parameters or {}
    )


def _shown(request: Request, plan: Plan, name: str, kept: str, status: int, *, outdated: bool = False) -> Response:
    return page(
        request,
        "data_preview.html",
        status,
        plan=plan,
        name=name,
        kept=kept,
        outdated=outdated,
        faults=plan.faults[:FAULTS_SHOWN],
        changes=plan.changes[:CHANGES_SHOWN],
        notes=plan.notes[:FAULTS_SHOWN],
    )


# --- out ----------------------------------------------------------------------------------------------------------


@router.get("/ekspor", dependencies=[Depends(HouseRule("data.open"))])
async def exports(request: Request) -> Response:
    """What can be taken out."""
    return page(request, "data_export.html", kinds=imports.kinds(), forms=tuple(sheets.TYPES))


@router.get("/ekspor/{kind}.{form}")
async def export(
    request: Request, kind: str, form: str, officer: Annotated[Officer, Depends(HouseRule("data.open"))]
) -> Response:
    """All rows of a kind as a sheet."""
    wanted = _kind(kind)
    if form not in sheets.TYPES:
        raise HTTPException(404)
    async with shell_of(request).unit() as work:
        found = await imports.rows(work.connection, wanted)
        detail = {"kind": wanted.name, "rows": len(found), "format": form}
        await audit.write(work.connection, officer.actor("data.open"), "data.exported", detail=detail)
    return await _sheet(wanted, form, [imports.written(wanted, each) for each in found.values()], wanted.name)


async def _sheet(kind: Kind, form: str, rows: list[list[str]], name: str) -> Response:
    if form not in sheets.TYPES:
        raise HTTPException(404)
    headings = [each.heading for each in kind.columns]
    if form == "csv":
        content = await asyncio.to_thread(sheets.write_csv, headings, rows)
    else:
        meanings = [["Kolom", "Arti"], *([each.heading, each.note] for each in kind.columns)]
        content = await asyncio.to_thread(sheets.write_xlsx, kind.name, headings, rows, meanings)
    disposition = f'attachment; filename="{name}.{form}"'
    return Response(content, media_type=sheets.TYPES[form], headers={"Content-Disposition": disposition})
