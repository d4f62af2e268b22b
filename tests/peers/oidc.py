"""A provider of OpenID Connect over real HTTP, that checks what it is asked and can be told to answer wrongly."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "meja-lapor", "rahasia-klien-0123456789"
_KEYS = {name: RSAKey.generate_key(2048, {"kid": name, "use": "sig"}) for name in ("first", "second")}


@dataclass
class FakeProvider:
    """What it is told: `claims` overrides those of the ID token (None leaves one out), `delay` seconds before each
    answer, `status` of the token endpoint, `signs` the key that it signs with and `shows` the one that it shows,
    `kid` the name that it gives it, `algorithm`. What it saw: `problems` with our requests, `tokens` asked for."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    status: int = 200
    signs: str = "first"
    shows: str = "first"
    kid: str | None = None
    algorithm: str = "RS256"
    body: str | None = None
    problems: list[str] = field(default_factory=list)
    tokens: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, asked: dict[str, str]) -> str:
        """What a person's browser is led back to, once they have signed in there."""
        for name, wanted in (("client_id", CLIENT), ("response_type", "code"), ("code_challenge_method", "S256")):
            if asked.get(name) != wanted:
                self.problems.append(f"authorize: {name}")
        if "openid" not in asked.get("scope", "").split():
            self.problems.append("authorize: scope")
        code = f"code{len(self._codes)}"
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    async def _discovery(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response(KeySet([_KEYS[self.shows]]).as_dict(private=False))

    async def _token(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        self.tokens += 1
        if self.body is not None:
            return web.Response(text=self.body, status=self.status)
        form = await request.post()
        asked = self._codes.pop(str(form.get("code")), None)
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != basic:
            self.problems.append("token: client")
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        challenge = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        if base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked["code_challenge"]:
            self.problems.append("token: verifier")
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        said = {
            "iss": self.issuer, "sub": "orang-1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **self.claims,
        }  # fmt: skip
        key = _KEYS[self.signs]
        header = {"alg": self.algorithm, "kid": self.kid or key.kid}
        claims = {name: value for name, value in said.items() if value is not None}
        token = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        return web.json_response(
            {"access_token": "akses", "token_type": "Bearer", "id_token": token}, status=self.status
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer akses":
            self.problems.append("userinfo: token")
        return web.json_response(self.userinfo or {"sub": "orang-1"})


@asynccontextmanager
async def provider() -> AsyncIterator[FakeProvider]:
    """A provider on a port of this machine."""
    fake = FakeProvider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", fake._discovery)
    app.router.add_get("/keys", fake._keys)
    app.router.add_post("/token", fake._token)
    app.router.add_get("/userinfo", fake._userinfo)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
