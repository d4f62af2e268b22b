"""SP4N-LAPOR! over an API, as docs/sp4n-api.md has it: our proposal, spoken by the simulator in bridges/simulator/.

Nobody outside has seen the real one. Where it turns out to be otherwise, this module changes and nothing else does.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from bridges import dates, sp4n_form, wire
from bridges.contract import Bridge, Category, Entry, File, Later, Office, Refused, Report, Standing, Taken, Unknown
from bridges.wire import Limits

WIB = timezone(timedelta(hours=7), "WIB")
PREFIX = "api/v1/"
# Nothing is known of where it happened, and SP4N wants a word.
NO_PLACE = "Tidak disebutkan pelapor"
NO_NAME = "Berkas"
# Bytes of files in one request.
REQUEST = 20 << 20
# Bytes of files that go over a slow line in a second; a request with files may take so much longer.
SLOWEST = 50_000
# A reply is a message of a chat, and SP4N's own answers are longer than that.
WORDS = 10_000
OFFICES = 50
REPORTER = "Pelapor"
CLOSED = 409
# What a file must be called by, for SP4N looks at its name.
ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}

_Shape = TypeVar("_Shape")


def _number(value: object) -> object:
    """A number of theirs, whether it came as text or as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Id = Annotated[str, BeforeValidator(_number)]


class _Taken(BaseModel):
    tracking_id: _Id | None = None
    token: str | None = None
    status: str | None = None
    tautan: str | None = None


class _Line(BaseModel):
    date: str | None = None
    keterangan: str | None = None
    status: str | None = None
    tanggapan: str | None = None
    oleh: str | None = None


class _Standing(BaseModel):
    id: _Id | None = None
    status: str | None = None
    log: list[_Line] = []


class _Topic(BaseModel):
    id: _Id
    nama: str
    topik: str | None = None


class _Unit(BaseModel):
    id: _Id
    nama: str


_TAKEN, _STANDING = TypeAdapter(_Taken), TypeAdapter(_Standing)
_TOPICS, _UNITS = TypeAdapter(list[_Topic]), TypeAdapter(list[_Unit])


