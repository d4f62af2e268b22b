"""The API of the simulator for other systems: docs/sp4n-api.md is its description."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, StringConstraints, ValidationError
from starlette.datastructures import FormData, UploadFile

from bridges.simulator import catalogue, sheet
from bridges.simulator.clocks import long_date
from bridges.simulator.reports import Attachment, Line, Report, Submission
from bridges.simulator.storage import NoReport, NotNow, Storage

PREFIX = "/api/v1"
# A file, and a request with all of its files, in bytes.
FILE, REQUEST = 2 * 1024 * 1024, 25 * 1024 * 1024
TOO_LARGE = "Maksimum ukuran file adalah 2 MB"
# What a file may be called and what it then begins with.
KINDS = {
    "pdf": ("application/pdf", b"%PDF-"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    "png": ("image/png", b"\x89PNG\r\n"),
}

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Location(BaseModel):
    """Where it happened; at least one name or the words of the pelapor."""

    provinsi: str | None = None
    kota: str | None = None
    kecamatan: str | None = None
    kelurahan: str | None = None
    keterangan: str | None = None
    lintang: float | None = Field(None, ge=-90, le=90)
    bujur: float | None = Field(None, ge=-180, le=180)

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not any((self.provinsi, self.kota, self.kecamatan, self.kelurahan, self.keterangan))


class Laporan(BaseModel):
    """A report as it is handed in."""

    klasifikasi: Literal[1, 2, 3]
    judul: Annotated[Words, StringConstraints(max_length=255)]
    # Not stripped: what was handed in is what the export shows, as far as it fits.
    isi: Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
    lokasi: Location
    tanggal_kejadian: date | None = None
    instansi_tujuan: str | None = None
    id_kategori: str | None = None
    anonim: bool = False
    rahasia: bool = False
    nama_pelapor: str | None = None
    sumber: str = "API"

    def submission(self) -> Submission:
        """The same, as it is stored."""
        where = self.lokasi
        return Submission(
            classification=self.klasifikasi,
            title=self.judul,
            text=self.isi,
            source=self.sumber,
            happened_on=self.tanggal_kejadian,
            province=where.provinsi,
            city=where.kota,
            district=where.kecamatan,
            village=where.kelurahan,
            place_words=where.keterangan,
            latitude=where.lintang,
            longitude=where.bujur,
            category_id=self.id_kategori,
            unit=self.instansi_tujuan,
            anonymous=self.anonim,
            secret=self.rahasia,
            name=self.nama_pelapor,
        )


class Tanggapan(BaseModel):
    """Words of the pelapor."""

    isi: Words


class Penutupan(BaseModel):
    """That the pelapor has enough, with words where there are any."""

    isi: str | None = None


def router(storage: Storage, token: str) -> APIRouter:
    """The routes of the API on this storage, for whoever shows the token."""

    def checked(request: Request) -> None:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "Token tidak dikenal")

    # Requests without a length are nothing that a client of this API sends.
    def not_too_large(request: Request) -> None:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > REQUEST:
            raise HTTPException(413, TOO_LARGE)

    api = APIRouter(prefix=PREFIX, dependencies=[Depends(checked), Depends(not_too_large)])

    @api.post("/laporan", status_code=201)
    async def submit(request: Request, response: Response) -> dict[str, Any]:
        """Take a report, with its files."""
        laporan, files = await _submitted(request)
        if laporan.lokasi.empty:
            raise HTTPException(422, "Lokasi wajib diisi")
        report = await run_in_threadpool(storage.submit, laporan.submission(), files)
        if report.tracking_id is None:
            response.status_code = 202
        return _brief(report)

    @api.get("/antrean/{token}")
    def queued(token: str) -> dict[str, Any]:
        """A report by the token that was given before its number."""
        return _whole(_try(lambda: storage.by_token(token)))

    @api.get("/laporan/{tracking_id}")
    def status(tracking_id: str) -> dict[str, Any]:
        """A report with its log."""
        return _whole(_try(lambda: storage.get(tracking_id)))

    @api.post("/laporan/{tracking_id}/lampiran", status_code=201)
    async def attach(tracking_id: str, request: Request) -> dict[str, Any]:
        """Keep one more file."""
        async with request.form() as form:
            files = await _files(form)
        if len(files) != 1:
            raise HTTPException(422, "Kirim satu berkas dalam isian lampiran")
        return _brief(await run_in_threadpool(_try, lambda: storage.attach(tracking_id, files[0])))

    @api.post("/laporan/{tracking_id}/tanggapan", status_code=201)
    def reply(tracking_id: str, tanggapan: Tanggapan) -> dict[str, Any]:
        """Take words of the pelapor."""
        return _brief(_try(lambda: storage.reply(tracking_id, tanggapan.isi)))

    @api.post("/laporan/{tracking_id}/tutup")
    def close(tracking_id: str, penutupan: Penutupan | None = None) -> dict[str, Any]:
        """The pelapor wants no more of it."""
        words = penutupan.isi if penutupan else None
        return _brief(_try(lambda: storage.leave(tracking_id, words or "")))

    @api.get("/kategori")
    def categories() -> list[dict[str, str | None]]:
        """All categories."""
        return [{"id": each.id, "nama": each.name, "topik": each.above or None} for each in catalogue.topics().values()]

    @api.get("/instansi")
    def institutions(cari: str = "") -> list[dict[str, str | None]]:
        """Institutions whose names have these words, at most 50."""
        return [{"id": each.id, "nama": each.name, "induk": each.above or None} for each in catalogue.search(cari)]

    @api.get("/laporan-ringkas.{form}")
    def export(form: Literal["csv", "xlsx"], dari: str | None = None, sampai: str | None = None) -> Response:
        """The export "Laporan Ringkas" of the reports received on these days."""
        return exported(storage, form, dari, sampai)

    return api


def exported(storage: Storage, form: str, since: str | None, until: str | None) -> Response:
    """The export as a download; 422 where the days are none."""
    try:
        days = sheet.days(since, until)
    except ValueError:
        raise HTTPException(422, "Tanggal ditulis seperti 2026-11-24") from None
    cells = sheet.lines(storage.listed(), *days, storage.now())
    content = sheet.as_csv(cells) if form == "csv" else sheet.as_xlsx(cells)
    kind = (
        "text/csv; charset=utf-8"
        if form == "csv"
        else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    named = {"Content-Disposition": f'attachment; filename="laporan-ringkas.{form}"'}
    return Response(content, media_type=kind, headers=named)


async def _submitted(request: Request) -> tuple[Laporan, list[Attachment]]:
    """The report of a request, which is JSON, or a form with the JSON in `laporan` and files in `lampiran`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind != "multipart/form-data":
            return Laporan.model_validate_json(await request.body()), []
        async with request.form() as form:
            told = form.get("laporan")
            given = await told.read() if isinstance(told, UploadFile) else told
            return Laporan.model_validate_json(given or ""), await _files(form)
    except ValidationError as error:
        # Names of fields, and nobody's words.
        wrong = ", ".join(sorted({".".join(map(str, each["loc"])) or "laporan" for each in error.errors()}))
        raise HTTPException(422, f"Isian tidak lengkap atau salah: {wrong}") from None


