"""Reports as a file, in the columns of SP4N's "Laporan Ringkas". Each file that leaves the house is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from desk import spreadsheets, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from desk.shell import Shell
from desk.trail import day
from store import audit, moves, ringkas, summaries
from store.agencies import is_valid
from store.summaries import Narrowing, Summary
from store.ways import SP4N

router = APIRouter()

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TITLE = "Laporan Ringkas"
# Those of SP4N, in its order and spelling (domain specification 2.10); the zone in which the times are told, because
# officers read them; and our ticket, by which a number that is entered in place of it finds its report.
COLUMNS = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Zona Waktu",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan",
    "Sumber Laporan",
    "Instansi Induk",
    "ID Instansi Terdisposisi",
    "Instansi Terdisposisi",
    "Status Laporan",
    "Alasan Tunda/Arsip",
    "Provinsi",
    "Kota/Kabupaten",
    "Kecamatan",
    "Kelurahan",
    "Tiket Kanal",
)
FIELDS = ("dari", "sampai", "status", "instansi", "format")
# The longest that a field of this form can be.
LONGEST_FIELD = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for, as it was typed."""

    dari: str = ""
    sampai: str = ""
    status: str = ""
    instansi: str = ""
    format: str = "csv"

    def wrong(self, shell: Shell) -> list[str]:
        """The fields that say nothing we know; "days" where the days lie the wrong way round."""
        found = [name for name in ("dari", "sampai") if getattr(self, name) and day(getattr(self, name)) is None]
        first, last = day(self.dari), day(self.sampai)
        if first and last and last < first:
            found.append("days")
        if self.status and self.status not in {each.name for each in moves.STATUSES}:
            found.append("status")
        if self.instansi and self.instansi not in shell.directory.names:
            found.append("instansi")
        return found + ["format"] * (self.format not in FORMATS)

    def narrowing(self, shell: Shell) -> Narrowing:
        """The same for the store; days are those of the home region's clocks."""
        zone, first, last = shell.zone(None), day(self.dari), day(self.sampai)
        return Narrowing(
            since=datetime.combine(first, time(), zone) if first else None,
            until=datetime.combine(last + timedelta(days=1), time(), zone) if last else None,
            status=self.status or None,
            agency=self.instansi or None,
        )


May = Annotated[Officer, Depends(HouseRule("reports.export"))]


@router.get("/unduh")
async def ask(request: Request, officer: May) -> Response:
    """The form."""
    return _form(request, officer, Asked())


@router.post("/unduh")
async def export(request: Request, officer: May) -> Response:
    """The file; the form again where something in it cannot be read, or where there is no such report."""
    form = await request.form()
    asked = Asked(**{name: typed for name in FIELDS if (typed := _typed(form.get(name))) is not None})
    shell = shell_of(request)
    if wrong := asked.wrong(shell):
        return _form(request, officer, asked, 422, wrong=wrong)
    reach, home = officer.reach("report.export"), shell.home_region
    async with shell.engine.connect() as connection:
        ids = await summaries.choose(connection, reach, home, asked.narrowing(shell))
    if not ids:
        return _form(request, officer, asked, nothing=True)
    async with shell.unit() as work:
        filters = {"since": asked.dari, "until": asked.sampai, "status": asked.status, "agency": asked.instansi}
        detail = {"rows": len(ids), "format": asked.format, **{key: said for key, said in filters.items() if said}}
        await audit.write(work.connection, officer.actor("reports.export"), "reports.exported", detail=detail)
    found = summaries.read(shell.engine, ids, reach, home)
    rows = _rows(shell, officer, asked, found)
    content = spreadsheets.as_csv(rows) if asked.format == "csv" else spreadsheets.as_xlsx(TITLE, rows)
    name = f"laporan-ringkas-{shell.now().astimezone(shell.zone(None)):%Y-%m-%d-%H%M}.{asked.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=FORMATS[asked.format], headers=headers)


def _typed(value: object) -> str | None:
    return value.replace("\x00", "").strip()[:LONGEST_FIELD] if isinstance(value, str) else None


