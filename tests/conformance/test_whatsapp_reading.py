"""What we read of WhatsApp's webhooks, held against every example of Meta's own description."""

from __future__ import annotations

from typing import Any

import pytest
from peers import whatsapp_spec
from peers.whatsapp_spec import Spec

from bot.channels.whatsapp.reading import FILES, UNUSABLE, Part, account_of, read
from bot.messages import Address, Incoming, Media, Place, Renamed, Unknown

pytestmark = pytest.mark.skipif(
    whatsapp_spec.load() is None,
    reason=f"LAPOR_SHARED names no folder with peers/{whatsapp_spec.SPEC_FILE}",
)

SHEENA = Address("whatsapp", "16505551234")

# What each example says to us: of a message its text, choice, file, pin, and the word for what we cannot use.
SAID: dict[str, tuple[str, str | None, Media | None, Place | None, str | None]] = {
    "Text Message": ("Does it come in another color?", None, None, None, None),
    "Text Message with Context (Product Inquiry)": ("Is this still available?", None, None, None, None),
    "Text Message from Click to WhatsApp Ad": ("Hello! Can I get more info on this?", None, None, None, None),
    "Reaction Message": ("", None, None, None, "service"),
    "Image Message": ("Taj Mahal", None, Media("photo", "1003383421387256", None, "image/jpeg"), None, None),
    "Location Message": (
        "",
        None,
        None,
        Place(37.44221496582, -122.16165924072, "Philz Coffee, 101 Forest Ave, Palo Alto, CA 94301"),
        None,
    ),
    "Contact Sharing Message": ("", None, None, None, "contact"),
    "Unsupported Message": ("", None, None, None, "unknown"),
    # Its payload is its label: as good as typed.
    "Button Message": ("Unsubscribe", None, None, None, None),
    "Interactive List Reply Message": ("", "priority_express", None, None, None),
    "Interactive Button Reply Message": ("", "cancel-button", None, None, None),
    "Order Message": ("", None, None, None, "unknown"),
}
# Examples that are no messages: what they become.
OTHERS: dict[str, type[Part]] = {
    "System Message": Renamed,
    "Group Create Message": Unknown,
    "Group Settings Update": Unknown,
    "Group Remove Participants": Unknown,
}
# Kinds of message that have a reader of their own.
READ = {"text", "location", "button", "interactive"}


def examples() -> dict[str, Any]:
    """Meta's examples of what it posts to a webhook, by their names; none in a plain clone."""
    spec = whatsapp_spec.load()
    if spec is None:
        return {}
    body = spec.document["paths"]["/whatsapp/webhooks"]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in body["examples"].items()}


@pytest.fixture
def spec() -> Spec:
    spec = whatsapp_spec.load()
    assert spec
    return spec


def test_every_example_is_expected() -> None:
    """So that a new version of the description shows what it brings."""
    assert SAID.keys() | OTHERS.keys() == examples().keys()


@pytest.mark.parametrize("name", sorted(SAID))
def test_every_message_of_the_examples_is_understood(name: str) -> None:
    payload = examples()[name]
    [message] = payload["entry"][0]["changes"][0]["value"]["messages"]
    [heard] = read(payload)
    incoming = heard.part
    assert isinstance(incoming, Incoming)
    said = (incoming.text, incoming.choice, incoming.media, incoming.place, incoming.unsupported)
    assert said == SAID[name]
    assert (incoming.address, incoming.known_as, incoming.name) == (SHEENA, ("16505551234",), "Sheena Nelson")
    assert (incoming.message_id, incoming.private) == (message["id"], True)
    assert incoming.window_until is not None
    assert incoming.window_until.timestamp() == int(message["timestamp"]) + 24 * 3600
    assert incoming.reply_to == message.get("context", {}).get("id")


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_is_no_message_in_the_examples_is_told_or_kept(name: str) -> None:
    payload = examples()[name]
    [heard] = read(payload)
    assert type(heard.part) is OTHERS[name]
    if isinstance(heard.part, Renamed):
        assert (heard.part.old, heard.part.new) == (("16505551234",), ("12195555358",))
    else:
        assert heard.payload == payload["entry"][0]["changes"][0]


def test_every_example_names_its_account() -> None:
    for name, payload in examples().items():
        assert account_of(payload) == payload["entry"][0]["id"], name


def test_every_kind_of_message_has_its_place(spec: Spec) -> None:
    """So that a new kind is thought of: what is in none of our tables is "unknown" to the conversation."""
    kinds = spec.document["components"]["schemas"]["IncomingMessage"]["discriminator"]["mapping"].keys()
    assert kinds - READ - FILES.keys() - UNUSABLE.keys() == {"order", "unsupported", "unknown"}
