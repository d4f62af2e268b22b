"""`python -m api web|speaker|worker|poll|migrate|demo|chat|openapi`"""

from __future__ import annotations

import argparse
import json
import sys

from api import demo, running, settings
from api.app import build


def main() -> int:
    """Run one process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m api", description="The processes of the LAPOR channel")
    parser.add_argument(
        "process",
        choices=["web", "speaker", "worker", "poll", "migrate", "demo", "chat", "openapi"],
        help="web: pages, webhooks, API; speaker: sends messages; worker: slow jobs; poll: Telegram without a public "
        "address; migrate: bring DATABASE_URL to this version; demo: all of it; chat: talk in this terminal; "
        "openapi: print the API's description",
    )
    process = parser.parse_args().process
    chosen = settings.read()
    running.quiet(chosen)
    if process == "demo":
        return demo.run(chosen)
    if process == "openapi":
        print(json.dumps(build(chosen, "postgresql://").openapi(), indent=2))
        return 0
    if process == "migrate":
        if chosen.database_url is None:
            raise settings.SettingsWrong("DATABASE_URL names no server; the embedded one is migrated at every start.")
        running.prepare(chosen.database_url.get_secret_value())
        return 0
    {
        "web": running.web,
        "speaker": running.speaker,
        "worker": running.worker,
        "poll": running.poll,
        "chat": running.chat,
    }[process](chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
