"""The bytes of a file as an answer: played or shown by a browser that can, saved otherwise, and never run."""

from __future__ import annotations

import re

from fastapi import Response

# What a browser may open by itself: it only plays it.
PLAYED = ("audio/", "video/")
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
HEADERS = {
    # Opened in a tab of its own, the player may load the file, and nothing in the file may do anything.
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


def answer(content: bytes, content_type: str, asked: str | None = None) -> Response:
    """All of these bytes, or the part that a Range header asked for: Safari plays nothing without parts.

    The content type must be what the bytes themselves show, never what a sender said.
    """
    headers = HEADERS | {"Content-Disposition": "inline" if content_type.startswith(PLAYED) else "attachment"}
    part = _part(asked, len(content))
    if part is None:
        return Response(content, media_type=content_type, headers=headers)
    if not part:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return Response(content[part.start : part.stop], 206, headers, content_type)


def _part(asked: str | None, size: int) -> range | None:
    """The part that is asked for, an empty one where there is none such; None for all of it."""
    found = RANGE.fullmatch(asked or "")
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return None  # no range at all, and to be ignored
    return range(first, min(last + 1, size))
