"""The bytes of a report's file as an answer: pictures and sounds where they are what they say, all else to be saved."""

from __future__ import annotations

import re

from fastapi import Response

_PLAYED = ("audio/", "video/")
# What the first bytes of a picture must be for a browser to show it; the rest is saved, whatever it was called.
_PICTURES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_HEADERS = {
    # Opened in a tab of its own, nothing in the file may do anything.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


def picture(content: bytes) -> str | None:
    """The type of a picture by its bytes; None for anything else."""
    return next((kind for start, kind in _PICTURES if start.match(content)), None)


def answer(content: bytes, content_type: str | None, name: str, asked: str | None = None) -> Response:
    """All of these bytes, or the part that a Range header asked for (Safari plays nothing without parts).

    Shown or played only where they are a picture by their content, or were noted as sound or film when they were
    stored; else saved under `name`, which is plain ASCII.
    """
    shown = picture(content)
    played = content_type if content_type and content_type.startswith(_PLAYED) else None
    kind = shown or played or "application/octet-stream"
    way = "inline" if shown or played else "attachment"
    headers = _HEADERS | {"Content-Disposition": f'{way}; filename="{name}"'}
    part = _part(asked, len(content))
    if part is None:
        return Response(content, media_type=kind, headers=headers)
    if not part:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return Response(content[part.start : part.stop], 206, headers, kind)


def _part(asked: str | None, size: int) -> range | None:
    """The part that is asked for, an empty one where there is none such; None for all of it."""
    found = _RANGE.fullmatch(asked or "")
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return None  # no range at all, and to be ignored
    return range(first, min(last + 1, size))
