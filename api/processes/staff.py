"""Accounts of the desk from the command line: the first administrator, and whoever has lost everything.

No password is ever given here: an account is entered by an invitation, a link that is printed once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from api.house import open_house
from api.running import database
from api.settings import Settings, SettingsWrong
from api.unit import Unit, unit
from store import audit, factors, policy, staff
from store.complaints import Actor
from store.policy import Grant
from store.staff import Account

COMMAND = Actor("system", "command")


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the command line."""

    login: str | None
    name: str | None
    role: str | None
    region: str | None
    agency: str | None
    factor: bool

    @property
    def grant(self) -> Grant | None:
        """The grant that was named. Raises `SettingsWrong` where it cannot be one."""
        if self.role is None:
            return None
        if (self.role == policy.PEJABAT) != (self.agency is not None):
            raise SettingsWrong("A pejabat_penghubung needs an --agency, and nobody else has one.")
        return Grant(self.role, self.region, self.agency)


def run(
    settings: Settings,
    action: str,
    login: str | None = None,
    name: str | None = None,
    role: str | None = None,
    region: str | None = None,
    agency: str | None = None,
    factor: bool = False,
) -> None:
    """Do one thing to one account, or list them all. Raises `SettingsWrong` with a sentence where it cannot be done."""
    given = Given(login, name, role, region, agency, factor)
    if action != "list" and not login:
        raise SettingsWrong(f"{action} needs a --login.")
    if action == "add" and not (name and name.strip()):
        raise SettingsWrong("add needs a --name.")
    if action in ("grant", "revoke") and given.grant is None:
        raise SettingsWrong(f"{action} needs a --role.")
    with database(settings) as url:
        asyncio.run(_run(settings, url, action, given))


async def _run(settings: Settings, url: str, action: str, given: Given) -> None:
    async with open_house(settings, url, name="staff") as house:
        try:
            async with unit(house) as work:
                printed = await _list(work) if action == "list" else await _VERBS[action](work, given)
        except IntegrityError as error:
            broken = str(getattr(getattr(error.orig, "diag", None), "constraint_name", ""))
            raise SettingsWrong(_BROKEN.get(broken, "The database refuses this.")) from None
    print(printed)


# What a constraint of the store means to whoever typed the command.
_BROKEN = {
    "uq_staff_login": "There is an account of that login already.",
    "ck_staff_login": "A login cannot be empty.",
    "fk_staff_grants_region": "There is no region of that code.",
    "fk_staff_grants_agency": "There is no agency of that code.",
}


async def _add(work: Unit, given: Given) -> str:
    grant = given.grant
    staff_id = await staff.add(work.connection, given.login or "", given.name or "", [grant] if grant else [])
    await _write(work, staff_id, "account.add")
    if grant:
        await _write(work, staff_id, "grant.give", grant)
    return await _invite(work, staff_id)


async def _grant(work: Unit, given: Given) -> str:
    account, grant = await _account(work, given), given.grant
    assert grant is not None  # noqa: S101  # nosec B101 # run has asked
    if grant in [each.grant for each in await staff.grants(work.connection, account.id, work.house.now())]:
        return "They hold it already."
    await staff.grant(work.connection, account.id, grant)
    await _write(work, account.id, "grant.give", grant)
    return "Granted."


async def _revoke(work: Unit, given: Given) -> str:
    account, grant, now = await _account(work, given), given.grant, work.house.now()
    found = [each for each in await staff.grants(work.connection, account.id, now) if each.grant == grant]
    if not found:
        raise SettingsWrong("They hold no such grant; `list` shows what they hold.")
    for each in found:
        await staff.revoke(work.connection, each.id, now)
        await _write(work, account.id, "grant.end", each.grant)
    return "Revoked."


async def _disable(work: Unit, given: Given) -> str:
    account = await _account(work, given)
    await staff.disable(work.connection, account.id, work.house.now())
    await _write(work, account.id, "account.disable")
    return "Disabled; all sessions have ended."


async def _enable(work: Unit, given: Given) -> str:
    account = await _account(work, given)
    await staff.enable(work.connection, account.id)
    await _write(work, account.id, "account.enable")
    return "Enabled, with the password and the second factor of before."


async def _reset(work: Unit, given: Given) -> str:
    account = await _account(work, given)
    if account.disabled_at is not None:
        raise SettingsWrong("The account is disabled; enable it first.")
    await staff.end_sessions(work.connection, account.id)
    if given.factor:
        await factors.forget(work.connection, account.id)
        await _write(work, account.id, "factor.forget")
    return await _invite(work, account.id)


async def _invite(work: Unit, staff_id: int) -> str:
    token = await staff.invite(work.connection, staff_id, work.house.now())
    await _write(work, staff_id, "invitation.give")
    hours = int(staff.INVITED.total_seconds() // 3600)
    return (
        f"Give this link to them alone; it works once, for {hours} hours:\n"
        f"{work.house.settings.public_url}/desk/undangan/{token}"
    )


async def _list(work: Unit) -> str:
    now, lines = work.house.now(), []
    for each in await staff.listed(work.connection):
        lines.append(f"{each.login}  {each.name}  ({_state(each, now)})")
        for held in await staff.grants(work.connection, each.id, now):
            where = held.grant.agency or held.grant.region or "everywhere"
            lines.append(f"    {held.grant.role}  {where}")
    return "\n".join(lines) or "There are no accounts."


def _state(account: Account, now: datetime) -> str:
    if account.disabled_at is not None:
        return "disabled"
    if account.password_hash is None and account.subject is None:
        waits = account.invited_until is not None and account.invited_until > now
        return "invited" if waits else "has no password; `reset` prints an invitation"
    return "active" if account.factor or account.subject else "has no second factor yet"


async def _account(work: Unit, given: Given) -> Account:
    found = await staff.by_login(work.connection, given.login or "")
    if found is None:
        raise SettingsWrong("There is no account of that login; `list` shows all.")
    return found


async def _write(work: Unit, staff_id: int, verb: str, grant: Grant | None = None) -> None:
    detail = {"role": grant.role, "region": grant.region, "agency": grant.agency} if grant else None
    await audit.write(work.connection, COMMAND, verb, of=("staff", str(staff_id)), detail=detail)


_VERBS: dict[str, Callable[[Unit, Given], Awaitable[str]]] = {
    "add": _add,
    "grant": _grant,
    "revoke": _revoke,
    "disable": _disable,
    "enable": _enable,
    "reset": _reset,
}
