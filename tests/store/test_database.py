"""The engine gives up in time, says who it is, and quotes nobody's words in its errors."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import connect, libpq_url, sqlalchemy_url


@pytest.mark.parametrize("url", ["postgresql://u:p@h:5432/d", "postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"])
def test_every_postgresql_url_becomes_one_of_psycopg_3(url: str) -> None:
    assert sqlalchemy_url(url).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "sqlite://", "http://h", "", "postgresql"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(Exception, match=r"postgresql|Could not parse"):
        sqlalchemy_url(url)


def test_the_plain_form_keeps_a_difficult_password() -> None:
    url = "postgresql://budi:p%40ss%2Fw%3Aord%25@db.example:5432/lapor?sslmode=require"
    assert libpq_url(url) == url
    assert sqlalchemy_url(libpq_url(url)).password == "p@ss/w:ord%"


async def test_a_statement_that_takes_too_long_is_ended(database: str) -> None:
    engine = connect(database, statement_timeout=0.05)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="statement timeout"):
            await connection.execute(text("SELECT pg_sleep(5)"))
    await engine.dispose()


async def test_the_server_sees_the_name_of_the_process(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW application_name"))).scalar_one() == "test"


async def test_an_error_does_not_quote_the_values(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("SELECT :words, nothing"), {"words": "rahasia sekali"})
    assert "rahasia" not in str(caught.value)
