"""Jurisdictions: the provinces, kabupaten and kota that we know, by their Kemendagri code or their name."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from api.house import House
from api.open311.answers import Refusal
from store.regions import Region, Regions

KINDS = ("provinsi", "kabupaten", "kota")
_OTHER = re.compile(r"[^a-z0-9]+")


def slug(name: str) -> str:
    """A name as it stands in an address: "Kota Palembang" is kota-palembang."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("-", plain).strip("-")


def chosen(house: House, said: str | None) -> str | None:
    """The code of the jurisdiction that was named; None where none was. Raises `Refusal` (404) for an unknown one."""
    if said is None or not said.strip():
        return None
    found = find(house.directory.regions, said.strip(), house.today(None))
    if found is None:
        raise Refusal(404, "jurisdiction")
    return found.code


def find(regions: Regions, said: str, on: date) -> Region | None:
    """The province, kabupaten or kota of that code or name on a day. The word for its kind may be left out where that
    leaves one alone."""
    known = regions.by_code.get(said)
    if known is not None:
        return known if known.kind in KINDS and is_valid(known, on) else None
    wanted = slug(said)
    whole, short = [], []
    # Three hundred at most, and asked once in a request.
    for region in regions.by_code.values():
        if region.kind in KINDS and is_valid(region, on):
            name = slug(region.name)
            whole += [region] if name == wanted else []
            short += [region] if name.removeprefix(f"{region.kind}-") == wanted else []
    found = whole or short
    return found[0] if wanted and len(found) == 1 else None


def is_valid(region: Region, on: date) -> bool:
    """Whether a region is there on that day."""
    return (region.valid_from is None or region.valid_from <= on) and (region.valid_to is None or on <= region.valid_to)
