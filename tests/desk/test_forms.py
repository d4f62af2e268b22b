"""Whatever is sent to a page of the desk, by somebody who may: it is never our defect, and always answered in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from routes import Answer, Found, desk_of, found
from scenes import Person, Scene, staged

from api.house import House
from desk.access import HalfRule, PublicRule, ReportRule
from store import policy

PAGES = Path(__file__).parents[2] / "desk" / "pages"
# The names of all fields that any page has, and of some that none has.
NAMES = sorted(
    {name for page in PAGES.rglob("*.html") for name in re.findall(r"""\sname="([a-z_]+)\"""", page.read_text("utf-8"))}
    | {"unknown", "version"}
)
NUMBERS = ["0", "-1", "abc", "1.5", "", "9" * 30, str(2**63), str(2**31), "٣", "1e3", "\x00"]
WORDS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\udcff",
    "=1+1",
    "<script>",
    "x" * 120_000,
    "🙏" * 300,
    "{tiket}",
    "%",
    "'",
    "../..",
    "\r\n",
]
KNOWN = ["16.71-pu", "16-kominfo", "T-482-173-9051", "16.71", "pengaduan", "1", "2026-11-22", "9999-12-31", "csv", "id"]
VALUES = st.sampled_from([*NUMBERS, *WORDS, *KNOWN]) | st.text(max_size=20)
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), VALUES), max_size=12)
QUIET = examples(
    max_examples=75,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)


def encoded(fields: Sequence[tuple[str, str]]) -> bytes:
    """A form, as a browser sends it; what is no character becomes bytes that are none."""
    return urlencode(fields, errors="surrogatepass").encode()


def several(fields: Sequence[tuple[str, str]]) -> bytes:
    """The same in parts, the last of them a file."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    file = '--x\r\nContent-Disposition: form-data; name="files"; filename="a\x00.jpg"\r\n\r\nno picture\r\n--x--\r\n'
    return "".join([*parts, file]).encode("utf-8", "surrogatepass")


URLENCODED = "application/x-www-form-urlencoded"
# Bodies that no page sends, with their content type.
STRANGE: Mapping[str, tuple[str, bytes]] = {
    "empty": (URLENCODED, b""),
    "no form": ("text/plain", b"halo"),
    "no type": ("", b"version=1"),
    "json": ("application/json", json.dumps({"version": [1], "words": None}).encode()),
    "broken json": ("application/json", b"{"),
    "bytes": (URLENCODED, bytes(range(256))),
    "no boundary": ("multipart/form-data", b"--x\r\n"),
    "broken parts": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
    "strange charset": ("multipart/form-data; boundary=x; charset=utf-16", several([("version", "1")])),
    "unknown charset": ("multipart/form-data; boundary=x; charset=nonsense", several([("version", "1")])),
    "many fields": (URLENCODED, encoded([("version", "1")] * 3000)),
    "nul everywhere": (URLENCODED, encoded([(name, "\x00") for name in NAMES])),
    "no characters": (URLENCODED, encoded([(name, "\ud800") for name in NAMES])),
    "huge": (URLENCODED, encoded([(name, "x" * 100_000) for name in NAMES[:20]])),
    "twice": (URLENCODED, encoded([(name, value) for name in NAMES for value in ("1", "2")])),
    "numbers too large": (URLENCODED, encoded([(name, "9" * 30) for name in NAMES])),
    "in parts": ("multipart/form-data; boundary=x", several([(name, "\x00\ud800") for name in NAMES])),
    "files where words should be": (
        "multipart/form-data; boundary=x",
        b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\nx\r\n'.encode()
            for name in NAMES
        )
        + b"--x--\r\n",
    ),
}


@pytest.fixture
async def scene(app: FastAPI, inside: House) -> Scene:
    """Reports of every kind, and somebody of every role."""
    return await staged(app, inside)


def visits(app: FastAPI, scene: Scene) -> Iterator[tuple[Person, Found]]:
    """Every route of the desk, each with somebody who may go there."""
    for route in found(desk_of(app).routes):
        if route.method != "MOUNT":
            yield _allowed(scene, route), route


def _allowed(scene: Scene, route: Found) -> Person:
    rule = route.rule
    if isinstance(rule, PublicRule):
        return scene.people[0]
    if isinstance(rule, HalfRule):
        return next(each for each in scene.people if each.staff_id is not None and not each.verified)
    subject = scene.reports["own"].subject if isinstance(rule, ReportRule) else None
    return next(
        each for each in scene.people if each.verified and each.staff_id and policy.may(each.grants, rule.verb, subject)
    )


def unsound(answer: Answer) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if answer.status >= 500:
        return f"status {answer.status}"
    if answer.kind == "application/problem+json":
        return f"a problem document, {answer.status}"
    if answer.status in (400, 405, 409, 413, 422, 429) and answer.kind == "text/html":
        # The pages of the admin have no <main>.
        said = re.search(r"<main[^>]*>(.*)</main>", answer.text, re.DOTALL) or re.search(
            r"<body[^>]*>(.*)</body>", answer.text, re.DOTALL
        )
        if said is None or not re.sub(r"<script.*?</script>|<[^>]+>", "", said[1], flags=re.DOTALL).strip():
            return f"a page without a sentence, {answer.status}"
    elif answer.status >= 400 and answer.kind not in ("text/html", "application/json"):
        return f"{answer.kind}, {answer.status}"
    return ""


async def went(scene: Scene, person: Person, route: Found, label: str, **request: Any) -> list[str]:
    """What is wrong with the answer to this request, as a line."""
    try:
        answer = await scene.go(person, route, scene.reports["own"], **request)
    except Exception as error:
        return [f"{route}, {label}: {type(error).__name__}"]
    return [f"{route}, {label}: {wrong}"] if (wrong := unsound(answer)) else []


async def test_bodies_that_no_page_sends(scene: Scene) -> None:
    wrong = list[str]()
    for person, route in visits(scene.app, scene):
        if route.method == "POST":
            for label, (kind, content) in STRANGE.items():
                wrong += await went(scene, person, route, label, content=content, headers={"content-type": kind})
    if wrong:
        pytest.fail("\n".join(wrong[:40]))


async def test_paths_and_queries_that_no_page_has(scene: Scene) -> None:
    wrong = list[str]()
    for person, route in visits(scene.app, scene):
        for odd in ("-1", "abc", "9" * 30, str(2**63), "\x00", "\udcff", "x" * 3000):
            query = dict.fromkeys((*route.queries, "unknown"), odd) if route.method == "GET" else {}
            wrong += await went(scene, person, route, f"query {odd[:20]!a}", query=query)
            if [name for name in route.names if name != "ticket"]:
                values = {name: odd or "x" for name in route.names if name != "ticket"}
                wrong += await went(scene, person, route, f"path {odd[:20]!a}", values=values)
    if wrong:
        pytest.fail("\n".join(wrong[:40]))


@given(st.data())
@QUIET
async def test_any_form_gets_an_answer_in_words(scene: Scene, data: DataObject) -> None:
    routes = [each for each in visits(scene.app, scene) if each[1].method == "POST"]
    person, route = data.draw(st.sampled_from(routes))
    fields = data.draw(FIELDS)
    parts = data.draw(st.booleans())
    kind, content = ("multipart/form-data; boundary=x", several(fields)) if parts else (URLENCODED, encoded(fields))
    assert await went(scene, person, route, "", content=content, headers={"content-type": kind}) == []
