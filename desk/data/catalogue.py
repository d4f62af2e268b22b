"""The words of starlette-admin in Indonesian, which it does not have: admin/id.po, put beside its own catalogues."""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette_admin import i18n

FILE = Path(__file__).parent / "admin" / "id.po"


def read() -> Catalog:
    """The catalogue as it is written."""
    with FILE.open("rb") as lines:
        return read_po(lines, locale="id")


def install() -> None:
    """Let the admin speak Indonesian."""
    compiled = io.BytesIO()
    write_mo(compiled, read())
    compiled.seek(0)
    i18n.translations["id"] = Translations(fp=compiled, domain="admin")
