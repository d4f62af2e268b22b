"""Who is at the desk, and whether they may do what they ask: every route names its verb here, once.

A route of the desk depends on exactly one of `needs(verb)`, `needs_report(verb)`, `half_signed_in` and `public(why)`.
tests/desk/test_matrix.py reads them off the routes: a route without one fails there.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from desk.shell import Shell
from store import notices, policy, reports, staff, tickets
from store.complaints import Actor, NotFound
from store.policy import Grant, Reach, Subject

COOKIE = "desk"


def cookie_name(public_url: str) -> str:
    """The name of the session's cookie: over https one that only a page that came over https can set."""
    return f"__Secure-{COOKIE}" if public_url.startswith("https://") else COOKIE


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who is signed in."""

    staff_id: int
    session_id: int
    login: str
    name: str
    language: str
    grants: tuple[Grant, ...]

    def may(self, verb: str, subject: Subject | None = None) -> bool:
        """Whether they may do this, to that report if the verb is about one."""
        return policy.may(self.grants, verb, subject)

    def reach(self, verb: str) -> Reach:
        """How far they reach with a verb on reports."""
        return policy.reach(self.grants, verb)

    def actor(self, verb: str, subject: Subject | None = None) -> Actor:
        """Who acts, for the history: an operator, an agency where only that grant allows it, else simply staff."""
        kinds = ((policy.ADMIN_INSTANSI, "operator"), (policy.PEJABAT, "agency"))
        for role, kind in kinds:
            if policy.may([grant for grant in self.grants if grant.role == role], verb, subject):
                return Actor(kind, f"staff:{self.staff_id}")
        return Actor("staff", f"staff:{self.staff_id}")

    @property
    def agencies(self) -> tuple[str, ...]:
        """The agencies that they answer for."""
        return tuple(grant.agency for grant in self.grants if grant.agency)


@dataclass(frozen=True, slots=True)
class Opened:
    """A report that an officer has reached with a verb that they may use on it."""

    officer: Officer
    verb: str
    ticket: str
    complaint_id: int
    subject: Subject

    @property
    def actor(self) -> Actor:
        """Who acts, for the history."""
        return self.officer.actor(self.verb, self.subject)

    def may(self, verb: str) -> bool:
        """Whether the officer may do something else to this report."""
        return self.officer.may(verb, self.subject)


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer. `staff_id` is whose session it was; `half`: the second factor is missing."""

    def __init__(self, staff_id: int | None = None, *, half: bool = False) -> None:
        super().__init__("sign in")
        self.staff_id, self.half = staff_id, half


class Forbidden(Exception):
    """The officer may not do this anywhere."""

    def __init__(self, verb: str) -> None:
        super().__init__(verb)
        self.verb = verb


def shell_of(request: Request) -> Shell:
    """The process that runs this desk."""
    found: Shell = request.app.state.shell
    return found


async def officer_of(request: Request) -> Officer:
    """Who is signed in, with both factors. Raises `SignInNeeded`."""
    found = await _session(request)
    if found.verified_at is None:
        raise SignInNeeded(found.staff_id, half=True)
    officer = Officer(found.staff_id, found.id, found.login, found.name, found.language, found.grants)
    request.state.officer = officer
    if request.method == "GET":
        shell = shell_of(request)
        async with shell.engine.connect() as connection:
            request.state.unseen = await notices.unseen(connection, found.staff_id, found.grants, shell.now())
    return officer


async def _session(request: Request) -> staff.Session:
    shell = shell_of(request)
    token = request.cookies.get(cookie_name(shell.public_url))
    if not token:
        raise SignInNeeded
    async with shell.engine.connect() as connection:
        found = await staff.session(connection, token, shell.now())
    if isinstance(found, staff.Ended):
        raise SignInNeeded(found.staff_id)
    return found


class HouseRule:
    """A dependency: the officer, if one of their grants allows the verb. Raises `SignInNeeded` or `Forbidden`."""

    def __init__(self, verb: str) -> None:
        if verb not in policy.HOUSE_VERBS:
            raise KeyError(verb)
        self.verb = verb

    async def __call__(self, request: Request) -> Officer:
        """The officer."""
        officer = await officer_of(request)
        if not officer.may(self.verb):
            raise Forbidden(self.verb)
        return officer


class ReportRule:
    """A dependency of a route with `{ticket}`: the report, if the officer may use the verb on it.

    Raises `SignInNeeded`; `Forbidden` where the officer may read the report but not do this; otherwise `NotFound`, so
    that nobody learns which tickets exist.
    """

    def __init__(self, verb: str) -> None:
        if verb not in policy.REPORT_VERBS:
            raise KeyError(verb)
        self.verb = verb

    async def __call__(self, request: Request, ticket: str) -> Opened:
        """The report."""
        officer = await officer_of(request)
        read = tickets.read(ticket)
        if read is None:
            raise NotFound(ticket)
        shell = shell_of(request)
        async with shell.engine.connect() as connection:
            found = await reports.subject(connection, read, shell.home_region)
        if officer.may(self.verb, found.subject):
            return Opened(officer, self.verb, read, found.id, found.subject)
        raise Forbidden(self.verb) if officer.may("report.read", found.subject) else NotFound(read)


class HalfRule:
    """A dependency of the page of the second factor: whose password was right. Raises `SignInNeeded`."""

    async def __call__(self, request: Request) -> staff.Session:
        """The session, verified or not."""
        return await _session(request)


class PublicRule:
    """A dependency of a route that is open to all, and why."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        """Nothing is needed."""


RULES = (HouseRule, ReportRule, HalfRule, PublicRule)
