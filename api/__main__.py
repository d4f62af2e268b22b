"""`python -m api PROCESS`, where PROCESS is one of the table below."""

from __future__ import annotations

import argparse
import importlib
from datetime import date
from pathlib import Path
from typing import Any

from api import settings
from api.running import quiet, tidy
from store import policy

PROCESSES = {
    "web": "pages, webhooks and the REST API",
    "speaker": "sends what is to be said",
    "worker": "slow jobs",
    "poll": "Telegram, where no public address exists",
    "migrate": "bring DATABASE_URL to this version",
    "demo": "web, speaker, worker and an embedded database",
    "chat": "talk to the bot in this terminal, or watch a golden conversation",
    "export-corrections": "what operators decided, as training rows (CSV)",
    "misroutes": "how often the first agency was the wrong one",
    "staff": "accounts of the desk: add, grant, revoke, disable, enable, reset, list",
    "audit": "verify the chain of seals on the audit, or export the audit",
    "whatsapp": "print the templates that Meta must approve, or say what is wrong with the account",
    "simulator": "a SP4N-LAPOR! to practise with, on a port of its own",
    "handout": "the page for residents whom a Kawan LAPOR assists (PDF)",
}
# What a process may be told beside its settings; each becomes an argument of its `run`.
SINCE = {"--since": {"type": date.fromisoformat, "metavar": "DATE", "help": "first day, such as 2026-11-01"}}
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "export-corrections": SINCE
    | {"--out": {"type": Path, "metavar": "FILE.csv", "help": "instead of standard output"}},
    "chat": {
        "--replay": {"type": Path, "metavar": "FILE.toml", "help": "play this conversation; fails where it differs"},
        "--fast": {"action": "store_true", "help": "without pauses"},
    },
    "demo": {"--codes": {"action": "store_true", "help": "how to sign in at the desk of a running demo, just now"}},
    "staff": {
        "action": {"choices": ("add", "grant", "revoke", "disable", "enable", "reset", "list")},
        "--login": {"help": "name of the account, or an e-mail address"},
        "--name": {"help": "add: what the person is called"},
        "--role": {"choices": policy.ROLES, "help": "add, grant, revoke"},
        "--region": {"metavar": "CODE", "help": "where the role holds, such as 16.71; without: everywhere"},
        "--agency": {"metavar": "CODE", "help": "the agency of a pejabat_penghubung, such as 16.71-pu"},
        "--factor": {"action": "store_true", "help": "reset: the second factor, too (phone and recovery codes lost)"},
    },
    "handout": {"--out": {"type": Path, "metavar": "FILE.pdf", "help": "where to write it"}},
    "misroutes": SINCE | {"--until": {"type": date.fromisoformat, "metavar": "DATE", "help": "last day"}},
    "audit": {
        "what": {"choices": ("verify", "export")},
        "--until": {"metavar": "DIGEST", "help": "verify: a digest that was kept elsewhere must be one of the chain"},
        "--out": {"type": Path, "metavar": "FILE.jsonl", "help": "export: instead of standard output"},
    },
    "whatsapp": {
        "what": {"choices": ("templates", "check")},
        "--form": {
            "choices": ("text", "table", "json"),
            "default": "text",
            "help": "templates: json as the API takes them",
        },
        "--language": {"choices": ("id", "en"), "default": "id", "help": "check: of its sentences"},
    },
    "simulator": {
        "--port": {"type": int, "default": 8010},
        "--host": {"default": "127.0.0.1", "help": "nobody signs in: whoever reaches it is an officer"},
        "--file": {"type": Path, "metavar": "FILE", "help": "where its reports are kept; without: in DATA_DIR"},
        "--fast": {
            "type": float,
            "nargs": "?",
            "const": 1.0,
            "metavar": "SECONDS",
            "help": "that many seconds stand for a working day (1)",
        },
        "--auto": {
            "type": float,
            "nargs": "?",
            "const": 4.0,
            "metavar": "SECONDS",
            "help": "an automatic officer, who waits that long before each step (4)",
        },
        "--queued": {
            "type": float,
            "default": 0.0,
            "metavar": "SECONDS",
            "help": "a report gets its number only after that long",
        },
    },
}


def main() -> None:
    """Run one process, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="python -m api", description="The processes of the channel.")
    processes = parser.add_subparsers(dest="process", required=True, metavar="PROCESS")
    for name, does in PROCESSES.items():
        process = processes.add_parser(name, help=does, description=does)
        for option, details in OPTIONS.get(name, {}).items():
            process.add_argument(option, **details)
    options = vars(parser.parse_args())
    module = options.pop("process").replace("-", "_")
    chosen = settings.read()
    quiet(chosen)
    tidy()
    # By name, so that a speaker does not pay for the classifier and the web server.
    importlib.import_module(f"api.processes.{module}").run(chosen, **options)


if __name__ == "__main__":
    main()
