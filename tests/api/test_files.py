"""A file as an answer: whole or in parts, played by a browser or saved, and never run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.media.files import answer

SOUND = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("audio/ogg", "inline"),
        ("video/mp4", "inline"),
        ("image/png", "attachment"),
        ("application/pdf", "attachment"),
        ("application/octet-stream", "attachment"),
        ("text/html", "attachment"),
    ],
)
def test_only_what_is_played_is_opened(content_type: str, disposition: str) -> None:
    response = answer(SOUND, content_type)
    assert (response.status_code, response.body) == (200, SOUND)
    assert response.headers["content-disposition"] == disposition
    assert response.headers["content-type"].partition(";")[0] == content_type
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert policy.endswith("sandbox")


@pytest.mark.parametrize(
    ("asked", "status", "part", "said"),
    [
        ("bytes=0-", 206, SOUND, "bytes 0-1023/1024"),
        ("bytes=0-1", 206, SOUND[:2], "bytes 0-1/1024"),
        ("bytes=1000-5000", 206, SOUND[1000:], "bytes 1000-1023/1024"),
        ("bytes=-10", 206, SOUND[-10:], "bytes 1014-1023/1024"),
        ("bytes=-5000", 206, SOUND, "bytes 0-1023/1024"),
        ("bytes=1024-", 416, b"", "bytes */1024"),
        ("bytes=-0", 416, b"", "bytes */1024"),
        ("bytes=5-4", 200, SOUND, None),
        ("bytes=-", 200, SOUND, None),
        ("bytes=0-1,5-6", 200, SOUND, None),
        ("lines=1-2", 200, SOUND, None),
        ("bytes=٣-", 200, SOUND, None),
    ],
)
def test_a_part_is_what_was_asked_for(asked: str, status: int, part: bytes, said: str | None) -> None:
    response = answer(SOUND, "audio/ogg", asked)
    assert (response.status_code, response.body) == (status, part)
    assert response.headers.get("content-range") == said
    assert response.headers["content-length"] == str(len(part))


@given(st.binary(max_size=50), st.text("bytes=0123456789-, ", max_size=20) | st.text(max_size=9))
def test_any_wish_is_answered_with_bytes_of_the_file(content: bytes, asked: str) -> None:
    response = answer(content, "audio/ogg", asked)
    assert response.status_code in {200, 206, 416}
    assert response.body in content
    assert (response.body == content) if response.status_code == 200 else True


@pytest.mark.parametrize(
    ("content", "stored_as", "kind", "way"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png", "image/png", "inline"),
        (b"\xff\xd8\xff...", None, "image/jpeg", "inline"),
        (b"<svg onload=alert(1)>", "image/svg+xml", "application/octet-stream", "attachment"),
        (b"<html>", "image/png", "application/octet-stream", "attachment"),
        (b"%PDF-1.7", "application/pdf", "application/octet-stream", "attachment"),
        (b"OggS", "audio/ogg", "audio/ogg", "inline"),
    ],
)
def test_an_officer_sees_pictures_by_their_bytes(content: bytes, stored_as: str | None, kind: str, way: str) -> None:
    response = answer(content, stored_as, name="T-1-2")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"] == f'{way}; filename="T-1-2"'