class Sp4nApi(Bridge):
    """SP4N at `url`, for whoever holds `token`. An async context manager."""

    def __init__(self, url: str, token: str, *, limits: Limits = Limits()) -> None:  # noqa: B008 (it is frozen)
        self._url, self._token, self._limits = f"{url.rstrip('/')}/", token, limits
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Ready to speak; nothing has been said yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def submit(self, report: Report, files: Sequence[File]) -> Taken:
        """Hand a report over with its files, all in one request: either SP4N has all of it or nothing.

        The text ends with our ticket; what SP4N would cut off goes along as a PDF. A file that SP4N would refuse does
        not keep the report back: it is left, and refused by itself. Raises the troubles of the contract.
        """
        text, rest = sp4n_form.content(report)
        whole = []
        if rest is not None:
            name = f"Isi lengkap {report.ticket}.pdf"
            whole.append(File(f"{report.ticket}:rest", name, "application/pdf", sp4n_form.rest_pdf(report)))
        sent = _fitting([*whole, *files])
        parts: list[tuple[str, Any]] = [("laporan", (None, json.dumps(_fields(report, text)), "application/json"))]
        parts += [_part(each) for each in sent]
        key = {"Idempotency-Key": report.ticket}
        answer = await self._call("POST", "laporan", submits=True, sizes=sent, files=parts, headers=key)
        taken = _read(_TAKEN, answer, submits=True)
        if taken.tracking_id is None and taken.token is None:
            raise Unknown("unreadable", str(answer.status_code))
        link = str(httpx.URL(self._url).join(taken.tautan)) if taken.tautan and _is_path(taken.tautan) else None
        left = [each.key for each in files if each not in sent]
        return Taken(_tracking_id(taken.tracking_id, answer), taken.token, taken.status, link, left)

    async def attach(self, external_id: str, file: File) -> None:
        """Send a file after it. Raises the troubles of the contract."""
        key = {"Idempotency-Key": file.key}
        await self._post(external_id, "lampiran", sizes=[file], files=[_part(file)], headers=key)

    async def status(self, external_id: str | None, token: str | None = None) -> Standing:
        """How far a report is. Raises `Refused` and `Later`."""
        if external_id is None and token is None:
            raise Refused("not_found")
        path = f"laporan/{_safe(external_id)}" if external_id is not None else f"antrean/{_safe(token or '')}"
        answer = await self._call("GET", path, submits=False)
        found = _read(_STANDING, answer, submits=False)
        if "id" not in found.model_fields_set or external_id not in (None, found.id):
            raise Later("unreadable", str(answer.status_code))
        log = list(_entries(found.log))
        since = next((each.at for each in _run(log, found.status)), None)
        number = None if found.id is None else _tracking_id(found.id, answer, submits=False)
        return Standing(number, found.status, since, log)

    async def reply(self, external_id: str, words: str, key: str) -> None:
        """Words of the pelapor. Raises the troubles of the contract."""
        said, named = {"isi": words[:WORDS]}, {"Idempotency-Key": key}
        await self._post(external_id, "tanggapan", json=said, headers=named)

    async def close(self, external_id: str, words: str | None, key: str) -> None:
        """The pelapor has closed it or taken it back; SP4N calls it the one or the other by how far it was. Raises the
        troubles of the contract."""
        said, named = {"isi": words[:WORDS] if words else None}, {"Idempotency-Key": key}
        await self._post(external_id, "tutup", json=said, headers=named)

    async def categories(self) -> Sequence[Category]:
        """SP4N's categories. Raises `Refused` and `Later`."""
        answer = await self._call("GET", "kategori", submits=False)
        return [Category(each.id, each.nama, each.topik) for each in _read(_TOPICS, answer, submits=False)]

    async def institutions(self, query: str) -> Sequence[Office]:
        """SP4N's institutions with these words in their names. Raises `Refused` and `Later`."""
        answer = await self._call("GET", "instansi", submits=False, params={"cari": query})
        return [Office(each.id, each.nama) for each in _read(_UNITS, answer, submits=False)[:OFFICES]]

    async def _post(self, external_id: str, verb: str, **kw: Any) -> None:
        """Do something with a report, and be told that it was that report."""
        answer = await self._call("POST", f"laporan/{_safe(external_id)}/{verb}", submits=True, **kw)
        if _read(_TAKEN, answer, submits=True).tracking_id != external_id:
            raise Unknown("unreadable", str(answer.status_code))

    async def _call(
        self, method: str, path: str, *, submits: bool, sizes: Iterable[File] = (), **kw: Any
    ) -> httpx.Response:
        if self._client is None:
            named = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
            self._client = wire.client(f"{self._url}{PREFIX}", self._limits, headers=named)
        longer = sum(len(each.content) for each in sizes) / SLOWEST
        limits = replace(self._limits, total=self._limits.total + longer)
        try:
            return await wire.call(self._client, method, path, submits=submits, limits=limits, **kw)
        except Refused as refused:
            if (refused.reason, refused.detail) == ("invalid", str(CLOSED)):
                raise Refused("closed") from None
            raise


def _fields(report: Report, text: str) -> dict[str, Any]:
    """A report in the names of the API, without what is not known."""
    place, office = report.place, report.agency
    names = {"provinsi": place.province, "kota": place.city, "kecamatan": place.district, "kelurahan": place.village}
    where: dict[str, Any] = {name: value for name, value in names.items() if value}
    words = place.words or (None if where else NO_PLACE)
    if words:
        where["keterangan"] = words
    if place.latitude is not None and place.longitude is not None:
        where |= {"lintang": place.latitude, "bujur": place.longitude}
    return {
        "klasifikasi": int(sp4n_form.CLASSES[report.report_class][0]),
        "judul": " ".join(report.title.split())[: sp4n_form.TITLE],
        "isi": text,
        "lokasi": where,
        "tanggal_kejadian": report.happened_on.isoformat() if report.happened_on else None,
        "instansi_tujuan": office.name if office else None,
        "id_kategori": report.category.id if report.category else None,
        "anonim": report.anonymous,
        "rahasia": report.secret,
        "nama_pelapor": None if report.anonymous else report.name,
        "sumber": report.source,
    }


