"""A GeoReport v2 server of our own: it knows the standard, holds requests against it, and can be told to go wrong.

It is as forgetful as the standard lets it be: a report that is sent twice is there twice.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import web

KEY, JURISDICTION = "kunci-uji", "palembang.go.id"
SERVICES: list[dict[str, Any]] = [
    {"service_code": "JLN-01", "service_name": "Jalan rusak", "group": "Jalan"},
    {"service_code": "LMP-02", "service_name": "Lampu jalan mati", "group": "Jalan"},
    {"service_code": "LAIN", "service_name": "Lain-lain", "group": None},
]
# What the standard lets a POST say (wiki.open311.org/GeoReport_v2, "POST Service Request").
ARGUMENTS = set(
    "jurisdiction_id service_code lat long address_string address_id email device_id account_id first_name last_name"
    " phone description media_url api_key".split()
)
PAGE = "<!doctype html><title>Maaf</title><p>Sedang ada gangguan."

# How it may fail once. All but "busy" come after it has taken what was sent.
Fault = Literal["cut", "slow", "page", "nothing", "broken", "busy", "repeated"]


def schemas() -> Path | None:
    """The folder of the standard's schemas, where there is one."""
    folder = Path(os.environ.get("LAPOR_SHARED", "nowhere")) / "peers" / "open311"
    return folder if folder.is_dir() else None


@dataclass
class FakeOpen311:
    """A server on a free port of loopback. `tokens`: it gives a token first, and a number when `number` is called.

    What it has seen: `requests` by number, `forms` as they came, `problems` with them.
    """

    tokens: bool = False
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    url: str = ""
    _tokens: dict[str, str | None] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._go_wrong])
        app.router.add_get("/v2/services.json", self._services)
        app.router.add_post("/v2/requests.json", self._post)
        app.router.add_get("/v2/requests/{id}.json", self._get)
        app.router.add_get("/v2/tokens/{id}.json", self._token)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._leaving.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def tell(self, number: str, status: str, notes: str | None, at: str = "2026-11-22T08:00:00+07:00") -> None:
        """An office there says something."""
        self.requests[number] |= {"status": status, "status_notes": notes, "updated_datetime": at}

    def number(self, token: str) -> str:
        """Give what was taken under a token its number."""
        number = self._tokens[token] = str(9_000 + len(self._tokens))
        self.requests[number] = {**self.requests.pop(token), "service_request_id": number}
        return number

    @web.middleware
    async def _go_wrong(self, request: web.Request, handler: Any) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else None
        if fault == "busy":
            return web.Response(status=429, headers={"Retry-After": "7"})
        response: web.StreamResponse = await handler(request)
        match fault:
            case "cut":
                assert request.transport is not None
                request.transport.close()
            case "slow":
                await self._leaving.wait()
            case "page":
                return web.Response(text=PAGE, content_type="text/html")
            case "nothing":
                return web.json_response([])
            case "broken":
                return web.json_response([{"code": 500, "description": "x"}], status=500)
            case "repeated":
                await handler(request)
        return response

    async def _services(self, request: web.Request) -> web.Response:
        self._jurisdiction(request.query)
        return web.json_response([{**each, "metadata": False, "type": "realtime"} for each in SERVICES])

    async def _post(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self._jurisdiction(form)
        if form.get("api_key") != KEY:
            return web.json_response([{"code": 403, "description": "api_key"}], status=403)
        wrong = sorted(form.keys() - ARGUMENTS)
        if form.get("service_code") not in {each["service_code"] for each in SERVICES}:
            wrong.append("service_code")
        if not ({"lat", "long"} <= form.keys() or {"address_string", "address_id"} & form.keys()):
            wrong.append("location")
        if len(form.get("description", "")) > 4_000:
            wrong.append("description")
        self.problems += wrong
        if wrong:
            return web.json_response([{"code": 400, "description": ", ".join(wrong)}], status=400)
        name = f"{'token' if self.tokens else 'SR/'}{len(self.requests) + 1}"
        self.requests[name] = {
            "service_request_id": name,
            "status": "open",
            "status_notes": None,
            "service_code": form["service_code"],
            "service_name": None,
            "description": form.get("description"),
            "agency_responsible": "Dinas PUPR",
            "requested_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
            "updated_datetime": None,
            "address": form.get("address_string"),
            "lat": float(form["lat"]) if "lat" in form else None,
            "long": float(form["long"]) if "long" in form else None,
        }
        if self.tokens:
            self._tokens[name] = None
            return web.json_response([{"token": name}])
        return web.json_response([{"service_request_id": name, "service_notice": None, "account_id": None}])

    async def _get(self, request: web.Request) -> web.Response:
        self._jurisdiction(request.query)
        number = request.match_info["id"]
        if number not in self.requests:
            return web.json_response([{"code": 404, "description": "service_request_id"}], status=404)
        return web.json_response([self.requests[number]])

    async def _token(self, request: web.Request) -> web.Response:
        self._jurisdiction(request.query)
        token = request.match_info["id"]
        if token not in self._tokens:
            return web.json_response([{"code": 404, "description": "token"}], status=404)
        return web.json_response([{"token": token, "service_request_id": self._tokens[token]}])

    def _jurisdiction(self, said: Any) -> None:
        if said.get("jurisdiction_id") != JURISDICTION:
            self.problems.append("jurisdiction_id")
