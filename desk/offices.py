"""Which office a report may go to: what the classifier suggests for its place, and the search of any office."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from store.agencies import Agency, is_valid, load_functions
from store.dossiers import Dossier
from store.masterdata import Directory

MOST = 3


@dataclass(frozen=True, slots=True)
class Suggested:
    """An office that may be the right one. `confidence` is from 0 to 1, None where no model has read the report;
    `likely`: among those that hold the right one in 90 of 100 reports; `refused`: it has sent the report back."""

    agency: Agency
    function: str | None
    confidence: float | None
    certain: bool
    likely: bool
    refused: bool


def suggestions(directory: Directory, found: Dossier, on: date) -> list[Suggested]:
    """The first three offices by the functions that the classifier suggested; what stands in the report where nothing
    was suggested. Those that have sent the report back come last; those that have it now, and those that are valid no
    more, are never among them."""
    likely = set(found.reading.get("likely") or ())
    refused = {each.agency for each in found.held if each.ended_because in ("denied", "handed_back")}
    holding = {each.agency for each in found.holders}
    chosen: dict[str, Suggested] = {}
    for function, confidence in _functions(found.reading):
        there = directory.agencies.responsible(function, found.region, on, found.text)
        if there.agency.code not in chosen and there.agency.code not in holding and is_valid(there.agency, on):
            chosen[there.agency.code] = Suggested(
                there.agency,
                function,
                confidence,
                there.certain,
                function in likely,
                there.agency.code in refused,
            )
    standing = directory.agencies.by_code.get(found.agency or "")
    # Whatever came back from an office stands with the Kominfo that sorts it: that is no suggestion.
    if not chosen and not refused and standing is not None and standing.code not in holding and is_valid(standing, on):
        chosen[standing.code] = Suggested(
            standing, found.function, None, certain=False, likely=False, refused=standing.code in refused
        )
    return sorted(chosen.values(), key=lambda each: each.refused)[:MOST]


def _functions(reading: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The suggested functions with their confidence; what cannot be read is left out: rows are older than we are."""
    return [
        (each[0], float(each[1]))
        for each in reading.get("functions") or ()
        if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) and isinstance(each[1], int | float)
    ]


# --- searching -----------------------------------------------------------------------------------------------------


@cache
def _functions_by_name() -> Mapping[str, str]:
    return {each.function: f"{each.name_id} {each.name_en}".casefold() for each in load_functions()}


@cache
def spoken(agency: Agency) -> str:
    """All that an office is called, in one line."""
    functions = (f"{each} {_functions_by_name().get(each, '')}" for each in agency.functions)
    return " | ".join((agency.name, agency.short, *agency.aliases, *functions)).casefold()


def search(directory: Directory, words: str, near: str | None, on: date, most: int = 20) -> list[Agency]:
    """The valid offices that every one of these words is found in (name, short name, alias, function): those of the
    report's own kabupaten first, then those of its province; whose name begins with the words before the others."""
    asked = words.casefold().split()
    city = directory.regions.kabkota_of(near)
    province = directory.regions.province_of(near)
    ranked = []
    for agency in directory.agencies.by_code.values():
        if not is_valid(agency, on) or not all(each in spoken(agency) for each in asked):
            continue
        far = 0 if city and _lies_in(agency.region, city.code) else 2
        far = 1 if far and province and agency.region == province.code else far
        names = (agency.name.casefold(), agency.short.casefold(), *(each.casefold() for each in agency.aliases))
        begins = any(name.startswith(" ".join(asked)) for name in names)
        ranked.append((far, not begins, agency.name.casefold(), agency.code, agency))
    return [agency for *_, agency in sorted(ranked, key=lambda each: each[:4])[:most]]


def _lies_in(region: str, wider: str) -> bool:
    return region == wider or region.startswith(f"{wider}.")


def read(directory: Directory, words: str, near: str | None, on: date) -> Agency | list[Agency] | None:
    """The one office that these words name: its code, or its name or short name or alias in the report's own place;
    several where they may mean several, None where nothing valid is found."""
    code = directory.agencies.by_code.get(words)
    if code is not None:
        return code if is_valid(code, on) else None
    found = search(directory, words, near, on) if words.strip() else []
    plain = " ".join(words.casefold().split())
    exact = [each for each in found if plain in {name.casefold() for name in (each.name, each.short, *each.aliases)}]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    return found or None