def _fitting(files: Sequence[File]) -> list[File]:
    """Those of the files that SP4N takes: of its kinds, not too large, and no more of them than go into a request."""
    found, size = [], 0
    for each in files:
        content = len(each.content)
        if each.content_type in ENDINGS and content <= sp4n_form.FILE and size + content <= REQUEST:
            found.append(each)
            size += content
    return found


def _safe(name: str) -> str:
    """A number or token as a part of an address."""
    return quote(name, safe="")


def _part(file: File) -> tuple[str, tuple[str, bytes, str]]:
    ending = ENDINGS.get(file.content_type)
    name = file.name or NO_NAME
    if ending and not name.lower().endswith((f".{ending}", ".jpeg" if ending == "jpg" else f".{ending}")):
        name = f"{name}.{ending}"
    return "lampiran", (name, file.content, file.content_type)


def _read(shape: TypeAdapter[_Shape], answer: httpx.Response, *, submits: bool) -> _Shape:
    """An answer in its shape. A page where an answer should be says nothing of what was done: `Unknown` or `Later`."""
    try:
        return shape.validate_json(answer.content)
    except ValidationError:
        kind = Unknown if submits else Later
        raise kind("unreadable", str(answer.status_code)) from None


def _tracking_id(told: str | None, answer: httpx.Response, *, submits: bool = True) -> str | None:
    """The number as SP4N's numbers are. Raises `Unknown` or `Later` where it cannot be one."""
    if told is None:
        return None
    try:
        return sp4n_form.read_tracking_id(told)[0]
    except ValueError:
        kind = Unknown if submits else Later
        raise kind("unreadable", str(answer.status_code)) from None


def _is_path(link: str) -> bool:
    """Whether a link stays with them: theirs is shown to citizens and officers, and must not lead elsewhere."""
    return link.startswith("/") and not link.startswith("//") and "\\" not in link and link.isprintable()


def _entries(lines: Sequence[_Line]) -> Iterable[Entry]:
    """Their log, the oldest first. A line has no number of its own there, and dates without seconds; it is known again
    by what it says, and by how many lines said the same before."""
    told_at = [at for line in lines if (at := _at(line.date))]
    newest_first = bool(told_at) and told_at[0] > told_at[-1]
    before: Counter[str] = Counter()
    for line in reversed(lines) if newest_first else lines:
        told = "\x1f".join(
            value or "" for value in (line.date, line.keterangan, line.status, line.tanggapan, line.oleh)
        )
        before[told] += 1
        key = hashlib.sha256(f"{before[told]}\x1f{told}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        # Where they tell nothing but what happened, that is what there is to be told; the pelapor knows his own words.
        words = line.tanggapan if "tanggapan" in line.model_fields_set else line.keterangan
        words = None if line.oleh == REPORTER else words
        yield Entry(key, _at(line.date), line.status, words or None, line.oleh)


def _at(date: str | None) -> datetime | None:
    """A time of theirs, told in WIB; None where it cannot be read."""
    try:
        return dates.moment(date, WIB) if date else None
    except ValueError:
        return None


def _run(log: Sequence[Entry], status: str | None) -> list[Entry]:
    """The last entries of the log that all have this status, the oldest first."""
    found: list[Entry] = []
    for each in reversed(log):
        if each.raw_status != status:
            break
        found.insert(0, each)
    return found
