"""Addresses inside the desk: where somebody may be led by what a form or a link says."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

HOME = "/desk/"
_LONGEST = 1000
# Whoever has signed in has no business at these.
_DOORS = ("/desk/masuk", "/desk/keluar", "/desk/undangan", "/desk/static")


def inside(address: str | None) -> str | None:
    """The path (with its query) if it leads to a page of the desk, None otherwise. Never another site.

    Browsers read an address in more ways than one: backslashes as slashes, line breaks as nothing, `%2e` as a dot.
    What needs such a reading is refused, rather than read.
    """
    if not address or len(address) > _LONGEST or not address.isascii() or not address.isprintable():
        return None
    if " " in address or "\\" in address or not (address == "/desk" or address.startswith(("/desk/", "/desk?"))):
        return None
    path = urlsplit(address).path
    if "//" in path or any(unquote(part).strip(".") == "" for part in path.split("/")[2:-1]):
        return None
    if unquote(path.rpartition("/")[2]) in {".", ".."} or path.startswith(_DOORS):
        return None
    return address


def referred(referer: str | None) -> str | None:
    """The page of the desk that a request says it came from, with its query; None where it says none."""
    if not referer:
        return None
    try:
        parts = urlsplit(referer)
    except ValueError:
        return None
    return inside(parts.path + (f"?{parts.query}" if parts.query else ""))
