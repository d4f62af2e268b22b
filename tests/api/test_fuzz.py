"""Whatever is sent to the REST API, the answer is never that we are broken."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LETTERS = st.characters(codec=None) | st.sampled_from("\x00\ud800%'\"\\{}🙏")
TEXT = st.text(LETTERS, max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
MEMBERS = (
    "text title report_class place region latitude longitude happened anonymous secret name status reason note "
    "function agency category public"
).split()
KNOWN = st.sampled_from(
    ["x", "Terdisposisi", "16.06", "16.06.01.2001", "16", "pu", "16-pu", "aspirasi", True, -2.9, "T-482-173-9056"]
)
NEARLY_RIGHT = st.dictionaries(st.sampled_from(MEMBERS), KNOWN | SCALARS, max_size=5)
QUERIES = st.dictionaries(
    st.sampled_from(
        "status region agency function report_class channel filed_from filed_to limit cursor since until other".split()
    ),
    st.text(st.characters(codec="utf-8"), max_size=20)
    | st.integers().map(str)
    | st.datetimes().map(str)
    | st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "infinity", "%", "\\", "16"]),
    max_size=4,
)


def is_sound(answer: httpx.Response) -> bool:
    """No defect of ours, and an error is a problem document."""
    kind = answer.headers["content-type"]
    return answer.status_code < 500 and (answer.status_code < 400 or kind == "application/problem+json")


async def post(desk: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    return await desk.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


@given(JSON | NEARLY_RIGHT | NEARLY_RIGHT.map(lambda body: {"text": "Jalan rusak di Sekayu", **body}))
@QUIET
async def test_any_body_gets_a_sound_answer(desk: httpx.AsyncClient, body: Any) -> None:
    filed = await desk.post("/complaints", json={"text": "Lampu mati"}, headers={"Idempotency-Key": "one"})
    ticket = filed.json()["ticket"]
    for path in ("", f"/{ticket}/moves", f"/{ticket}/routing", f"/{ticket}/notes"):
        answer = await post(desk, f"/complaints{path}", body)
        assert is_sound(answer), (path, answer.text)
        if path == "" and answer.status_code == 201:
            answer = await desk.get(f"/complaints/{answer.json()['ticket']}/neighbours")
            assert answer.status_code == 200, answer.text
    assert is_sound(await post(desk, "/suggest", body))


@given(st.binary(max_size=40), st.sampled_from(["application/json", "text/plain", "", "application/json; charset=x"]))
@QUIET
async def test_any_bytes_get_a_sound_answer(desk: httpx.AsyncClient, body: bytes, kind: str) -> None:
    answer = await desk.post("/complaints", content=body, headers={"Content-Type": kind})
    assert is_sound(answer), answer.text


@given(QUERIES)
@QUIET
async def test_any_query_gets_a_sound_answer(desk: httpx.AsyncClient, query: dict[str, str]) -> None:
    for path in ("/complaints", "/attention", "/misroutes", "/complaints/T-482-173-9056/neighbours"):
        answer = await desk.get(path, params=query)
        assert is_sound(answer), answer.text


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.integers().map(str))
@QUIET
async def test_any_path_gets_a_sound_answer(desk: httpx.AsyncClient, words: str) -> None:
    name = quote(words, safe="")
    for path in (f"/{name}", f"/{name}/neighbours", f"/T-482-173-9056/files/{name}"):
        answer = await desk.get(f"/complaints{path}")
        assert answer.status_code == 307 or is_sound(answer), answer.text
