"""Any server of Open311's GeoReport v2, as the receiver of reports: wiki.open311.org/GeoReport_v2.

The standard knows neither offices nor words of the pelapor after the filing, and a file only as an address that all may
open, which ours have none of. What it publishes all may read: no Rahasia report leaves by it, and no name of an Anonim.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

import httpx

from bridges import wire
from bridges.contract import Category, Entry, File, Later, Office, Refused, Report, Standing, Taken, Unknown
from bridges.wire import Limits

# What the standard allows a description, in characters.
DESCRIPTION = 4_000
# The longest number, token or status that is still one.
LONGEST = 200
STATUSES = ("open", "closed")


class Open311:
    """A bridge (see bridges/contract.py) to the server at that address, which ends before "/requests.json".

    `parameters`: `jurisdiction_id` where the server wants one; `services`, the server's code by our category or our
    function; `default_service` for what is in neither. Without a code nothing is sent: `Refused("no_service")`.
    """

    def __init__(self, url: str, api_key: str, parameters: Mapping[str, Any], *, limits: Limits | None = None) -> None:
        self._url, self._key, self._limits = url, api_key, limits or Limits()
        self._jurisdiction = str(parameters.get("jurisdiction_id") or "")
        services = parameters.get("services")
        self._services: Mapping[str, Any] = services if isinstance(services, Mapping) else {}
        self._default: str | None = parameters.get("default_service") or None
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = wire.client(self._url, self._limits)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def submit(self, report: Report, files: Sequence[File]) -> Taken:
        """Hand a report over; files stay here."""
        if report.secret:
            raise Refused("secret")
        service = self._service(report)
        if service is None:
            raise Refused("no_service")
        form = {**self._where_from(), **_form(report, service)}
        if self._key:
            form["api_key"] = self._key
        response = await self._call("POST", "requests.json", submits=True, data=form)
        said = _first(response)
        number, token = _name(said, "service_request_id"), _name(said, "token")
        if number is None and token is None:
            # It may well have taken the report and only say so badly.
            raise Unknown("unreadable", str(response.status_code))
        left = tuple(each.key for each in files)
        return Taken(number, None if number else token, STATUSES[0] if number else None, left=left)

    async def attach(self, external_id: str, file: File) -> None:
        """Not in the standard."""
        raise Refused("not_offered")

    async def status(self, external_id: str | None, token: str | None = None) -> Standing:
        """How far it is. While there is a token alone, nothing is known: its number, once there is one, comes along."""
        if external_id is None:
            if token is None:
                raise Refused("not_found")
            external_id = await self._number(token)
            if external_id is None:
                return Standing(None, None)
        response = await self._call("GET", f"requests/{quote(external_id, safe='')}.json")
        said = _first(response)
        if _name(said, "service_request_id") != external_id or said.get("status") not in STATUSES:
            raise Later("unreadable", str(response.status_code))
        at = _moment(said.get("updated_datetime"))
        return Standing(external_id, said["status"], at, _entries(said, at))

    async def reply(self, external_id: str, words: str, key: str) -> None:
        """Not in the standard."""
        raise Refused("not_offered")

    async def categories(self) -> Sequence[Category]:
        """The services of the server, each under its group."""
        response = await self._call("GET", "services.json")
        rows = _read(response)
        if not isinstance(rows, list):
            raise Later("unreadable", str(response.status_code))
        known = [each for each in rows if isinstance(each, dict) and _name(each, "service_code")]
        return [
            Category(str(each["service_code"]), _words(each, "service_name") or "", _words(each, "group"))
            for each in known
        ]

    async def institutions(self, query: str) -> Sequence[Office]:
        """Not in the standard."""
        raise Refused("not_offered")

    def _service(self, report: Report) -> str | None:
        """The server's code for what the report is about."""
        ours = (report.category.id if report.category else None, report.function)
        code = next((self._services[each] for each in ours if each and each in self._services), self._default)
        return str(code) if code else None

    def _where_from(self) -> dict[str, str]:
        return {"jurisdiction_id": self._jurisdiction} if self._jurisdiction else {}

    async def _number(self, token: str) -> str | None:
        response = await self._call("GET", f"tokens/{quote(token, safe='')}.json")
        said = _first(response)
        if not said:
            raise Later("unreadable", str(response.status_code))
        return _name(said, "service_request_id")

    async def _call(self, method: str, path: str, *, submits: bool = False, **kw: Any) -> httpx.Response:
        if self._client is None:
            raise RuntimeError("the bridge is not open")
        if not submits:
            # Some let only those read who may file; the standard's description of its API puts the key there.
            kw["params"] = self._where_from() | ({"api_key": self._key} if self._key else {})
        return await wire.call(self._client, method, path, submits=submits, limits=self._limits, **kw)


def _form(report: Report, service: str) -> dict[str, str]:
    """What a report is in the standard. Raises `Refused` where it has no place: the standard wants one."""
    place = report.place
    form = {"service_code": service, "description": describe(report)}
    if place.latitude is not None and place.longitude is not None:
        form |= {"lat": f"{place.latitude:.6f}", "long": f"{place.longitude:.6f}"}
    # From the most specific to the most general, as the standard has it.
    named = (place.words, place.village, place.district, place.city, place.province)
    if address := ", ".join(" ".join(each.split()) for each in named if each and each.strip()):
        form["address_string"] = address
    if not {"lat", "address_string"} & form.keys():
        raise Refused("invalid", "address")
    if report.name and not report.anonymous:
        first, _, last = " ".join(report.name.split()).partition(" ")
        form |= {"first_name": first, "last_name": last} if last else {"first_name": first}
    return form


def describe(report: Report) -> str:
    """The description: title and text, and our ticket in the last line, by which people of both sides find it. What is
    too long is cut between words, and says so."""
    title, words, end = report.title.strip(), report.text.strip(), f"\n\n[{report.ticket}]"
    # A title that was made of the first words of the text would stand there twice.
    whole = words if not title or words.startswith(title.rstrip("…").rstrip()) else f"{title}\n\n{words}"
    room = DESCRIPTION - len(end)
    if len(whole) > room:
        head = whole[: room - 2]
        whole = (head.rsplit(maxsplit=1)[0] if any(each.isspace() for each in head) else head).rstrip() + " …"
    return whole + end


def _entries(said: Mapping[str, Any], at: datetime | None) -> list[Entry]:
    """What is told of it: the standard has no log, but one note on the present status. "Open" without a note is no
    news. A note that the server gives another moment is another one."""
    status, notes = said["status"], _words(said, "status_notes")
    if notes is None and status == STATUSES[0]:
        return []
    told = "\0".join((status, notes or "", str(said.get("updated_datetime") or "")))
    key = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]
    return [Entry(key, at, status, notes, _words(said, "agency_responsible"))]


def _read(response: httpx.Response) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _first(response: httpx.Response) -> Mapping[str, Any]:
    """The one object of an answer: the standard puts it into a list, some servers do not; empty where it is neither."""
    said = _read(response)
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    return said if isinstance(said, dict) else {}


def _name(said: Mapping[str, Any], key: str) -> str | None:
    """A number, token or code; some servers give a number where the standard wants characters."""
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    name = str(value).strip()
    return name if name.isprintable() and 0 < len(name) <= LONGEST else None


def _words(said: Mapping[str, Any], key: str) -> str | None:
    value = said.get(key)
    if not isinstance(value, str):
        return None
    # PostgreSQL has no character 0, and no half of a pair.
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip() or None


def _moment(value: Any) -> datetime | None:
    """A moment with its zone; None where that is not said, for nobody knows then when it was."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None
