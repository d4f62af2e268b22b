"""Who guesses: the counts before a sign-in, so that nobody can lock out anybody but themselves.

A browser that has been signed in before carries a cookie that says so, and has a count of its own for that account.
All others are counted by their network address, alone and together with the account. So an attacker elsewhere locks
out no owner, and one behind the address of an office locks out no colleague whose browser is known.

Addresses are never kept as they are, only as digests under a key that changes with the day (UTC), as for /periksa; the
key is GUESS_KEY, or this process's own, which dies with it (browsers are then unknown again).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from desk.access import shell_of
from store.lockout import Count

DEVICE = "desk_device"
DEVICE_LASTS = timedelta(days=180)
# Several officers may share a computer, by turns.
_MOST_DEVICES = 5
# Wrong guesses an hour: of a browser that is known, of an address for one account, of an address for all accounts.
OF_DEVICE, OF_PAIR, OF_ADDRESS = 20, 10, 100
# Of codes: in one session; for one account from all browsers that are not known. Who gets there has the password.
OF_SESSION, OF_ACCOUNT = 10, 50

_OWN_KEY = secrets.token_bytes(32)


def passwords(request: Request, login: str, staff_id: int | None) -> list[Count]:
    """The counts before a password; `staff_id` where the login is an account's."""
    if device := _device(request, staff_id):
        return [Count("sign_in_device", device, OF_DEVICE)]
    return [
        Count("sign_in_address", _digest(request, "sign_in"), OF_ADDRESS),
        Count("sign_in", _digest(request, "sign_in", login.strip().lower()), OF_PAIR),
    ]


def codes(request: Request, staff_id: int, session_id: int) -> list[Count]:
    """The counts before a code of the second factor."""
    counts = [Count("code_session", str(session_id), OF_SESSION)]
    if device := _device(request, staff_id):
        return [*counts, Count("code_device", device, OF_DEVICE)]
    return [
        *counts,
        Count("code", _digest(request, "code", str(staff_id)), OF_PAIR),
        Count("code_account", str(staff_id), OF_ACCOUNT),
    ]


def inside(session_id: int) -> list[Count]:
    """The counts before a password or a code that a whole session is asked for again."""
    return [Count("inside_session", str(session_id), OF_SESSION)]


# --- browsers that are known -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A browser in which somebody has signed in, until when it counts as known (seconds), and its own name."""

    staff_id: int
    until: int
    name: str


def known(request: Request, staff_id: int, now: datetime) -> str:
    """What the browser's cookie shall be, now that this person has signed in with it."""
    key = _key(request)
    others = [each for each in read(request.cookies.get(DEVICE, ""), key, now) if each.staff_id != staff_id]
    mine = Mark(staff_id, int((now + DEVICE_LASTS).timestamp()), secrets.token_hex(8))
    return written([mine, *others], key)


def written(marks: Sequence[Mark], key: bytes) -> str:
    """The cookie that says so, signed."""
    said = [f"{each.staff_id}.{each.until}.{each.name}" for each in marks[:_MOST_DEVICES]]
    return "_".join(f"{each}.{_sign(each, key)}" for each in said)


def read(cookie: str, key: bytes, now: datetime) -> list[Mark]:
    """The marks of a cookie that are ours and still count; anything else is nothing."""
    found: list[Mark] = []
    for entry in cookie.split("_")[:_MOST_DEVICES]:
        said, _, signature = entry.rpartition(".")
        if hmac.compare_digest(_sign(said, key).encode(), signature.encode("utf-8", "replace")):
            staff_id, until, name = said.split(".")
            if int(until) > now.timestamp():
                found.append(Mark(int(staff_id), int(until), name))
    return found


def _device(request: Request, staff_id: int | None) -> str | None:
    """The count of a browser in which this person has signed in before."""
    for each in read(request.cookies.get(DEVICE, ""), _key(request), shell_of(request).now()):
        if each.staff_id == staff_id:
            return f"{each.staff_id} {each.name}"
    return None


def _sign(said: str, key: bytes) -> str:
    return hmac.new(key, f"device {said}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


# --- network addresses -----------------------------------------------------------------------------


def _digest(request: Request, *about: str) -> str:
    network = network_of(request.client.host if request.client else "")
    words = " ".join([f"{shell_of(request).now():%Y-%m-%d}", network, *about])
    return hmac.new(_key(request), words.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _key(request: Request) -> bytes:
    shared = shell_of(request).settings.guess_key
    return shared.get_secret_value().encode() if shared else _OWN_KEY


def network_of(host: str) -> str:
    """The address of one guesser: an IPv4 address, or the /56 that a provider gives to one household; "" for none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address.packed[:7] + bytes(9), 56)))
        address = address.ipv4_mapped
    return str(address)
