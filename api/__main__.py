"""`python -m api web|speaker|worker|poll|migrate|demo|chat`"""

from __future__ import annotations

import argparse
import importlib

from api import settings
from api.running import quiet, tidy

PROCESSES = {
    "web": "pages, webhooks and the REST API",
    "speaker": "sends what is to be said",
    "worker": "slow jobs",
    "poll": "Telegram, where no public address exists",
    "migrate": "bring DATABASE_URL to this version",
    "demo": "web, speaker, worker and an embedded database",
    "chat": "talk to the bot in this terminal",
}


def main() -> None:
    """Run one process, until it is asked to stop."""
    listed = "; ".join(f"{name}: {does}" for name, does in PROCESSES.items())
    parser = argparse.ArgumentParser(prog="python -m api", description="The processes of the channel.")
    parser.add_argument("process", choices=PROCESSES, help=listed)
    process = parser.parse_args().process
    chosen = settings.read()
    quiet(chosen)
    tidy()
    # By name, so that a speaker does not pay for the classifier and the web server.
    importlib.import_module(f"api.processes.{process}").run(chosen)


if __name__ == "__main__":
    main()
