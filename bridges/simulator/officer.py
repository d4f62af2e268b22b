"""An officer who never sleeps, for demonstrations: verifies, disposes and answers each report, and answers once more
after the pelapor has replied. One step at a time, so that somebody who watches sees each of them."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bridges.simulator import statuses
from bridges.simulator.catalogue import Unit, named, topics, units
from bridges.simulator.reports import Report
from bridges.simulator.storage import NoReport, NotNow, Storage

# How often an answer follows: to the report, and to the first reply.
ANSWERS = 2
FALLBACK = "kominfo"


@cache
def _words() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("bridges.simulator") / "officer.toml").read_text(encoding="utf-8"))


def work(storage: Storage, pause: float) -> int:
    """Do the next step with each open report in which nothing has happened for `pause` seconds; returns how many
    steps that were. A report that somebody else deals with at the same time is left to them."""
    done, latest = 0, storage.now() - timedelta(seconds=pause)
    for each in storage.listed(newest_first=False, open_only=True):
        if each.tracking_id is None or (step := _next(each)) is None:
            continue
        if storage.get(each.tracking_id).log[-1].at > latest:
            continue
        try:
            storage.do(each.tracking_id, *step)
            done += 1
        except (NoReport, NotNow):
            continue
    return done


def _next(report: Report) -> tuple[str, str, str] | None:
    """The deed, its words and its institution; None where the officer has nothing to do."""
    status = report.deed_status
    if status == statuses.UNVERIFIED:
        if report.verified_at is None:
            return "verifikasi", "", ""
        return "disposisi", "", unit_for(report).id
    if report.answers >= ANSWERS:
        return None
    if status == statuses.DISPOSED:
        return "jawab", sentence(report), ""
    if status == statuses.REPLIED:
        return "selesai", sentence(report), ""
    return None


def sentence(report: Report) -> str:
    """What the officer answers."""
    words, kind = _words(), str(report.classification)
    return str(words["susulan" if report.answers else "jawaban"][kind]).format(
        kategori=f"“{report.category}”" if report.category else words["tanpa_kategori"][kind],
        instansi=report.at_unit.name if report.at_unit else "Kami",
    )


def unit_for(report: Report) -> Unit:
    """Where a report goes: to the institution that was suggested, else to one of its region that deals with its topic,
    else to the one that sorts reports there, else to the first that sorts any."""
    if (wanted := named(report.unit)) is not None and wanted.kind:
        return wanted
    topic = topics().get(report.category_id or "")
    kind = _words()["bidang"].get((topic.above or topic.name.upper()) if topic else "", FALLBACK)
    wheres = [each.casefold() for each in (report.city, report.province) if each]
    offices = [each for each in units().values() if each.kind]
    for where in wheres:
        near = [each for each in offices if each.where.casefold().endswith(where.removeprefix("provinsi "))]
        for each in near:
            if each.kind == kind and each.above:
                return each
        for each in near:
            if each.kind == FALLBACK:
                return each
    return next(each for each in offices if each.kind == FALLBACK)