async def _files(form: FormData) -> list[Attachment]:
    found = []
    for each in form.getlist("lampiran"):
        if not isinstance(each, UploadFile):
            raise HTTPException(422, "Isian lampiran harus berkas")
        content, name = await each.read(FILE + 1), each.filename or ""
        kind, begins = KINDS.get(name.rpartition(".")[2].lower(), ("", b""))
        if not kind or not content.startswith(begins):
            raise HTTPException(422, "Jenis file harus pdf, jpg, jpeg, atau png")
        if len(content) > FILE:
            raise HTTPException(413, TOO_LARGE)
        found.append(Attachment(name, kind, content))
    return found


def _try(verb: Callable[[], Report]) -> Report:
    """Do something with a report: 404 where there is none, 409 where it cannot be done now."""
    try:
        return verb()
    except NoReport:
        raise HTTPException(404, "Laporan tidak ditemukan") from None
    except NotNow as error:
        raise HTTPException(409, str(error)) from None


def _brief(report: Report) -> dict[str, Any]:
    if report.tracking_id is None:
        return {"tracking_id": None, "token": report.token, "status": None}
    return {"tracking_id": report.tracking_id, "status": report.status, "tautan": f"/laporan/{report.tracking_id}"}


def _whole(report: Report) -> dict[str, Any]:
    waits = report.tracking_id is None
    return {
        "id": report.tracking_id,
        "status": None if waits else report.status,
        "date": long_date(report.received_at),
        "log": [] if waits else [_told(each) for each in report.log],
    }


def _told(line: Line) -> dict[str, str | None]:
    return {
        "date": long_date(line.at),
        "keterangan": line.note,
        "status": line.status,
        "tanggapan": line.words,
        "oleh": line.by,
    }