def _form(
    request: Request,
    officer: Officer,
    asked: Asked,
    status: int = 200,
    *,
    wrong: Sequence[str] = (),
    nothing: bool = False,
) -> Response:
    directory, today = shell_of(request).directory, shell_of(request).today(None)
    reach = officer.reach("report.export")
    offices = [
        each
        for each in directory.agencies.by_code.values()
        if is_valid(each, today) and (reach.everywhere or _near(each.region, reach.regions))
    ]
    return page(
        request,
        "export.html",
        status,
        asked=asked,
        wrong=wrong,
        nothing=nothing,
        statuses=[each.name for each in moves.STATUSES],
        offices=sorted(offices, key=lambda each: each.name.casefold()),
    )


def _near(region: str, regions: Sequence[str]) -> bool:
    """Whether an agency of that region may have reports of these: it lies in one of them, or one lies in it."""
    return any(f"{region}.".startswith(f"{each}.") or f"{each}.".startswith(f"{region}.") for each in regions)


# --- the table ----------------------------------------------------------------------------------------


async def _rows(
    shell: Shell, officer: Officer, asked: Asked, found: AsyncIterator[Summary]
) -> AsyncIterator[Sequence[str]]:
    """The lines that SP4N puts before the table, its head, and a row for each report."""
    reach = officer.reach("report.export")
    regions = shell.directory.regions
    offices = ["Seluruh wilayah"] if reach.everywhere else [regions.full_name(code) for code in reach.regions]
    yield ("Judul Laporan", TITLE)
    yield ("Nama Instansi", ", ".join(offices))
    yield ("Tanggal Generate", words.moment("id", shell.now(), shell.zone(None)))
    yield ("Periode Masuk", _period(asked))
    yield ("Pengelola", officer.name)
    yield ()
    yield COLUMNS
    parents = {code: each.parent for code, each in shell.directory.agencies.by_code.items()}
    async for some in _by_and_by(found):
        async with shell.engine.connect() as connection:
            numbers = await ringkas.numbers(connection, SP4N, [each.ticket for each in some])
        for each in some:
            named = officer.may("report.read_name", each.subject)
            yield row(shell, each, parents, numbers.get(each.ticket), named=named)


async def _by_and_by(found: AsyncIterator[Summary]) -> AsyncIterator[list[Summary]]:
    """The same, as many at a time as are read at once."""
    some: list[Summary] = []
    async for each in found:
        some.append(each)
        if len(some) == summaries.AT_ONCE:
            yield some
            some = []
    yield some


def _period(asked: Asked) -> str:
    first, last = (words.day("id", found) if (found := day(each)) else "…" for each in (asked.dari, asked.sampai))
    return f"{first} – {last}" if asked.dari or asked.sampai else "Semua"


def row(shell: Shell, each: Summary, parents: Mapping[str, str], number: str | None, *, named: bool) -> tuple[str, ...]:
    """A report as the cells of `COLUMNS`. `number` is the one that it has in SP4N; `named`: whether the officer may
    read the name of its pelapor at all."""
    zone = shell.zone(each.region or each.subject.region)
    filed = each.filed_at.astimezone(zone)
    names, regions = shell.directory.names, shell.directory.regions
    above = [
        regions.province_of(each.region),
        regions.kabkota_of(each.region),
        regions.kecamatan_of(each.region),
        regions.nearest(each.region) if each.region and each.region.count(".") == 3 else None,
    ]
    lead = each.agencies[0] if each.agencies else ""
    parent = parents.get(lead, "")
    return (
        number or each.ticket,
        words.day("id", filed.date()),
        f"{filed:%H:%M:%S}",
        words.moment("id", filed, zone).rpartition(" ")[2],
        (each.name or "") if named and not each.anonymous and not each.secret else "",
        _class(each),
        str(each.category_number or ""),
        each.category or "",
        each.title,
        each.words,
        each.words,
        "|".join(["Anonim"] * each.anonymous + ["Rahasia"] * each.secret),
        words.say("id", f"export.channel.{each.channel}")
        if words.knows(f"export.channel.{each.channel}")
        else each.channel,
        names.get(parent, parent),
        "; ".join(each.agencies),
        "; ".join(names.get(code, code) for code in each.agencies),
        each.status,
        each.reason or "",
        *(found.name if found else "" for found in above),
        each.ticket,
    )


def _class(each: Summary) -> str:
    if each.report_class == "pengaduan" and each.supervised is not None:
        return words.say("id", f"export.class.{'supervised' if each.supervised else 'unsupervised'}")
    return words.say("id", f"export.class.{each.report_class}")
