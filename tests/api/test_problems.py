"""Errors are problem documents; a store that is down is 503, never a defect."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api import problems
from api.problems import Problem
from store.complaints import NotAllowed, NotFound
from store.database import is_down


def caused(error: Exception, cause: Exception) -> Exception:
    """The error as it is raised from its cause."""
    error.__cause__ = cause
    return error


def wrapped(error: Exception) -> OperationalError:
    """The error as SQLAlchemy passes it on."""
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "down"),
    [
        (wrapped(psycopg.OperationalError("connection refused")), True),
        (wrapped(psycopg.errors.AdminShutdown()), True),
        (wrapped(psycopg.errors.TooManyConnections()), True),
        (wrapped(psycopg.errors.DeadlockDetected()), True),
        (wrapped(psycopg.errors.LockNotAvailable()), True),
        (wrapped(psycopg.errors.QueryCanceled()), True),
        (psycopg.OperationalError("server closed the connection"), True),
        (PoolTimeout("no connection in 20 s"), True),
        (ConnectionRefusedError(), True),
        (caused(ConnectorException(), psycopg.OperationalError("gone")), True),
        (caused(ConnectorException(), psycopg.errors.UndefinedTable()), False),
        (IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation()), False),
        (wrapped(psycopg.errors.UndefinedColumn()), False),
        (wrapped(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")), False),
        (ValueError("x"), False),
        (KeyError("x"), False),
    ],
    ids=repr,
)
def test_what_passes_by_itself_is_told_from_a_defect(error: Exception, down: bool) -> None:
    assert is_down(error) == down


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """An app that fails in every way; it has no house."""
    app = FastAPI()
    problems.install(app)
    errors = {
        "problem": Problem(409, "Not so.", hint=["this"]),
        "missing": NotFound("T-1"),
        "forbidden": NotAllowed("A", "B", ["C"]),
        "http": HTTPException(418, "teapot", {"X-Tea": "oolong"}),
        "down": wrapped(psycopg.OperationalError("rahasia")),
        "defect": ValueError("rahasia"),
    }

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise errors[name]

    @app.get("/begun")
    async def begun() -> StreamingResponse:
        async def words() -> AsyncIterator[str]:
            yield "one"
            raise errors["defect"]

        return StreamingResponse(words())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "member"),
    [
        ("problem", 409, ("hint", ["this"])),
        ("missing", 404, ("title", "Not found")),
        ("forbidden", 409, ("allowed", ["C"])),
        ("http", 418, ("detail", "teapot")),
        ("down", 503, ("title", "Store not available")),
        ("defect", 500, ("title", "Error")),
    ],
)
async def test_every_error_has_its_document(
    web: httpx.AsyncClient, name: str, status: int, member: tuple[str, object]
) -> None:
    answer = await web.get(f"/raise/{name}")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body[member[0]] == member[1]
    assert "rahasia" not in answer.text


async def test_a_store_that_is_down_says_when_to_come_again(web: httpx.AsyncClient) -> None:
    assert int((await web.get("/raise/down")).headers["retry-after"]) > 0


async def test_the_headers_of_an_error_are_kept(web: httpx.AsyncClient) -> None:
    assert (await web.get("/raise/http")).headers["x-tea"] == "oolong"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/begun", 405)])
async def test_a_wrong_address_has_its_document_too(
    web: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await web.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_answer_that_has_begun_is_broken_off(web: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="rahasia"):
        await web.get("/begun")
