"""How the store is reached, one engine for each process, with time-outs everywhere; and what its errors mean."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# A connection whose peer goes silent would otherwise hang for minutes.
KEEPALIVES: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def sqlalchemy_url(url: str) -> URL:
    """The SQLAlchemy form (psycopg 3) of a `postgresql://` URL. Raises ValueError for any other kind."""
    parsed = make_url(url)
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must begin with postgresql://")
    return parsed.set(drivername="postgresql+psycopg")


def libpq_url(url: str) -> str:
    """The plain form of the URL, for libraries that speak to libpq themselves."""
    return sqlalchemy_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def connect(url: str, *, size: int = 8, statement_timeout: float = 15.0, name: str = "lapor") -> AsyncEngine:
    """An engine with `size` connections at most; a statement may take `statement_timeout` seconds."""
    options = f"-c statement_timeout={int(statement_timeout * 1000)} -c idle_in_transaction_session_timeout=30000"
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=20,
        hide_parameters=True,  # an error must not quote somebody's complaint
        connect_args={**KEEPALIVES, "options": options, "application_name": name},
    )


def is_down(error: BaseException) -> bool:
    """Whether an error means that the store cannot be used just now (and not that a statement is wrong)."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_down(error.orig))
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None:  # it comes from the connection, or from the value of a parameter
            return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        # Class 08 connection, 53 resources, 57 intervention, 40 rollback, 55 locks: all pass by themselves.
        return error.sqlstate[:2] in {"08", "53", "57", "40", "55"}
    if isinstance(error, PoolTimeout | ConnectionError):
        return True
    # The job queue wraps what the connection says.
    return error.__cause__ is not None and is_down(error.__cause__)


def is_busy(error: BaseException) -> bool:
    """Whether another transaction was in the way, so that the same again in a moment will do (55P03, 40P01)."""
    if isinstance(error, DBAPIError):
        return error.orig is not None and is_busy(error.orig)
    return isinstance(error, psycopg.Error) and error.sqlstate in {"55P03", "40P01"}
