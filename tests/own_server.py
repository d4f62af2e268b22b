"""A PostgreSQL server that a test may stop and start."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from store import embedded


class Server:
    """An embedded server in a folder of its own. `url` is the database of the present test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serving: AbstractContextManager[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start it; again, and what was committed is there."""
        if self._serving is None:
            self._serving = embedded.serve(self._folder)
            url = self._serving.__enter__()
            self.url = self.url or url

    def stop(self) -> None:
        """Stop it; whoever is connected is cut off."""
        if self._serving is not None:
            self._serving.__exit__(None, None, None)
            self._serving = None

    def create_database(self) -> None:
        """Go on with a new, empty database."""
        name = f"test_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self.url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
