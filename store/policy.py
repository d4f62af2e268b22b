"""Who may do what with which report: one table, asked by every page, route and command. Pure.

A person holds grants: a role, and where it holds (a region with all that lies in it, or an agency). A verb is allowed
where one of the grants has a role that reaches so far. What is not in the table is not allowed, and a report that
somebody may not read does not exist for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ADMIN_INSTANSI = "admin_instansi"  # Kominfo: sees and moves all of its region
PEJABAT = "pejabat_penghubung"  # sees and answers what is disposed to its OPD
PENGAWAS = "pengawas"  # Ombudsman, province: reads, changes nothing
BIRO = "biro_organisasi"  # service standards
ADMINISTRATOR = "administrator"  # staff, agencies, settings; reads no report
LOKET = "petugas_loket"  # assists residents at a service counter (MPP); reads no report
ROLES = (ADMIN_INSTANSI, PEJABAT, PENGAWAS, BIRO, ADMINISTRATOR, LOKET)

# How far a role reaches with a verb.
REGION, AGENCY, ALWAYS = "region", "agency", "always"

_READERS = {ADMIN_INSTANSI: REGION, PEJABAT: AGENCY, PENGAWAS: REGION}
_TRIAGE = {ADMIN_INSTANSI: REGION}
_OFFICE = {ADMIN_INSTANSI: REGION, PEJABAT: AGENCY}
# One's own account, sessions and notices are one's own, also without any grant.
OWN = "own"

# Verbs on a report, by what they do to it; then verbs on everything else.
REPORT_VERBS: Mapping[str, Mapping[str, str]] = {
    "report.read": _READERS,
    # The text as the citizen wrote it, where an operator has covered personal data in it.
    "report.read_covered": _TRIAGE,
    # The name of a pelapor who is not Anonim, and the one behind Anonim, which is written down each time.
    "report.read_name": _OFFICE,
    "report.read_hidden_name": _TRIAGE,
    # Who assisted the pelapor, and how an assisted pelapor is reached; written down each time.
    "report.read_assistant": _TRIAGE,
    "report.read_reach": _TRIAGE,
    "report.accept": _TRIAGE,
    "report.dispose": _TRIAGE,
    "report.return_to_triage": _TRIAGE,
    "report.ask": _TRIAGE,
    "report.archive": _TRIAGE,
    "report.merge": _TRIAGE,
    "report.cover": _TRIAGE,
    "report.edit": _TRIAGE,
    "report.note": _OFFICE,
    "report.message": _OFFICE,
    "report.answer": _OFFICE,
    "report.attach": _OFFICE,
    "report.hand_back": {PEJABAT: AGENCY},
    # What goes into other systems by hand, and what became of what went there.
    "report.hand_over": _TRIAGE,
    # As a row of a file that leaves the house, and what the audit has of it.
    "report.export": {ADMIN_INSTANSI: REGION, PENGAWAS: REGION},
    "report.read_trail": {ADMINISTRATOR: ALWAYS, PENGAWAS: REGION},
}
HOUSE_VERBS: Mapping[str, Mapping[str, str]] = {
    OWN: {},
    "triage.open": {ADMIN_INSTANSI: ALWAYS},
    "agency.open": {PEJABAT: ALWAYS},
    "oversight.open": {PENGAWAS: ALWAYS, ADMIN_INSTANSI: ALWAYS},
    "reports.search": {ADMIN_INSTANSI: ALWAYS, PEJABAT: ALWAYS, PENGAWAS: ALWAYS},
    "reports.export": {ADMIN_INSTANSI: ALWAYS, PENGAWAS: ALWAYS},
    "matters.handle": {ADMIN_INSTANSI: ALWAYS},
    "templates.edit": {ADMIN_INSTANSI: ALWAYS, PEJABAT: ALWAYS},
    "standards.edit": {BIRO: ALWAYS},
    "standards.read": {BIRO: ALWAYS, ADMIN_INSTANSI: ALWAYS, PENGAWAS: ALWAYS, PEJABAT: ALWAYS},
    "figures.read": {BIRO: ALWAYS, ADMIN_INSTANSI: ALWAYS, PENGAWAS: ALWAYS},
    "data.edit": {ADMINISTRATOR: ALWAYS},  # agencies, regions, categories, calendar
    "data.open": {ADMINISTRATOR: ALWAYS, BIRO: ALWAYS, ADMIN_INSTANSI: ALWAYS},  # the master data pages at all
    "staff.edit": {ADMINISTRATOR: ALWAYS},
    "channels.read": {ADMINISTRATOR: ALWAYS, ADMIN_INSTANSI: ALWAYS},
    "deliveries.retry": {ADMINISTRATOR: ALWAYS, ADMIN_INSTANSI: ALWAYS},
    "jobs.retry": {ADMINISTRATOR: ALWAYS},
    "handover.open": {ADMIN_INSTANSI: ALWAYS},  # the queue of what is to go into other systems
    "external.import": {ADMIN_INSTANSI: ALWAYS},  # SP4N's own exports
    "external.read": {ADMIN_INSTANSI: ALWAYS, PENGAWAS: ALWAYS},  # complaints of other systems that are not ours
    "bridges.edit": {ADMINISTRATOR: ALWAYS},  # connections, ways, webhooks
    # Kawan LAPOR volunteers, their counts and no words; and drafts whose volunteer may not go on.
    "volunteers.open": {ADMIN_INSTANSI: ALWAYS, PENGAWAS: ALWAYS},
    "volunteer.read": {ADMIN_INSTANSI: REGION, PENGAWAS: REGION},
    "volunteers.edit": {ADMIN_INSTANSI: ALWAYS},
    "volunteer.edit": {ADMIN_INSTANSI: REGION},
    "assisted_drafts.open": {ADMIN_INSTANSI: ALWAYS},
    "assisted_draft.settle": {ADMIN_INSTANSI: REGION},
    "counter.open": {ADMIN_INSTANSI: ALWAYS, LOKET: ALWAYS},
    "audit.read": {ADMINISTRATOR: ALWAYS, PENGAWAS: ALWAYS},
    "audit.read_house": {ADMINISTRATOR: ALWAYS},  # sign-ins, accounts, settings, exports: all that is no report
}
VERBS: Mapping[str, Mapping[str, str]] = {**REPORT_VERBS, **HOUSE_VERBS}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person was given: a role, and its region (None: everywhere) or its agency."""

    role: str
    region: str | None = None
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision must know of a report: the code of its region (that of its agency where the place is unknown),
    and the agencies that have it now."""

    region: str
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """How far somebody reaches with a verb: everywhere, or the regions with what lies in them, and the agencies."""

    everywhere: bool = False
    regions: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.regions or self.agencies)


def lies_in(region: str, wider: str) -> bool:
    """Whether the code of a region is that of the wider one, or lies in it: "16.71.01" in "16.71"."""
    return region == wider or region.startswith(wider + ".")


def may(grants: Iterable[Grant], verb: str, subject: Subject | None = None) -> bool:
    """Whether somebody with these grants may do this; verbs on reports need it. KeyError for an unknown verb."""
    rule = VERBS[verb]
    return verb == OWN or any(_reaches(grant, rule[grant.role], subject) for grant in grants if grant.role in rule)


def _reaches(grant: Grant, how_far: str, subject: Subject | None) -> bool:
    if how_far == ALWAYS:
        return True
    if subject is None:
        return False
    if how_far == AGENCY:
        return grant.agency in subject.agencies
    return grant.region is None or lies_in(subject.region, grant.region)


def reach(grants: Iterable[Grant], verb: str) -> Reach:
    """How far somebody reaches with a verb on reports, for the clause of a list. KeyError for an unknown verb."""
    rule = VERBS[verb]
    held = [(grant, rule[grant.role]) for grant in grants if grant.role in rule]
    return Reach(
        everywhere=any(how_far == ALWAYS or (how_far == REGION and grant.region is None) for grant, how_far in held),
        regions=tuple(sorted({grant.region for grant, how_far in held if how_far == REGION and grant.region})),
        agencies=tuple(sorted({grant.agency for grant, how_far in held if how_far == AGENCY and grant.agency})),
    )


# The rows of a list that a `Reach` covers: complaints as `k`, left-joined with their agency as `a`.
COVERED = """
    (:everywhere OR EXISTS (
        SELECT 1 FROM unnest(CAST(:regions AS text[])) r
        WHERE coalesce(k.region, a.region, :home) = r OR starts_with(coalesce(k.region, a.region, :home), r || '.')
     ) OR EXISTS (
        SELECT 1 FROM dispositions d
        WHERE d.complaint_id = k.id AND d.ended_at IS NULL AND d.agency = ANY(CAST(:agencies AS text[]))
     ))
"""


def covered(found: Reach, home: str) -> dict[str, object]:
    """The parameters of `COVERED`; `home` is the region of reports that tell none."""
    return {
        "everywhere": found.everywhere,
        "regions": list(found.regions),
        "agencies": list(found.agencies),
        "home": home,
    }
