"""The page of one report: all that stands on it, gathered over one connection, for this officer alone.

What somebody may not read is not asked for. The same page comes back when an action was not carried out, with what was
typed in its form and with a sentence that says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from desk import marking, offices, sketch, timeline, words
from desk.access import Opened, shell_of
from desk.places import inside
from desk.rendering import language_of, page
from desk.shell import Shell, Span
from store import dispositions, dossiers, moves, neighbours, standings, templates, tickets, ways
from store.agencies import Agency, load_functions
from store.dossiers import Dossier
from store.policy import Subject

# What each form is for, in the order in which they stand: its address, its key, its verb in the policy.
FORMS: Mapping[str, tuple[str, str]] = {
    "disposisi": ("s", "report.dispose"),
    "tanggapan-awal": ("f", "report.answer"),
    "jawab": ("j", "report.answer"),
    "pesan": ("m", "report.message"),
    "tunda": ("t", "report.ask"),
    "kembalikan": ("b", "report.return_to_triage"),
    "arsip": ("r", "report.archive"),
    "catatan": ("i", "report.note"),
    "ubah": ("e", "report.edit"),
    "tutup-data": ("p", "report.cover"),
    "gabung": ("g", "report.merge"),
    "pisah": ("g", "report.merge"),
}
# The forms whose words are told to the citizen, and what their templates are for.
PURPOSES: Mapping[str, str] = {
    "pesan": "message",
    "tunda": "ask",
    "tanggapan-awal": "first_response",
    "jawab": "answer",
    "arsip": "archive",
}
# Why somebody must know who is behind Anonim: keys of texts, since the audit keeps nobody's own words.
NAME_REASONS = ("clarify", "safety", "law", "own_wish", "false_report")
# Likewise, why somebody must know who assisted the pelapor, and how the pelapor is reached.
ASSISTANT_REASONS = ("clarify", "misuse", "safety", "law")
REACH_REASONS = ("tell", "clarify", "consent", "safety", "law")
# What was done, as the page that follows says it.
DONE = (
    "disposed",
    "responded",
    "answered",
    "finished",
    "message",
    "asked",
    "returned",
    "archived",
    "note",
    "edited",
    "covered",
    "uncovered",
    "merged",
    "unmerged",
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an officer has tried with a form that comes back: what was typed, what is wrong with it (a text key under
    `report.problem`), what the citizen would read, the offices that the words may mean, and the version that the
    officer had read, where somebody was quicker. `revealed` is what was looked up and written down just now, as a text
    key with its parameters."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    several: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problem: str = ""
    preview: Sequence[str] = ()
    covered: str | None = None
    meant: Sequence[Agency] = ()
    since: int | None = None
    name: str | None = None
    name_shown: bool = False
    revealed: tuple[str, Mapping[str, str]] | None = None
    kept: bool = False

    def get(self, form: str, name: str, otherwise: str = "") -> str:
        """What was typed into a field of a form; `otherwise` where nothing was."""
        return self.typed.get(name, otherwise) if form == self.form else otherwise

    def ticked(self, form: str, name: str, value: str) -> bool:
        """Whether a box of a form was ticked."""
        return form == self.form and value in self.several.get(name, ())


@dataclass(frozen=True, slots=True)
class Alike:
    """An open report that is probably about the same matter, as an operator sees it."""

    ticket: str
    title: str
    metres: int | None
    days: int
    likeness: int
    shared: str
    agency: str | None


async def show(request: Request, opened: Opened, attempt: Attempt | None = None, status: int = 200) -> Response:
    """The page of a report. Raises `NotFound` where it has gone meanwhile."""
    shell, language = shell_of(request), language_of(request)
    attempt = attempt or Attempt()
    today = shell.today(opened.subject.region)
    triages = opened.may("report.merge")
    async with shell.engine.connect() as connection:
        found = await dossiers.get(
            connection,
            opened.ticket,
            named=opened.may("report.read_name"),
            uncovered=opened.may("report.read_covered"),
        )
        alike = await _alike(connection, shell, opened, found) if triages and not found.ended else []
        near = await _near(connection, shell, opened, found) if triages else []
        kinds = await _categories(connection, today) if opened.may("report.edit") else []
        offered = _offered(opened, found)
        elsewhere = await standings.of_complaint(connection, found.id)
        suitable = {
            form: await _templates(connection, opened, found, form, today) for form in PURPOSES if form in offered
        }
    original = opened.may("report.read_covered") or found.masked_text is None
    read = found.text if original else found.masked_text or ""
    suggested = offices.suggestions(shell.directory, found, today) if triages else []
    function = found.function or (suggested[0].function if suggested else None)
    personal = list(shell.personal(read) or ())
    reading = timeline.Reading(
        language,
        lambda code: shell.directory.names.get(code or "", code or "") or "Kominfo",
        kominfo=opened.may("report.read_covered"),
        colleague=opened.may("report.note"),
    )
    return page(
        request,
        "report.html",
        status,
        report=found,
        attempt=attempt,
        said=_said(request),
        original=original,
        pieces=marking.pieces(read, shell.why(read, function), personal),
        personal=[_numbered(read, each) for each in personal] if original else [],
        suggested=suggested if not found.ended else [],
        functions=functions(language),
        entries=timeline.entries(found.history, reading),
        meanwhile=_meanwhile(found, attempt, reading),
        status_name=lambda name: timeline.status(language, name),
        state=timeline.status(language, found.status),
        alike=alike,
        elsewhere=elsewhere,
        by_hand=ways.SP4N,
        spots=sketch.spots(found.pin, near) if found.pin else [],
        rings=[(metres, sketch.ring(metres)) for metres in sketch.RINGS],
        side=sketch.SIDE,
        offered=offered,
        forms=FORMS,
        suitable=suitable,
        nearby=offices.search(shell.directory, "", found.region, today, 120) if "disposisi" in offered else [],
        categories=kinds,
        topic=lambda label: shell.topic(label, language) if label else "",
        reasons=dispositions.reasons(),
        may_finish=dispositions.FINISHED in moves.allowed(found.status),
        name_reasons=NAME_REASONS,
        assistant_reasons=ASSISTANT_REASONS,
        reach_reasons=REACH_REASONS,
        fill=lambda body: templates.fill(body, placeholders(shell, found)),
        evidence=[each for each in found.files if each.office and each.state == "stored"],
        may=opened.may,
        next=inside(attempt.typed.get("next")) or onwards(request, opened.ticket),
        came=came_from(request, attempt.typed.get("next")),
        today=today,
    )


def _offered(opened: Opened, found: Dossier) -> set[str]:
    """The forms that this officer may use in this state of the report."""
    may_become = moves.allowed(found.status)
    possible = {
        "disposisi": "Terdisposisi" in may_become,
        "tanggapan-awal": not found.ended,
        "jawab": "Ditindaklanjuti oleh Instansi" in may_become,
        "pesan": True,
        "tunda": "Menunggu Kelengkapan Informasi" in may_become,
        "kembalikan": bool(found.holders) and moves.FIRST in may_become,
        "arsip": "Diarsipkan oleh Admin" in may_become,
        "catatan": True,
        "ubah": True,
        "tutup-data": True,
        "gabung": not found.ended and found.main is None,
        "pisah": found.main is not None,
    }
    # An agency answers on its own page, which knows for which agency it speaks.
    own = opened.may("report.accept")
    return {
        form
        for form, (_, verb) in FORMS.items()
        if possible[form] and opened.may(verb) and (own or form not in ("tanggapan-awal", "jawab"))
    }


@cache
def functions(language: str) -> Mapping[str, str]:
    """The kinds of offices, by code, in a language."""
    return {each.function: each.name_en if language == "en" else each.name_id for each in load_functions()}


async def _alike(connection: AsyncConnection, shell: Shell, opened: Opened, found: Dossier) -> list[Alike]:
    latitude, longitude = found.pin or (None, None)
    others = await neighbours.neighbours(
        connection,
        text=f"{found.title} . {found.text}",
        place=found.place,
        function=found.function,
        region=found.region,
        latitude=latitude,
        longitude=longitude,
        at=found.filed_at,
        besides=found.id,
    )
    joined = {each.ticket for each in found.joined} | ({found.main.ticket} if found.main else set())
    others = [
        each
        for each in others
        if each.ticket not in joined
        and opened.officer.may("report.read", Subject(each.region or shell.home_region, ()))
    ]
    titles = await neighbours.titles(connection, [each.complaint_id for each in others]) if others else {}
    return [
        Alike(
            each.ticket,
            titles[each.complaint_id],
            None if each.metres is None else round(each.metres),
            abs(found.filed_at - each.filed_at).days,
            round(each.likeness * 100),
            ", ".join(each.shared),
            each.agency,
        )
        for each in others
        if each.complaint_id in titles
    ]


async def _near(connection: AsyncConnection, shell: Shell, opened: Opened, found: Dossier) -> list[dossiers.Near]:
    if found.pin is None:
        return []
    near = await dossiers.around(connection, found.id, found.pin, sketch.REACH, shell.home_region)
    return [each for each in near if opened.officer.may("report.read", Subject(each.region))]


_CATEGORIES = text("""
    SELECT code, name FROM categories
    WHERE (valid_from IS NULL OR valid_from <= :on) AND (valid_to IS NULL OR :on <= valid_to) ORDER BY name, code
