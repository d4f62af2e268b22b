"""The sign-in of another house (OpenID Connect): what we ask of it, and what we believe of its answer.

Authorization code with PKCE, state and nonce; the ID token's signature is held against the provider's keys, its issuer,
audience, time and nonce against ours. Whatever is wrong ends in one of two: `ProviderDown` or `Refused`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    parse_authorization_code_response,
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

SCOPE = "openid email profile"
# Signatures by the provider's own key. None of those that could be made with what we know, too (HS256, none).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# Clocks differ (seconds); what a provider says about itself is believed for an hour.
LEEWAY = 60
BELIEVED = 3600.0
_LARGEST = 1 << 20
# How providers say that there were two factors: RFC 8176 for `amr`, and the last word of what is in use for `acr`.
_TWO_FACTORS = frozenset({"mfa", "multi-factor", "multifactor", "2fa"})


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun: where the browser goes, and what its answer is held against."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in there. `email` only if the provider has verified it; `two_factors` if it says so."""

    issuer: str
    subject: str
    email: str | None
    two_factors: bool


class ProviderDown(Exception):
    """The provider cannot be reached, is too slow, or talks nonsense."""


class Refused(Exception):
    """The provider, or what we check of its answer, said no. `why`: one word for the log and the audit."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Provider:
    """One provider. `patience`: seconds that all its answers to one step may take."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, *, patience: float) -> None:
        self.issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._patience = patience
        self._facts: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._until = 0.0

    async def begin(self, back: str) -> Begun:
        """Begin a sign-in that comes back to the address `back`. Raises `ProviderDown`."""
        async with _patient(self._patience), aiohttp.ClientSession() as http:
            facts = await self._look(http)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        address = prepare_grant_uri(
            facts["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=back,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(str(address), state, nonce, verifier)

    async def finish(self, begun: Begun, answered: str, back: str) -> Person:
        """Who it was, by the address that the browser came back with. Raises `ProviderDown`, `Refused`."""
        asked = dict(parse_qsl(urlsplit(answered).query))
        if asked.get("error") and hmac.compare_digest(asked.get("state", "").encode(), begun.state.encode()):
            said = asked["error"]
            raise Refused(said if said.isidentifier() and said.isascii() and len(said) < 40 else "error")
        try:
            code = str(parse_authorization_code_response(answered, state=begun.state)["code"])
        except AuthlibBaseError as error:
            raise Refused(error.error or "answer") from None
        async with _patient(self._patience), aiohttp.ClientSession() as http:
            facts = await self._look(http)
            token = await self._token(http, facts, code, begun.verifier, back)
            claims = await self._believe(http, token, begun.nonce)
            about: Mapping[str, Any] = claims
            if "email" not in claims and facts.get("userinfo_endpoint") and token.get("access_token"):
                headers = {"Authorization": f"Bearer {token['access_token']}"}
                about = await _json(http.get(facts["userinfo_endpoint"], headers=headers))
                if about.get("sub") != claims["sub"]:
                    raise Refused("userinfo")
        email = about.get("email") if about.get("email_verified") is True else None
        return Person(self.issuer, str(claims["sub"]), str(email) if email else None, _two_factors(claims))

    async def _look(self, http: aiohttp.ClientSession) -> Mapping[str, Any]:
        """What the provider says about itself, and its keys."""
        if self._facts is None or time.monotonic() > self._until:
            facts = await _json(http.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"))
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if facts.get("issuer") != self.issuer or not all(isinstance(facts.get(each), str) for each in wanted):
                raise ProviderDown("discovery")
            self._keys = await self._fetch_keys(http, facts)
            self._facts, self._until = facts, time.monotonic() + BELIEVED
        return self._facts

    async def _fetch_keys(self, http: aiohttp.ClientSession, facts: Mapping[str, Any]) -> KeySet:
        found = await _json(http.get(facts["jwks_uri"]))
        try:
            return KeySet.import_key_set({"keys": [each for each in found["keys"] if each.get("use", "sig") == "sig"]})
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            raise ProviderDown("keys") from None

    async def _token(
        self, http: aiohttp.ClientSession, facts: Mapping[str, Any], code: str, verifier: str, back: str
    ) -> Mapping[str, Any]:
        known = facts.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"
        body = prepare_token_request("authorization_code", "", back, code=code, code_verifier=verifier)
        auth = ClientAuth(self._client_id, self._client_secret, method)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        address, headers, body = auth.prepare("POST", facts["token_endpoint"], headers, body)
        return await _json(http.post(address, data=body, headers=headers, allow_redirects=False), refuses=True)

    async def _believe(self, http: aiohttp.ClientSession, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, once all of them hold."""
        try:
            try:
                read = jwt.decode(str(token.get("id_token")), self._keys or KeySet([]), algorithms=ALGORITHMS)
            except (JoseError, ValueError):  # keys change: once with those of this moment
                self._keys = await self._fetch_keys(http, self._facts or {})
                read = jwt.decode(str(token.get("id_token")), self._keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                params={"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY)
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            raise Refused(f"id_token {type(error).__name__}") from None
        return dict(claims)


def _two_factors(claims: Mapping[str, Any]) -> bool:
    said = claims.get("amr")
    words = [str(each) for each in said] if isinstance(said, list) else []
    acr = str(claims.get("acr", "")).lower()
    # Two methods are not two factors: only what says so counts.
    return not _TWO_FACTORS.isdisjoint(words) or acr.rpartition("/")[2].rpartition(":")[2] in _TWO_FACTORS


class _patient:  # noqa: N801 -- reads as what it is, a block with patience
    """A block that ends in `ProviderDown` where the network fails or the time is up."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise ProviderDown("slow") from None
        if isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
            raise ProviderDown(type(error).__name__) from None


async def _json(request: Any, *, refuses: bool = False) -> Mapping[str, Any]:
    """An object of JSON of bounded size. Raises `ProviderDown` for what is none; `Refused` for a 4xx that is a no."""
    async with request as answer:
        if refuses and 400 <= answer.status < 500:
            raise Refused(f"http {answer.status}")
        if answer.status != 200:
            raise ProviderDown(f"http {answer.status}")
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _LARGEST:
                raise ProviderDown("too large")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ProviderDown("json")
    return found
