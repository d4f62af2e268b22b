"""The pages of the simulator: what an officer of SP4N would see, as plain forms.

Nobody signs in: whoever reaches the port is an officer. So it listens on this machine alone unless told otherwise,
and a form that another site sends is refused.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader

from bridges.simulator import interface, statuses
from bridges.simulator.catalogue import units
from bridges.simulator.clocks import long_date
from bridges.simulator.reports import Report
from bridges.simulator.storage import NoReport, NotNow, Storage, parent_of

PAGE = 30
CLASSES = {1: "Pengaduan", 2: "Permintaan Informasi", 3: "Aspirasi"}
# The reason that SP4N's own administrators give.
REASON = (
    "Laporan diarsipkan karena Mengandung SARA, Tidak Memiliki Bukti Dukung, Tidak Jelas, dan Tidak Relevan dengan "
    "Kinerja Pemerintah"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("bridges.simulator", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["long_date"] = long_date
    environment.globals.update(CLASSES=CLASSES, DEEDS=statuses.DEEDS, REASON=REASON, ENDED=statuses.ENDED)
    return environment


def router(storage: Storage, *, lively: bool) -> APIRouter:
    """The routes of the pages. `lively`: things happen by themselves here, so the list looks again by itself."""
    pages = APIRouter()

    def page(name: str, status: int = 200, **parameters: Any) -> HTMLResponse:
        words = _templates().get_template(name).render(now=storage.now(), **parameters)
        return HTMLResponse(words, status, headers=HEADERS)

    def shown(tracking_id: str, status: int = 200, problem: str = "", typed: str = "") -> HTMLResponse:
        try:
            report = storage.get(tracking_id)
        except NoReport:
            return page("missing.html", 404)
        deeds = [each.name for each in statuses.DEEDS.values() if _possible(report, each)]
        return page(
            "report.html",
            status,
            report=report,
            admin=parent_of(report),
            due=storage.due(report),
            deeds=deeds,
            offices=_offices(report),
            problem=problem,
            typed=typed,
        )

    @pages.get("/")
    def reports(halaman: int = 1) -> HTMLResponse:
        """All reports, the newest first."""
        number = max(halaman, 1)
        found = storage.listed(skip=(number - 1) * PAGE, most=PAGE)
        count = storage.count()
        more = number * PAGE < count
        return page("reports.html", reports=found, count=count, number=number, more=more, lively=lively)

    @pages.get("/laporan/{tracking_id}")
    def report(tracking_id: str) -> HTMLResponse:
        """One report with its log, and what can be done with it."""
        return shown(tracking_id)

    @pages.post("/laporan/{tracking_id}")
    def do(
        request: Request,
        tracking_id: str,
        deed: Annotated[str, Form()],
        words: Annotated[str, Form()] = "",
        unit: Annotated[str, Form()] = "",
    ) -> Response:
        """Do something with it."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "Formulir ini dari situs lain")
        try:
            storage.do(tracking_id, deed, words, unit)
        except NoReport:
            return page("missing.html", 404)
        except NotNow as error:
            return shown(tracking_id, 409, str(error), words)
        return RedirectResponse(f"/laporan/{tracking_id}", 303)

    @pages.get("/laporan/{tracking_id}/lampiran/{number}")
    def file(tracking_id: str, number: int) -> Response:
        """A file of a report, as a download."""
        try:
            found = storage.file(tracking_id, number)
        except NoReport:
            return page("missing.html", 404)
        named = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
        return Response(found.content, media_type=found.content_type, headers=HEADERS | {"Content-Disposition": named})

    @pages.get("/laporan-ringkas.{form}")
    def export(form: Literal["csv", "xlsx"], dari: str = "", sampai: str = "") -> Response:
        """The export, as an officer downloads it."""
        return interface.exported(storage, form, dari, sampai)

    @pages.get("/sp4n.css")
    def style() -> Response:
        """How it looks."""
        return Response(_templates().get_template("sp4n.css").render(), media_type="text/css", headers=HEADERS)

    return pages


def _possible(report: Report, deed: statuses.Deed) -> bool:
    return report.deed_status in deed.of and not (deed.name == "verifikasi" and report.verified_at is not None)


def _offices(report: Report) -> list[tuple[str, list[tuple[str, str]]]]:
    """The institutions that it can be disposed to, in groups: those of whoever deals with it first."""
    groups: dict[str, list[tuple[str, str]]] = {parent_of(report): []}
    for each in units().values():
        if each.kind or each.above:
            groups.setdefault(each.above or "Instansi pusat dan BUMN", []).append((each.id, each.name))
    return [(name, sorted(offices, key=lambda office: office[1])) for name, offices in groups.items() if offices]
