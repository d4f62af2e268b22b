"""What goes out to WhatsApp, held against Meta's own description of the Cloud API.

The description is older than the user-scoped ids: it demands `to`, where Meta takes such an id in `recipient` alone. A
body with `recipient` is therefore held against it with that one field renamed (`peers.whatsapp_spec.Spec.check_body`).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from outgoing import TEMPLATES, messages
from peers import whatsapp_spec
from peers.cloud_api import PHONE_ID, TOKEN, FakeCloudApi, wamid_of
from peers.whatsapp_spec import MESSAGES, Spec

from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp.writing import bodies
from bot.messages import Address, File, Outgoing, Undeliverable

pytestmark = pytest.mark.skipif(
    whatsapp_spec.load() is None,
    reason=f"LAPOR_SHARED names no folder with peers/{whatsapp_spec.SPEC_FILE}",
)

HEAD = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "6281234567890"}


def the_spec() -> Spec:
    spec = whatsapp_spec.load()
    assert spec
    return spec


def check(message: Outgoing) -> None:
    """No body of a message, nor of it with some of its files only, may break a rule."""
    spec = the_spec()
    for count in {0, len(message.files)}:
        uploaded = [(file, f"10034{at}") for at, file in enumerate(message.files[:count])]
        try:
            made = bodies(message, uploaded)
        except Undeliverable:  # there is nothing to say
            continue
        assert [problem for body in made for problem in spec.check_body(body)] == []


@given(messages())
@settings(deadline=None)
def test_whatever_is_said_keeps_to_the_description(message: Outgoing) -> None:
    check(message)


@given(messages(TEMPLATES))
@settings(deadline=None)
def test_every_template_keeps_to_the_description(message: Outgoing) -> None:
    check(message)


async def test_every_call_keeps_to_the_description() -> None:
    async with FakeCloudApi() as api, WhatsApp(TOKEN, PHONE_ID, api.base_url) as channel:
        wamid = wamid_of(api.citizen().text("halo"))
        await channel.mark_read(wamid, typing=False)
        await channel.mark_read(wamid, typing=True)
        letter = File("document", b"%PDF", "application/pdf", "surat.pdf")
        await channel.send(Outgoing(Address("whatsapp", "6281234567890"), "Halo", files=(letter,)))
        assert [call.method for call in api.calls] == ["read", "read", "upload", "messages", "messages"]
        assert [
            each for call in api.calls if call.method != "upload" for each in the_spec().check_body(call.body)
        ] == []
        assert api.problems == []


# --- the measure itself ---------------------------------------------------------------------------


def test_metas_own_examples_of_what_we_send_are_right() -> None:
    spec = the_spec()
    content = spec.document["paths"][MESSAGES]["post"]["requestBody"]["content"]["application/json"]
    kinds = (
        "Send Text Message", "Send Reply Button", "Send List Message", "Send Image Message by ID",
        "Send Audio Message by ID", "Send Video Message by ID", "Send Document Message by ID",
        "Send Message Template Text", "Send Message Template Interactive", "Send typing indicator and read receipt",
    )  # fmt: skip
    assert [problem for kind in kinds for problem in spec.check_body(content["examples"][kind]["value"])] == []


def test_a_user_id_has_its_own_field() -> None:
    text = {**HEAD, "type": "text", "text": {"body": "Halo"}}
    user_id = "ID.13491208655302741918"
    renamed = {**{key: value for key, value in text.items() if key != "to"}, "recipient": user_id}
    assert the_spec().check_body(renamed) == []
    assert the_spec().check_body({**text, "recipient": user_id}) == ["to: stands beside recipient"]
    assert the_spec().check_body({**text, "to": user_id}) == ["to: a user-scoped id belongs into recipient"]


def below(kind: str, text: str = "?", **action: Any) -> dict[str, Any]:
    """A message with something to tap."""
    return {**HEAD, "type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def replies(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"type": "reply", "reply": {"id": each, "title": title}} for each, title in pairs]


def rows(*pairs: tuple[str, str], **more: str) -> list[dict[str, Any]]:
    return [{"rows": [{"id": each, "title": title, **more} for each, title in pairs]}]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("halo", "not an object"),
        ({}, "is no kind of message"),
        ({**HEAD, "type": "hologram", "hologram": {}}, "is no kind of message"),
        ({"messaging_product": "whatsapp", "type": "text", "text": {"body": "a"}}, "'to' is a required property"),
        ({**HEAD, "recipient_type": "everybody", "type": "text", "text": {"body": "a"}}, "is not one of"),
        ({**HEAD, "type": "text", "text": {"body": 5}}, "5 is not of type 'string'"),
        ({**HEAD, "type": "text", "text": {"body": "a", "preview": False}}, "'preview' was unexpected"),
        ({**HEAD, "type": "text", "text": {"body": "a"}, "callback": "x"}, "'callback' was unexpected"),
        ({**HEAD, "type": "text", "text": {"body": " "}}, "not 1 to 4096 characters"),
        ({**HEAD, "type": "text", "text": {"body": "a" * 4097}}, "not 1 to 4096 characters"),
        (below("button", "a" * 1025, buttons=replies(("a", "Ya"))), "is too long"),
        (below("button", "", buttons=replies(("a", "Ya"))), "cannot be empty"),
        (below("button", buttons=replies(*((str(at), str(at)) for at in range(4)))), "is too long"),
        (below("button", buttons=replies(("a", "x" * 21))), "is too long"),
        (below("button", buttons=replies(("a", ""))), "title: cannot be empty"),
        (below("button", buttons=replies(("a", "Ya"), ("b", "Ya"))), "title: must be unique"),
        (below("button", buttons=replies(("a", "Ya"), ("a", "Tidak"))), "id: must be unique"),
        (below("button", buttons=replies((" a", "Ya"))), "leading or trailing spaces"),
        (below("list", button="Pilih", sections=rows(("a", "x" * 25))), "is not valid under any"),
        (below("list", button="Pilih", sections=rows(("a", "x"), description="x" * 73)), "is not valid under any"),
        (below("list", button="Pilih", sections=rows(*((str(at), "x") for at in range(11)))), "11 rows"),
        (below("list", button="Pilih", sections=rows(("1", "x")) * 2), "one without a title"),
        (below("list", button="x" * 21, sections=rows(("a", "x"))), "is too long"),
        (below("list", button="", sections=rows(("a", "x"))), "button: cannot be empty"),
        (below("location_request_message", name="send_place"), "is not valid under any"),
        ({**HEAD, "type": "image", "image": {"id": "1", "filename": "a.jpg"}}, "only a document has one"),
        ({**HEAD, "type": "image", "image": {}}, "is not valid under any"),
        ({**HEAD, "type": "template", "template": {"name": "a"}}, "'language' is a required property"),
        ({"messaging_product": "whatsapp", "status": "seen", "message_id": "x"}, "'read' was expected"),
    ],
)
def test_a_wrong_body_is_told(body: Any, problem: str) -> None:
    assert problem in "\n".join(the_spec().check_body(body))


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\tb", "a     b", 5])
def test_a_wrong_gap_is_told(text: Any) -> None:
    part = {"type": "body", "parameters": [{"type": "text", "text": text}]}
    template = {"name": "a", "language": {"code": "id"}, "components": [part]}
    told = the_spec().check_body({**HEAD, "type": "template", "template": template})
    assert any(each.startswith("template parameter") for each in told)


def test_a_button_of_a_template_is_told_by_its_place() -> None:
    button = {"type": "button", "sub_type": "quick_reply", "index": 0, "parameters": []}
    template = {"name": "a", "language": {"code": "id"}, "components": [button]}
    assert "0 is not of type 'string'" in "\n".join(
        the_spec().check_body({**HEAD, "type": "template", "template": template})
    )
