"""A report as it leaves the house: in the words and numbers that other systems use, without what they have no business
with, and its files as far as they can go along."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api.media import attachments
from bridges.contract import Category, File, Office, Place, Report
from store import media, outgoing, ways
from store.attachments import Attached
from store.complaints import title_of
from store.regions import Region

if TYPE_CHECKING:
    from api.house import House

log = structlog.get_logger(__name__)

# What SP4N's form takes, and so everybody: these, of at most 2 MB each. PDFs go as they came.
TAKEN = ("application/pdf", "image/jpeg", "image/png")
LARGEST = 2 << 20
# How our channels are called in SP4N's exports; another one goes by its own name.
SOURCES: Mapping[str, str] = {"whatsapp": "WhatsApp", "telegram": "Telegram", "webchat": "Website"}


async def report_of(house: House, connection: AsyncConnection, complaint_id: int, *, kind: str = ways.MANUAL) -> Report:
    """A complaint for connections of that kind: with SP4N's ids for SP4N, with our codes for others; for those others
    without the personal data that an operator has covered. `filed_at` is in the zone of its place. Raises `NotFound`.
    """
    row = await outgoing.complaint(connection, complaint_id)
    covered = row.masked_text if kind in ways.PUBLIC else None
    return Report(
        ticket=row.ticket,
        report_class=row.report_class,
        title=title_of(covered) if covered and row.title == title_of(row.text) else row.title,
        text=covered or row.text,
        filed_at=row.filed_at.astimezone(house.zone(row.region)),
        place=_place(house, row),
        happened=row.happened,
        happened_on=row.happened_on,
        category=await _category(connection, row.category, kind) if row.category else None,
        agency=Office(row.agency, row.agency_name) if row.agency else None,
        anonymous=row.anonymous,
        secret=row.secret,
        name=None if row.anonymous else row.citizen_name,
        source=SOURCES.get(row.channel, row.channel),
        function=row.function,
    )


def _place(house: House, row: Any) -> Place:
    regions = house.directory.regions
    found = regions.nearest(row.region)
    village = found if found is not None and found.kind in ("desa", "kelurahan") else None
    return Place(
        code=found.code if found else None,
        province=_name(regions.province_of(row.region)),
        city=_name(regions.kabkota_of(row.region)),
        district=_name(regions.kecamatan_of(row.region)),
        village=_name(village),
        words=row.place,
        latitude=row.latitude,
        longitude=row.longitude,
    )


def _name(region: Region | None) -> str | None:
    return region.name if region else None


async def _category(connection: AsyncConnection, category: str, kind: str) -> Category | None:
    found = await outgoing.category(connection, category)
    if found is None:
        return None
    if kind in ways.PUBLIC:
        return Category(found.code, found.name, found.parent)
    # What has no number in SP4N, only a person can find there.
    number = "" if found.sp4n_id is None else str(found.sp4n_id)
    return Category(number, found.name, found.parent) if number or kind == ways.MANUAL else None


# --- files ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a report: those that can go, with the ids of their rows by the key, and why others cannot (a key of
    desk/texts/id/troubles.toml), by the id of the row."""

    going: tuple[File, ...]
    ids: Mapping[str, int]
    problems: Mapping[int, str]


async def files_of(house: House, complaint_id: int, *, anonymous: bool) -> Files:
    """The files that the pelapor has sent, as far as they are on the shelf: pictures as their clean copies. Of an
    Anonim report they go without the names that they were given."""
    async with house.engine.connect() as connection:
        rows = await outgoing.files(connection, complaint_id)
    going, ids, problems = [], {}, {}
    for place, row in enumerate(rows, 1):
        made = await _file(house, row, place, anonymous=anonymous)
        if isinstance(made, File):
            going.append(made)
            ids[made.key] = row.id
        else:
            problems[row.id] = made
    return Files(tuple(going), ids, problems)


async def file_of(house: House, media_id: int) -> File | str:
    """One file of a report, or why it cannot go."""
    async with house.engine.connect() as connection:
        row = await outgoing.file(connection, media_id)
    if row is None:
        return "gone"
    return await _file(house, row, 1, anonymous=row.anonymous)


async def _file(house: House, row: Any, place: int, *, anonymous: bool) -> File | str:
    try:
        content, content_type = await asyncio.to_thread(media.handed_out, house.shelf, row)
    except FileNotFoundError:
        log.warning("file_gone", media=row.id)
        return "gone"
    if row.kind in ("voice", "video") or content_type not in TAKEN:
        return "wrong_kind"
    if len(content) > LARGEST:
        return "too_large"
    given = None if anonymous else row.name
    attached = Attached(row.id, row.kind, row.sha256, content_type, len(content), given)
    return File(f"media-{row.id}", attachments.name_of(attached, place), content_type, content)
