"""The bytes of a file as an answer: played or shown by a browser that can, saved otherwise, and never run."""

from __future__ import annotations

import re

from fastapi import Response

# What a browser may open by itself: it only plays it.
PLAYED = ("audio/", "video/")
# What the first bytes of a picture must be for an officer's browser to show it.
PICTURES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
HEADERS = {
    # Opened in a tab of its own, the player may load the file, and nothing in the file may do anything.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


def picture(content: bytes) -> str | None:
    """The type of a picture by its bytes; None for anything else."""
    return next((kind for start, kind in PICTURES if start.match(content)), None)


def answer(content: bytes, content_type: str | None, asked: str | None = None, *, name: str | None = None) -> Response:
    """All of these bytes, or the part that a Range header asked for: Safari plays nothing without parts.

    The content type must be what the bytes themselves showed when they were stored, never what a sender said. With a
    `name`, in plain ASCII, the answer is for an officer: pictures are shown, by their bytes, and what is neither shown
    nor played is saved under that name, as nothing in particular.
    """
    kind = content_type if content_type and content_type.startswith(PLAYED) else None
    inline = kind is not None
    if name is not None and kind is None:
        kind = picture(content)
        inline = kind is not None
    way = "inline" if inline else "attachment"
    headers = HEADERS | {"Content-Disposition": way if name is None else f'{way}; filename="{name}"'}
    kind = kind or (content_type if name is None else None) or "application/octet-stream"
    part = _part(asked, len(content))
    if part is None:
        return Response(content, media_type=kind, headers=headers)
    if not part:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return Response(content[part.start : part.stop], 206, headers, kind)


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
