"""The page that is handed to residents whom a Kawan LAPOR assists, as a PDF."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from api import handout
from api.settings import Settings, SettingsWrong


def run(settings: Settings, out: Path | None) -> None:
    """Write the sheet to the file `out`."""
    if out is None:
        raise SettingsWrong("handout needs --out FILE.pdf")
    try:
        content = handout.pdf(handout.words(settings), datetime.now(UTC))
    except handout.TooLong as error:
        raise SettingsWrong(str(error)) from None
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SettingsWrong(f"{out} cannot be written: {error.strerror}") from None
    print(f"{out}: {len(content) // 1024 + 1} kB, for {settings.public_url}/chat")
