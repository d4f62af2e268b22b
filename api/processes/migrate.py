"""Bring the database of DATABASE_URL to this version and load the shipped master data."""

from __future__ import annotations

from api.running import prepare
from api.settings import Settings, SettingsWrong


def run(settings: Settings) -> None:
    """Migrate; safe to call again, and from several hosts at once."""
    if settings.database_url is None:
        raise SettingsWrong("DATABASE_URL names no server; the embedded one is migrated at every start.")
    prepare(settings.database_url.get_secret_value())
