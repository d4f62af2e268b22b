"""The web chat's translator, on arbitrary payloads. Its routes are in tests/api."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.webchat import Empty, TooLong, Webchat, read
from bot.messages import Address, Button, Channel, Incoming, Outgoing, Sent, Undeliverable

ID = "0b5c7f0e-3a55-4c0a-9d38-0d7c5f3f2a11"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30)
anything = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3))
nearly = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just(ID) | anything,
        "n": st.integers(0, 2**60) | anything,
        "text": st.text() | anything,
        "choice": st.text(max_size=70) | anything,
        "label": anything,
        "latitude": st.floats(-91, 91) | anything,
        "longitude": st.floats(-181, 181) | anything,
        "language": anything,
        "file": st.fixed_dictionaries(
            {}, optional={"size": st.integers() | anything, "content_type": anything, "name": anything}
        )
        | anything,
    },
)


@given(nearly | anything)
def test_any_payload_is_a_message_or_a_value_error(payload: Any) -> None:
    try:
        message = read("u", payload)
    except ValueError:
        return
    assert message.address == Address("webchat", "u")
    assert message.message_id == f"u:{ID}"
    assert message.text.strip() or message.choice or message.place or message.media
    assert "\0" not in message.text
    message.text.encode()


def test_each_kind_of_message() -> None:
    assert read("u", {"id": ID, "n": 7, "text": "halo"}) == Incoming(Address("webchat", "u"), f"u:{ID}", 7, text="halo")
    assert read("u", {"id": ID, "n": 7, "choice": "yes", "label": "Ya"}).choice == "yes"
    place = read("u", {"id": ID, "n": 7, "latitude": -2.88, "longitude": 103}).place
    assert place is not None
    assert (place.latitude, place.longitude) == (-2.88, 103.0)
    file = {"size": 9, "content_type": "application/pdf", "name": "surat.pdf"}
    media = read("u", {"id": ID, "n": 7, "text": "surat", "file": file}).media
    assert media is not None
    assert (media.kind, media.provider_id, media.size) == ("document", f"upload:{ID}", 9)


@pytest.mark.parametrize(
    ("content_type", "kind", "read_as"),
    [
        ("audio/webm;codecs=opus", "voice", "audio/webm"),
        ("Audio/MP4", "voice", "audio/mp4"),
        ("video/mp4", "video", "video/mp4"),
        ("image/jpeg", "photo", "image/jpeg"),
        ("application/pdf", "document", "application/pdf"),
        ("", "document", None),
    ],
)
def test_a_file_is_of_the_kind_that_its_type_says(content_type: str, kind: str, read_as: str | None) -> None:
    media = read("u", {"id": ID, "n": 1, "file": {"size": 9, "content_type": content_type, "name": "a"}}).media
    assert media is not None
    assert (media.kind, media.content_type) == (kind, read_as)


def test_what_nobody_sees_is_not_read() -> None:
    file = {"size": 9, "content_type": "image/png", "name": "\u202egnp.exe"}
    message = read("u", {"id": ID, "n": 1, "text": "ko\u200brupsi\u202e", "file": file})
    assert message.media is not None
    assert (message.text, message.media.name) == ("korupsi", "gnp.exe")
    with pytest.raises(Empty):
        read("u", {"id": ID, "n": 1, "text": "\u200b\u2060"})


def test_too_long_is_refused_and_not_cut() -> None:
    assert len(read("u", {"id": ID, "n": 1, "text": "x" * 20_000}).text) == 20_000
    with pytest.raises(TooLong):
        read("u", {"id": ID, "n": 1, "text": "x" * 20_001})


async def test_the_channel_only_checks() -> None:
    channel: Channel = Webchat()
    address = Address("webchat", "u")
    assert await channel.send(Outgoing(address, "halo", (Button("Ya", "yes"),))) == Sent()
    with pytest.raises(Undeliverable):
        await channel.send(Outgoing(address, " "))
    with pytest.raises(Undeliverable):
        await channel.send(Outgoing(address, "halo", (Button("Ya", "é" * 33),)))
    with pytest.raises(Undeliverable) as caught:
        await channel.fetch("upload:1")
    assert (caught.value.reason, caught.value.gone) == ("no_such_file", False)
