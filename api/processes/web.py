"""The web process: chat page, webhooks, REST API."""

from __future__ import annotations

import signal
import sys

import uvicorn

from api.app import build
from api.running import database
from api.settings import Settings, SettingsWrong


def run(settings: Settings) -> None:
    """Serve the chat page, the webhooks and the REST API."""
    if not settings.api_keys.get_secret_value():
        raise SettingsWrong("API_KEYS must name at least one key, such as desk:<16 or more characters>.")
    # uvicorn passes the signal on once it has shut down: end as if we had returned, so that the database is left.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with database(settings) as url:
        config = uvicorn.Config(
            build(settings, url),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run()