""")


async def _categories(connection: AsyncConnection, on: date) -> list[Any]:
    return list((await connection.execute(_CATEGORIES, {"on": on})).all())


async def _templates(
    connection: AsyncConnection, opened: Opened, found: Dossier, form: str, on: date
) -> list[templates.Template]:
    agency = opened.officer.agencies[0] if opened.officer.agencies else None
    return await templates.of(connection, PURPOSES[form], region=found.region, agency=agency, on=on)


def placeholders(shell: Shell, found: Dossier) -> dict[str, str]:
    """What the placeholders of a template are in this report; templates are Indonesian, and so is the day."""
    today = shell.today(found.region)
    # An agency that is only suggested has said nothing.
    lead = next((each.agency for each in found.holders), None)
    return {
        "tiket": found.ticket,
        "instansi": shell.directory.names.get(lead or "", "Kominfo"),
        "tanggal": words.day("id", today),
    }


def _numbered(words: str, each: Span) -> tuple[str, str, str]:
    """Personal data as a box of the form: its place, its kind, the words themselves."""
    return f"{each.start}-{each.end}", each.kind, words[each.start : each.end]


def _meanwhile(found: Dossier, attempt: Attempt, reading: timeline.Reading) -> list[timeline.Entry]:
    """What has happened since the version that the officer had read: each version is one row of the history."""
    if attempt.since is None:
        return []
    missed = found.version - attempt.since
    rows = found.history[-missed:] if 0 < missed <= len(found.history) else found.history
    return timeline.entries(rows, reading)


def _said(request: Request) -> tuple[str, str] | None:
    """What was done just now, as the address says it: a key of `DONE` and the ticket; anything else says nothing."""
    done, ticket = request.query_params.get("selesai", ""), tickets.read(request.query_params.get("pada", ""))
    return (done, ticket) if done in DONE and ticket else None


def came_from(request: Request, sent: str | None = None) -> str | None:
    """The list that the officer came from, as the address says it (`dari`): "triase", or its whole address. Of a form
    that comes back, `sent` is where it would have led."""
    came = request.query_params.get("dari", "")
    if not came and sent:
        came = parse_qs(urlsplit(sent).query).get("dari", [""])[0]
    return "/desk/triase" if came == "triase" else inside(came)


def onwards(request: Request, ticket: str) -> str:
    """Where an action of this page leads: to the next report for those who came from the inbox, else back here."""
    came = came_from(request)
    if came is None or urlsplit(came).path != "/desk/triase":
        return came or f"/desk/laporan/{ticket}"
    query = {"tiket": ticket, "dari": came, "setelah": request.query_params.get("setelah", "")[:80]}
    return f"/desk/triase/berikut?{urlencode(query)}"
