"""The WhatsApp channel: what is read out of what Meta posts, and whether Meta posted it."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.cloud_api import FakeCloudApi

from bot import dialogue
from bot.channels.whatsapp.reading import Heard, Part, account_of, read, signed
from bot.messages import (
    AILMENTS,
    UNNUMBERED,
    AccountNews,
    Address,
    Incoming,
    Media,
    Place,
    Renamed,
    Report,
    TemplateNews,
    TemplateRefused,
    TryLater,
    Undeliverable,
    Unknown,
    WindowClosed,
)

NUMBER, USER_ID = "6281234567890", "ID.13491208655302741918"
BUDI = Address("whatsapp", NUMBER)
WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
OURS = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjVBOTE3MDk5QUVFM0YA"
METADATA = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
CONTACT = {"profile": {"name": "Budi Santoso"}, "wa_id": NUMBER, "user_id": USER_ID}
WRITTEN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TIMESTAMP = str(int(WRITTEN.timestamp()))

Json = dict[str, Any]


def message(kind: str = "text", content: Any = None, /, **beside: Any) -> Json:
    """A message as Meta describes it, from Budi, whose number and BSUID it names; None takes a field away."""
    content = {"body": "Jalan depan SMP 1 Sekayu rusak"} if kind == "text" and content is None else content
    whole = {"from": NUMBER, "from_user_id": USER_ID, "id": WAMID, "timestamp": TIMESTAMP, "type": kind, kind: content}
    return {name: value for name, value in (whole | beside).items() if value is not None}


def change(field: str = "messages", **value: Any) -> Json:
    """One change, about our number."""
    return {"value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}, "field": field}


def post(*changes: Any) -> Json:
    """One POST, with one entry."""
    return {"object": "whatsapp_business_account", "entry": [{"id": "419561257915477", "changes": list(changes)}]}


def parts(payload: Any) -> list[Part]:
    return [heard.part for heard in read(payload)]


def read_message(sent: Json, contacts: list[Json] | None = None) -> Incoming:
    contacts = [CONTACT] if contacts is None else contacts
    [part] = parts(post(change(contacts=contacts, messages=[sent])))
    assert isinstance(part, Incoming)
    return part


def read_system(**about: Any) -> Part:
    """What becomes of a system message; `sender` are the ids that it is from."""
    sender = about.pop("sender", {})
    sent = {"id": WAMID, "timestamp": TIMESTAMP, "type": "system", **sender, "system": about}
    [part] = parts(post(change(messages=[sent])))
    return part


# --- messages --------------------------------------------------------------------------------------------


def test_a_text_is_read_with_who_wrote_it_and_until_when_we_may_answer() -> None:
    assert read_message(message()) == Incoming(
        address=BUDI,
        message_id=WAMID,
        sequence=UNNUMBERED,
        text="Jalan depan SMP 1 Sekayu rusak",
        name="Budi Santoso",
        known_as=(USER_ID, NUMBER),
        window_until=WRITTEN + timedelta(hours=24),
    )


def test_everything_of_a_post_is_read_in_its_order() -> None:
    ani = {"profile": {"name": "Ani"}, "wa_id": "6285000000001"}
    first = change(
        contacts=[CONTACT, ani],
        messages=[
            message(id="wamid.1"),
            message(id="wamid.2", **{"from": "6285000000001", "from_user_id": None}),
            message("image", {"id": "1", "mime_type": "image/jpeg"}, id="wamid.3"),
            message("image", {"id": "2", "mime_type": "image/jpeg"}, id="wamid.4"),
            message("hologram", {"depth": 3}, id="wamid.5"),
        ],
    )
    second = change(
        statuses=[
            {"id": OURS, "status": "sent", "timestamp": TIMESTAMP, "recipient_id": NUMBER},
            {"id": OURS, "status": "delivered", "timestamp": TIMESTAMP, "recipient_id": NUMBER},
        ]
    )
    payload = post(first, second, change("calls", calls=[{"id": "wacid.1"}]))
    payload["entry"].append({"id": "2", "changes": [change(contacts=[CONTACT], messages=[message(id="wamid.6")])]})
    told = parts(payload)
    taken = [(each.message_id, each.name) for each in told if isinstance(each, Incoming)]
    names = ["Budi Santoso", "Ani", *["Budi Santoso"] * 4]
    assert taken == [(f"wamid.{number}", name) for number, name in enumerate(names, 1)]
    kinds = [*[Incoming] * 5, Report, Report, Unknown, Incoming]
    assert [type(each) for each in told] == kinds
    assert [each.state for each in told if isinstance(each, Report)] == ["sent", "delivered"]


def test_each_part_comes_with_the_least_that_tells_it_again() -> None:
    ani = {"profile": {"name": "Ani"}, "wa_id": "6285000000001"}
    other = message(id="wamid.2", **{"from": "6285000000001", "from_user_id": None})
    status = {"id": OURS, "status": "read", "timestamp": TIMESTAMP}
    whole = change(contacts=[CONTACT, ani], messages=[message(), other], statuses=[status])
    told = {"field": "messages", "metadata": METADATA}
    assert [heard.payload for heard in read(post(whole))] == [
        {**told, "contacts": [CONTACT], "messages": [message()]},
        {**told, "contacts": [ani], "messages": [other]},
        {**told, "statuses": [status]},
    ]
    news = change("phone_number_quality_update", event="DOWNGRADE")
    assert read(post(news)) == [Heard(Unknown(), news)]


FILE = {"id": "1003383421387256", "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI="}


@pytest.mark.parametrize(
    ("kind", "content", "text", "media"),
    [
        (
            "image",
            {"caption": "lubangnya", "mime_type": "image/jpeg", **FILE},
            "lubangnya",
            Media("photo", FILE["id"], None, "image/jpeg"),
        ),
        (
            "document",
            {"caption": "surat", "filename": "surat.pdf", "mime_type": "application/pdf", **FILE},
            "surat",
            Media("document", FILE["id"], None, "application/pdf", "surat.pdf"),
        ),
        (
            "audio",
            {"mime_type": "audio/ogg; codecs=opus", "voice": True, **FILE},
            "",
            Media("voice", FILE["id"], None, "audio/ogg"),
        ),
        ("voice", {"mime_type": "audio/ogg; codecs=opus", **FILE}, "", Media("voice", FILE["id"], None, "audio/ogg")),
        (
            "video",
            {"caption": "banjir", "mime_type": "video/mp4", **FILE},
            "banjir",
            Media("video", FILE["id"], None, "video/mp4"),
        ),
        # A voice note of another messenger that is passed on, and a film that was sent as a file.
        (
            "document",
            {"filename": "PTT-1.opus", "mime_type": "audio/ogg", **FILE},
            "",
            Media("voice", FILE["id"], None, "audio/ogg", "PTT-1.opus"),
        ),
        ("document", {"mime_type": "video/mp4", **FILE}, "", Media("video", FILE["id"], None, "video/mp4")),
        ("image", {"id": 1003383421387256}, "", Media("photo", FILE["id"])),
    ],
)
def test_files_are_read_by_kind(kind: str, content: Json, text: str, media: Media) -> None:
    incoming = read_message(message(kind, content))
    assert (incoming.media, incoming.text, incoming.unsupported) == (media, text, None)


def test_the_words_of_a_file_that_cannot_be_named_count() -> None:
    words = read_message(message("image", {"caption": "lubang di jalan"}))
    assert (words.text, words.media, words.unsupported) == ("lubang di jalan", None, None)
    assert read_message(message("image", {})).unsupported == "unknown"


def test_pins_are_places_with_all_that_they_are_called() -> None:
    pin = {"latitude": -2.5, "longitude": 103}
    for called, label in (
        ({}, None),
        ({"name": "Pasar Randik"}, "Pasar Randik"),
        ({"name": "Pasar Randik", "address": "Sekayu, Musi Banyuasin"}, "Pasar Randik, Sekayu, Musi Banyuasin"),
        ({"name": "Sekayu", "address": "Sekayu"}, "Sekayu"),
        ({"name": 5, "address": "\u200b"}, None),
    ):
        assert read_message(message("location", pin | called)).place == Place(-2.5, 103.0, label)


@pytest.mark.parametrize("wrong", [91, -90.5, float("nan"), float("inf"), 10**400, "-2.5", True, None])
def test_what_is_nowhere_is_no_place(wrong: Any) -> None:
    incoming = read_message(message("location", {"latitude": wrong, "longitude": 103.0}))
    assert (incoming.place, incoming.unsupported) == (None, "unknown")


@pytest.mark.parametrize(
    ("kind", "content", "choice", "text"),
    [
        ("interactive", {"type": "button_reply", "button_reply": {"id": "3:a:b", "title": "Kirim"}}, "3:a:b", ""),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "3:c:16", "title": "Sekayu"}}, "3:c:16", ""),
        ("button", {"payload": "chat:news:read", "text": "Baca"}, "chat:news:read", ""),
        # Without a payload Meta repeats the label; it is as good as typed.
        ("button", {"payload": "Baca", "text": "Baca"}, None, "Baca"),
        ("button", {"text": "Baca"}, None, "Baca"),
        ("interactive", {"type": "button_reply", "button_reply": {"title": "Kirim"}}, None, "Kirim"),
    ],
)  # fmt: skip
def test_a_tap_is_a_choice(kind: str, content: Json, choice: str | None, text: str) -> None:
    incoming = read_message(message(kind, content, context={"from": "15550783881", "id": OURS}))
    assert (incoming.choice, incoming.text, incoming.reply_to) == (choice, text, OURS)
    assert (incoming.sequence, incoming.unsupported) == (0 if choice else UNNUMBERED, None)


@pytest.mark.parametrize(
    ("kind", "content", "named"),
    [
        ("text", {"body": "\u200b\u200e\u2060"}, "blank"),
        ("text", {"body": ""}, "blank"),
        ("sticker", {"id": "1", "mime_type": "image/webp"}, "sticker"),
        ("contacts", [{"name": {"formatted_name": "Ani"}}], "contact"),
        ("reaction", {"message_id": OURS, "emoji": "👍"}, "service"),
        ("reaction", {"message_id": OURS}, "service"),
        ("request_welcome", {}, "service"),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}, "unknown"),
        ("interactive", {"type": "button_reply", "button_reply": {}}, "unknown"),
        ("button", {}, "unknown"),
        ("order", {"catalog_id": "1", "text": "", "product_items": []}, "unknown"),
        ("ephemeral", None, "unknown"),
        ("errors", None, "unknown"),
        ("unknown", None, "unknown"),
        ("unsupported", None, "unknown"),
        ("unsupported", {"type": "edit"}, "unknown"),
        ("unsupported", {"type": "poll_creation"}, "poll"),
        ("unsupported", {"type": "pin"}, "service"),
        ("hologram", {"depth": 3}, "unknown"),
        ("text", "words", "unknown"),
        ("text", {"body": 5}, "unknown"),
    ],
)
def test_what_cannot_be_used_is_named(kind: str, content: Any, named: str) -> None:
    incoming = read_message(message(kind, content, **({} if content else {kind: {}})))
    assert (incoming.unsupported, incoming.text, incoming.media, incoming.choice) == (named, "", None, None)
    assert named in dialogue.UNSUPPORTED | {"service", "unknown"}, "a word that the conversation knows"


def test_an_answer_names_the_message_that_it_answers() -> None:
    assert read_message(message(context={"from": "15550783881", "id": OURS})).reply_to == OURS
    assert read_message(message(context={"forwarded": True})).reply_to is None


def test_what_was_written_elsewhere_is_forwarded() -> None:
    for context, forwarded in (
        ({"forwarded": True}, True),
        ({"frequently_forwarded": True}, True),
        ({"forwarded": False}, False),
        ({"forwarded": "yes"}, False),
        ({"id": OURS}, False),
        ("elsewhere", False),
    ):
        assert read_message(message(context=context)).forwarded is forwarded


def test_an_edited_message_says_which_it_replaces() -> None:
    inner = {"type": "text", "text": {"body": "jalan rusak"}, "context": {"id": OURS}}
    edited = read_message(message("edit", {"original_message_id": "wamid.1", "message": inner}))
    assert (edited.edits, edited.replaces, edited.text, edited.sequence) == (True, "wamid.1", "jalan rusak", UNNUMBERED)
    caption = {"type": "image", "image": {"id": "1", "caption": "lubang"}}
    edited = read_message(message("edit", {"original_message_id": "wamid.1", "message": caption}))
    assert (edited.edits, edited.text, edited.media) == (True, "lubang", Media("photo", "1"))
    taken_back = read_message(message("revoke", {"original_message_id": "wamid.1"}))
    assert (taken_back.edits, taken_back.replaces, taken_back.text) == (True, "wamid.1", "")
    assert taken_back.unsupported is None


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("edit", {"message": {"type": "text", "text": {"body": "jalan rusak"}}}),
        ("edit", {"original_message_id": "wamid.1"}),
        ("edit", {"original_message_id": "wamid.1", "message": {"type": "edit", "edit": {}}}),
        ("edit", {"original_message_id": "wamid.1", "message": {"type": "sticker", "sticker": {}}}),
        ("edit", "jalan rusak"),
        ("revoke", {}),
        ("revoke", {"original_message_id": {"id": 1}}),
    ],
)
def test_an_edit_of_nothing_that_can_be_named_is_not_understood(kind: str, content: Any) -> None:
    incoming = read_message(message(kind, content))
    assert (incoming.unsupported, incoming.edits, incoming.replaces) == ("unknown", False, None)


def test_what_is_said_in_a_group_is_not_kept() -> None:
    group = "Y2FwaV9ncm91cDoxODA1NTU1MDE3MjoxMjAzNjMyMjI3NzE5NjMwNjcZD"
    for sent in (
        message(group_id=group),
        message("image", {"id": "1", "caption": "rahasia"}, group_id=group),
        message("system", {"type": "user_joined", "body": "rahasia"}, group_id=group),
    ):
        [heard] = read(post(change(contacts=[CONTACT], messages=[sent])))
        assert heard.part == Incoming(
            Address("whatsapp", group),
            WAMID,
            UNNUMBERED,
            private=False,
            window_until=WRITTEN + timedelta(hours=24),
        )
        written = json.dumps(heard.payload)
        assert not any(secret in written for secret in ("Sekayu", "rahasia", NUMBER, USER_ID, "Budi"))
    [heard] = read(post(change(contacts=[CONTACT], messages=[message(group_id={"id": group})])))
    assert heard.part == Unknown(WAMID)
    assert "Sekayu" not in json.dumps(heard.payload)
    assert read_message(message(group_id="")).private


def test_text_is_freed_of_what_nobody_sees_and_no_database_takes() -> None:
    words = json.loads('"a\\u0000b \\ud83d\\ude4f \\ud83d \\u202ec"')
    incoming = read_message(message("text", {"body": words}))
    assert (incoming.text, incoming.text.encode()) == ("ab 🙏 \ufffd c", "ab 🙏 \ufffd c".encode())
    trick = "\u202egpj.exe\u202c"
    file = read_message(message("document", {"filename": trick, "caption": f"surat {trick}", **FILE}))
    assert file.media is not None
    assert (file.text, file.media.name) == ("surat gpj.exe", "gpj.exe")
    assert (
        read_message(message(), [{**CONTACT, "profile": {"name": " Bu\u200bdi \u2066Santoso"}}]).name == "Budi Santoso"
    )


# --- who it is from --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "contacts", "known_as", "name"),
    [
        # Both ids, the number alone, the BSUID alone, and each of them from the contact.
        ({"from": NUMBER, "from_user_id": USER_ID}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        ({"from": NUMBER}, [{"profile": {"name": "Budi"}, "wa_id": NUMBER}], (NUMBER,), "Budi"),
        ({"from_user_id": USER_ID}, [{"profile": {"name": "Budi"}, "user_id": USER_ID}], (USER_ID,), "Budi"),
        ({"from": NUMBER}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        ({"from_user_id": USER_ID}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        ({}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        ({"from": USER_ID}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        # Nobody is described, or somebody else.
        ({"from": NUMBER, "from_user_id": USER_ID}, [], (USER_ID, NUMBER), None),
        ({"from": "6285000000001"}, [CONTACT], ("6285000000001",), None),
        ({"from": NUMBER, "from_user_id": "ID.2"}, [CONTACT], ("ID.2", NUMBER), None),
        # The BSUID decides, where a number is written in two ways.
        ({"from": "628123456789", "from_user_id": USER_ID}, [CONTACT], (USER_ID, "628123456789"), "Budi Santoso"),
        # Ids are cleaned.
        ({"from": "+62 812-3456-7890"}, [CONTACT], (USER_ID, NUMBER), "Budi Santoso"),
        ({"from": int(NUMBER)}, [], (NUMBER,), None),
        ({"from": NUMBER, "from_user_id": "ID.\u0000 1"}, [], (NUMBER,), None),
        # A user name stands in where there is no name.
        ({"from_user_id": "ID.9"}, [{"profile": {"username": "budi.s"}, "user_id": "ID.9"}], ("ID.9",), "budi.s"),
        ({"from": NUMBER}, [None, 5, {"profile": "x"}, {"wa_id": [NUMBER]}], (NUMBER,), None),
    ],
)  # fmt: skip
def test_a_sender_is_known_by_all_ids_of_the_message(
    sender: Json, contacts: list[Json], known_as: tuple[str, ...], name: str | None
) -> None:
    incoming = read_message(message(**{"from": None, "from_user_id": None} | sender), contacts)
    assert (incoming.known_as, incoming.name) == (known_as, name)
    assert incoming.address == Address("whatsapp", known_as[-1])


@pytest.mark.parametrize(
    "nobody", [None, "", "12", "x" * 9, "1" * 21, "Budi", -int(NUMBER), 1.5, [NUMBER], True, "ID."]
)
def test_a_message_of_nobody_is_kept(nobody: Any) -> None:
    sent = message(**{"from": nobody, "from_user_id": None})
    [heard] = read(post(change(messages=[sent])))
    assert heard == Heard(Unknown(WAMID), {"field": "messages", "metadata": METADATA, "messages": [sent]})


def test_of_two_messages_of_nobody_none_is_given_to_the_one_who_is_described() -> None:
    nameless = [message(id=f"wamid.{number}", **{"from": None, "from_user_id": None}) for number in (1, 2)]
    assert parts(post(change(contacts=[CONTACT], messages=nameless))) == [Unknown("wamid.1"), Unknown("wamid.2")]


@pytest.mark.parametrize("name", [None, "", "wamid. x", "wamid.\u0000", "x" * 513, 1.5, [WAMID]])
def test_a_message_without_an_id_is_kept(name: Any) -> None:
    assert parts(post(change(contacts=[CONTACT], messages=[message(id=name)]))) == [Unknown()]


@pytest.mark.parametrize(
    "timestamp", [None, "", "soon", "12", "9" * 5000, 10**400, -1, 1.5, True, "１７４９４１６３８３"]
)
def test_a_message_of_no_time_opens_no_window(timestamp: Any) -> None:
    assert read_message(message(timestamp=timestamp)).window_until is None


def test_a_moment_may_be_a_number() -> None:
    assert read_message(message(timestamp=int(TIMESTAMP))).window_until == WRITTEN + timedelta(hours=24)


# --- people who change their ids -------------------------------------------------------------------------

NEW_NUMBER, NEW_USER_ID = "6285222222222", "ID.24817305912873645029"


@pytest.mark.parametrize(
    ("about", "old", "new"),
    [
        # As Meta's description has it, before there were BSUIDs, and since.
        (
            {"sender": {"from": NUMBER}, "type": "user_changed_number", "wa_id": NEW_NUMBER},
            (NUMBER,),
            (NEW_NUMBER,),
        ),
        (
            {
                "sender": {"from": NUMBER, "from_user_id": USER_ID},
                "type": "user_changed_number",
                "wa_id": NEW_NUMBER,
                "user_id": NEW_USER_ID,
            },
            (NUMBER, USER_ID),
            (NEW_NUMBER, NEW_USER_ID),
        ),
        # Nobody is named as its sender: the words alone say who it was.
        (
            {
                "type": "user_changed_user_id",
                "user_id": NEW_USER_ID,
                "body": f"User Budi changed from {USER_ID} to {NEW_USER_ID}",
            },
            (USER_ID,),
            (NEW_USER_ID,),
        ),
        (
            {
                "type": "user_changed_user_id",
                "user_id": NEW_USER_ID,
                "wa_id": NUMBER,
                "previous_user_id": USER_ID,
                "sender": {"from": NUMBER},
            },
            (USER_ID,),
            (NUMBER, NEW_USER_ID),
        ),
        # A name that looks like the end of the words.
        (
            {
                "type": "user_changed_user_id",
                "user_id": NEW_USER_ID,
                "body": f"User Budi changed from ID.7 to {NEW_USER_ID} changed from {USER_ID} to {NEW_USER_ID}",
            },
            (USER_ID,),
            (NEW_USER_ID,),
        ),
    ],
)
def test_who_has_other_ids_is_renamed(about: Json, old: tuple[str, ...], new: tuple[str, ...]) -> None:
    renamed = read_system(**about)
    assert isinstance(renamed, Renamed)
    assert renamed.at is not None
    assert replace(renamed, at=None) == Renamed(WAMID, old, new)


@pytest.mark.parametrize(
    "about",
    [
        {"sender": {"from": NUMBER}, "type": "user_identity_changed", "wa_id": NEW_NUMBER},
        {"sender": {"from": NUMBER}, "type": "user_changed_number"},
        {"sender": {"from": NUMBER}, "type": "user_changed_number", "wa_id": NUMBER},
        {"type": "user_changed_number", "wa_id": NEW_NUMBER},
        {"type": "user_changed_user_id", "user_id": NEW_USER_ID, "body": f"User Budi changed from {USER_ID} to ID.5"},
        {
            "type": "user_changed_user_id",
            "user_id": NEW_USER_ID,
            "body": f"changed from {USER_ID} to {NEW_USER_ID} now",
        },
        {"type": ["user_changed_number"], "wa_id": NEW_NUMBER},
        {},
    ],
)
def test_a_change_that_names_nobody_renames_nobody(about: Json) -> None:
    assert read_system(**about) == Unknown(WAMID)


def test_the_other_notice_of_a_changed_id_has_no_id_of_its_own() -> None:
    update = {
        "wa_id": NEW_NUMBER,
        "detail": "User id for Budi has been updated.",
        "user_id": {"previous": USER_ID, "current": NEW_USER_ID},
        "timestamp": TIMESTAMP,
    }
    payload = post(change("user_id_update", contacts=[CONTACT], user_id_update=[update]))
    [heard] = read(payload)
    assert isinstance(heard.part, Renamed)
    assert (heard.part.old, heard.part.new) == ((USER_ID,), (NEW_NUMBER, NEW_USER_ID))
    assert heard.part.message_id.startswith("sha256:")
    assert NUMBER not in heard.part.message_id
    assert read(copy.deepcopy(payload)) == [heard], "told again, it has the same id"
    assert heard.payload == {"field": "user_id_update", "metadata": METADATA, "user_id_update": [update]}


# --- our messages, templates, account --------------------------------------------------------------------


def status(state: Any, **beside: Any) -> Part:
    whole = {"id": OURS, "status": state, "timestamp": TIMESTAMP, "recipient_id": NUMBER} | beside
    [part] = parts(post(change(statuses=[whole])))
    return part


def test_what_became_of_our_messages_is_reported() -> None:
    for told, state in (("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read")):
        assert status(told) == Report(OURS, state, WRITTEN)  # type: ignore[arg-type]
    assert status("sent", timestamp="soon") == Report(OURS, "sent", None)
    for unknown in ("warning", "deleted", None, 5, ["sent"]):
        assert status(unknown) == Unknown()
    assert status("sent", id=None) == Unknown()


@pytest.mark.parametrize(
    ("errors", "trouble", "ails"),
    [
        ([{"code": 131047, "title": "Re-engagement message"}], WindowClosed, None),
        ([{"code": 131026}], Undeliverable, None),
        ([{"code": 132015}], TemplateRefused, None),
        ([{"code": 130429}], TryLater, None),
        ([{"code": 131042}], TryLater, "payment"),
        ([None, {"code": 131047}], WindowClosed, None),
        ([], Undeliverable, None),
        (None, Undeliverable, None),
        ("131047", Undeliverable, None),
    ],
)
def test_why_a_message_failed_is_judged(errors: Any, trouble: type[Exception], ails: str | None) -> None:
    report = status("failed", errors=errors)
    assert isinstance(report, Report)
    assert (report.state, type(report.trouble)) == ("failed", trouble)
    assert getattr(report.trouble, "ails", None) == ails


def test_an_error_of_no_message_ails_the_account_if_it_means_anything() -> None:
    [news, other, wrong] = parts(post(change(errors=[{"code": 131031}, {"code": 131051}, "x"])))
    assert isinstance(news, AccountNews)
    assert (news.ails, "131031" in news.detail) == ("account", True)
    assert (other, wrong) == (Unknown(), Unknown())


def template(**about: Any) -> Part:
    value = {
        "message_template_name": "lapor_kabar",
        "message_template_language": "id",
        "message_template_id": 5,
        **about,
    }
    [part] = parts(post({"value": value, "field": "message_template_status_update"}))
    return part


GAPS = {"reason": "Gaps side by side.", "recommendation": "Put words between them."}
PAUSE = {"title": "FIRST_PAUSE", "description": "Paused for 3 hours."}


@pytest.mark.parametrize(
    ("about", "state", "reason"),
    [
        ({"event": "APPROVED", "reason": "NONE"}, "approved", None),
        ({"event": "APPROVED", "reason": None}, "approved", None),
        (
            {"event": "REJECTED", "reason": "INVALID_FORMAT", "rejection_info": GAPS},
            "rejected",
            "INVALID_FORMAT: Gaps side by side.",
        ),
        ({"event": "PAUSED"}, "paused", None),
        ({"event": "DISABLED", "disable_info": {"disable_date": "1751234563"}}, "disabled", None),
        ({"event": "PENDING_DELETION"}, "pending_deletion", None),
        ({"event": "FLAGGED"}, "approved", "FLAGGED"),
        ({"event": "REINSTATED"}, "approved", "REINSTATED"),
        ({"event": "LOCKED", "other_info": PAUSE}, "paused", "LOCKED: Paused for 3 hours."),
        ({"event": "LOCKED", "other_info": {"title": "UNPAUSE"}}, "approved", "LOCKED"),
        ({"event": "LOCKED"}, "locked", None),
    ],
)
def test_what_was_decided_about_a_template_is_told(about: Json, state: str, reason: str | None) -> None:
    assert template(**about) == TemplateNews("lapor_kabar", "id", state, reason)


def test_a_template_is_named_as_in_the_list() -> None:
    news = template(event="APPROVED", message_template_language="en-US", message_template_category="UTILITY")
    assert news == TemplateNews("lapor_kabar", "en_US", "approved", None, "utility")
    wrongs: list[Json] = [{"event": None}, {"event": "PAUSED", "message_template_name": 5}, {"event": []}]
    for wrong in wrongs:
        assert template(**wrong) == Unknown()


def banned(state: Any) -> Json:
    return {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state, "waba_ban_date": "April 17, 2026"}}


def restricted(*kinds: str) -> Json:
    about = [{"restriction_type": kind, "expiration": 1641330498} for kind in kinds]
    return {"event": "ACCOUNT_RESTRICTION", "restriction_info": about}


@pytest.mark.parametrize(
    ("value", "ails"),
    [
        (banned("DISABLE"), "account"),
        (banned(["SCHEDULE_FOR_DISABLE"]), "account"),
        (banned("REINSTATE"), None),
        ({"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SCAM"}}, "account"),
        ({"event": "ACCOUNT_DELETED"}, "account"),
        ({"event": "ACCOUNT_OFFBOARDED"}, "account"),
        ({"event": "ACCOUNT_RECONNECTED"}, None),
        ({"event": "ACCOUNT_REINSTATED"}, None),
        (restricted("RESTRICTED_ADD_PHONE_NUMBER_ACTION", "RESTRICTED_BIZ_INITIATED_MESSAGING"), "account"),
        (restricted("RESTRICTED_CUSTOMER_INITIATED_MESSAGING"), "account"),
    ],
)
def test_what_happens_to_our_account_is_told(value: Json, ails: str | None) -> None:
    [news] = parts(post({"value": value, "field": "account_update"}))
    assert isinstance(news, AccountNews)
    assert (news.ails, news.detail.startswith(value["event"])) == (ails, True)
    assert ails is None or ails in AILMENTS


def test_the_review_of_our_account_is_told() -> None:
    for decision, part in (
        ("REJECTED", AccountNews("account", "REJECTED")),
        ("APPROVED", AccountNews(None, "APPROVED")),
        ("PENDING", Unknown()),
    ):
        assert parts(post({"value": {"decision": decision}, "field": "account_review_update"})) == [part]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_update", {"event": "VERIFIED_ACCOUNT"}),
        ("account_update", restricted("RESTRICTED_ADD_PHONE_NUMBER_ACTION")),
        ("account_update", {"event": "PARTNER_REMOVED"}),
        ("account_update", {"event": "DISABLED_UPDATE", "ban_info": "DISABLE"}),
        ("account_alerts", {"alert_severity": "CRITICAL", "alert_status": "ACTIVE"}),
        ("phone_number_quality_update", {"event": "FLAGGED"}),
        ("template_category_update", {"new_category": "MARKETING"}),
        ("smb_message_echoes", {"messages": [message()]}),
        ("history", {"history": [{"threads": [{"messages": [message()]}]}]}),
        ("calls", {"calls": [{"id": "wacid.1", "from": NUMBER}]}),
        ("messages", {"messages": []}),
        ("messages", {}),
        ("messages", None),
        (None, None),
    ],
)  # fmt: skip
def test_what_we_cannot_judge_is_kept_as_it_came(field: Any, value: Any) -> None:
    news = {"value": value, "field": field}
    assert read(post(news)) == [Heard(Unknown(), news)]


# --- anything at all -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (None, {"payload": None}),
        ([], {"payload": []}),
        ({}, {}),
        ({"entry": []}, {"entry": []}),
        ({"entry": {"id": "1"}}, {"entry": {"id": "1"}}),
        ({"entry": [5]}, {"payload": 5}),
        ({"entry": [{"id": "1"}]}, {"id": "1"}),
        ({"entry": [{"changes": [7]}]}, {"payload": 7}),
        ({"entry": [{"changes": [{"value": {"messages": [8]}}]}]}, {"field": None, "metadata": None, "messages": [8]}),
    ],
)
def test_what_is_no_notice_is_kept(payload: Any, kept: Json) -> None:
    assert read(payload) == [Heard(Unknown(), kept)]


def test_the_account_is_that_of_the_first_entry_that_names_one() -> None:
    assert account_of(post(change())) == "419561257915477"
    assert account_of({"entry": [5, {"id": None}, {"id": 77}, {"id": "78"}]}) == "77"
    nothings: list[Any] = [None, [], {}, {"entry": "1"}, {"entry": [{"id": ""}]}]
    assert {account_of(nothing) for nothing in nothings} == {None}


def test_a_post_nested_as_deep_as_json_is_read_stops_nobody() -> None:
    deep = json.loads('{"a":' * 900 + "1" + "}" * 900)
    told = parts(post(change(contacts=[deep, CONTACT], messages=[message(), message("text", deep, id="wamid.2")])))
    assert [type(each) for each in told] == [Incoming, Incoming]
    assert parts(deep) == [Unknown()]


def everything() -> list[Json]:
    """Changes of every kind, as our peer posts them."""
    api = FakeCloudApi(count_only=True)
    both, hidden = api.citizen(NUMBER, USER_ID), api.citizen(None, "ID.77", "Ani")
    plain = api.citizen("6285000000001")
    text = both.text("jalan rusak")
    return [
        text, both.forwarded("titipan"), both.image("lubang"), both.document(), both.voice(), both.video(),
        both.sticker(), both.location(name="Pasar"), both.contact(), both.reaction(on_message=OURS),
        both.unsupported(), both.unknown(), both.edited(text, "jalan rusak parah"), both.in_group("halo"),
        hidden.text("listrik padam"), plain.text("ya", reply_to=OURS), api.report(OURS, "sent"),
        api.report(OURS, "failed", 131047), api.template_news("lapor_kabar", "id", "PAUSED"),
        api.account_news("ACCOUNT_RESTRICTION"), plain.change_number("6285000000002"),
        hidden.change_user_id("ID.78"),
    ]  # fmt: skip


def test_all_that_the_peer_posts_is_understood() -> None:
    kinds = Counter(type(heard.part) for heard in read(post(*everything())))
    assert kinds == {
        Incoming: 16,
        Report: 2,
        TemplateNews: 1,
        Unknown: 1,  # a restriction of nothing
        Renamed: 2,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def walk(data: st.DataObject, whole: Any) -> tuple[Any, Any]:
    """Some place inside: what holds it, and its key or number there."""
    holder = whole
    while True:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        inside = holder[key]
        if not isinstance(inside, dict | list) or not inside or data.draw(st.booleans()):
            return holder, key
        holder = inside


def distort(data: st.DataObject, whole: Any) -> None:
    """Drop, retype, nest or double something inside."""
    holder, key = walk(data, whole)
    match data.draw(st.sampled_from(("drop", "retype", "nest", "double"))):
        case "drop":
            del holder[key]
        case "retype":
            holder[key] = data.draw(JSON)
        case "nest":
            holder[key] = data.draw(st.sampled_from([[holder[key]], {str(key): holder[key]}]))
        case "double" if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case _:
            holder[f"{key}2"] = copy.deepcopy(holder[key])


def is_sound(part: Part) -> bool:
    """Whether every value is of the promised type, and can be stored."""
    if isinstance(part, Report):
        moment_or_none = part.at is None or part.at.tzinfo is not None
        return isinstance(part.provider_id, str) and moment_or_none and (part.trouble is None or part.state == "failed")
    if isinstance(part, Renamed):
        return bool(part.old and part.new) and not set(part.old) & set(part.new)
    if not isinstance(part, Incoming):
        return isinstance(part, TemplateNews | AccountNews | Unknown)
    file, place = part.media, part.place
    words: list[Any] = [part.text, part.choice, part.name, part.reply_to, part.replaces, part.unsupported]
    words += [part.message_id, part.address.user, *part.known_as]
    words += [file.provider_id, file.content_type, file.name] if file else []
    words += [place.label] if place else []
    assert all(word is None or isinstance(word, str) for word in words)
    assert all("\x00" not in word and word.encode() for word in words if word)
    assert place is None or (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180)
    assert part.window_until is None or part.window_until.tzinfo is not None
    assert bool(part.text or part.choice or file or place or part.unsupported or part.edits) is part.private
    assert part.unsupported in {None, "service", "unknown"} | dialogue.UNSUPPORTED
    return part.address.user in part.known_as or not part.private


def told_again(heard: Heard) -> list[Part]:
    """What the payload of a part tells by itself."""
    if "value" in heard.payload or not isinstance(heard.payload, dict) or "metadata" not in heard.payload:
        return parts({"entry": [{"changes": [heard.payload]}]})
    value = {name: value for name, value in heard.payload.items() if name != "field"}
    return parts(post({"field": heard.payload["field"], "value": value}))


@given(st.data())
def test_nothing_that_is_distorted_raises_or_gives_values_of_other_types(data: st.DataObject) -> None:
    changes = everything()
    payload = post(*data.draw(st.lists(st.sampled_from(changes), min_size=1, max_size=4)))
    for _ in range(data.draw(st.integers(1, 3))):
        distort(data, payload) if payload else None
    account_of(payload)
    for heard in read(payload):
        assert is_sound(heard.part)
        assert isinstance(heard.payload, dict)
        json.dumps(heard.payload)


@given(JSON)
def test_any_json_is_heard_as_something(payload: Any) -> None:
    assert [type(each) for each in parts(payload)] == [Unknown]


@given(st.data())
def test_whatever_happens_to_the_others_each_message_is_taken_once(data: st.DataObject) -> None:
    api = FakeCloudApi(count_only=True)
    budi, ani = api.citizen(NUMBER, USER_ID), api.citizen("6285000000001", name="Ani")
    writers: list[Callable[[], Json]] = [
        lambda: budi.text("rusak"), lambda: ani.text("gelap"), budi.image, ani.location, budi.sticker, ani.unknown
    ]  # fmt: skip
    written = [write() for write in data.draw(st.lists(st.sampled_from(writers), min_size=1, max_size=6))]
    payload = api.payload(written, apart=data.draw(st.booleans()))
    values = [each["value"] for each in payload["entry"][0]["changes"]]
    messages = [each for value in values for each in value["messages"]]
    wanted = {each["id"]: each for each in messages}
    for _ in range(data.draw(st.integers(0, 4))):
        value, victim = data.draw(st.sampled_from(values)), data.draw(st.sampled_from(messages))
        match data.draw(st.sampled_from(("content", "id", "sender", "stranger", "people"))):
            case "content":  # its id and its sender still stand
                about = data.draw(st.sampled_from(("timestamp", "context", "text", "image", "location")))
                victim[about] = data.draw(JSON)
            case "id":
                wanted.pop(victim.pop("id", ""), None)
            case "sender":
                wanted.pop(victim.get("id", ""), None)
                victim |= {"from": "?", "from_user_id": None}
            case "stranger":
                value["messages"].insert(data.draw(st.integers(0, len(value["messages"]))), data.draw(JSON))
            case "people":
                value["contacts"] = data.draw(JSON)
    payload["entry"].insert(data.draw(st.integers(0, 1)), data.draw(JSON))
    taken = [(heard, heard.part) for heard in read(payload) if isinstance(heard.part, Incoming)]
    assert [part.message_id for _, part in taken if part.message_id in wanted] == list(wanted)
    assert len({part.message_id for _, part in taken}) == len(taken)
    for heard, part in taken:
        assert told_again(heard) == [part]


def test_what_is_told_again_is_heard_again() -> None:
    for heard in read(post(*everything())):
        assert repr(told_again(heard)) == repr([heard.part])  # errors are equal to none but themselves


# --- signatures ------------------------------------------------------------------------------------------

SECRET = "rahasia-aplikasi"
BODY = json.dumps(post(change(contacts=[CONTACT], messages=[message()]))).encode()


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_what_meta_signs_is_signed() -> None:
    assert signed(BODY, signature(BODY, SECRET), SECRET)
    # Made by another hand: echo -n '{}' | openssl dgst -sha256 -hmac rahasia-aplikasi
    assert signed(b"{}", "sha256=f298678f018d66de60e17a30bc056aa92ecaca59fd05ef84431d96fcb5ab71b8", SECRET)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        "sha256",
        "sha256=0",
        signature(BODY, "another secret"),
        signature(BODY + b" ", SECRET),
        signature(BODY, SECRET)[:-1],
        signature(BODY, SECRET) + "0",
        signature(BODY, SECRET).upper(),
        signature(BODY, SECRET).removeprefix("sha256="),
        signature(BODY, SECRET).replace("sha256", "sha1"),
        " " + signature(BODY, SECRET),
        "sha256=" + "é" * 64,
        "sha256=\udcff",
        "١" * 71,
    ],
)
def test_what_anybody_else_signs_is_not(header: str) -> None:
    assert not signed(BODY, header, SECRET)


def test_without_a_secret_nothing_is_signed() -> None:
    assert not signed(BODY, signature(BODY, ""), "")


# (HMAC fills a short secret with zeros, so that one that ends with them is the same.)
SECRETS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=15)


@given(body=st.binary(), other=st.binary(), secret=SECRETS, wrong=SECRETS, header=st.text())
def test_only_the_very_bytes_and_the_very_secret_are_signed(
    body: bytes, other: bytes, secret: str, wrong: str, header: str
) -> None:
    right = signature(body, secret)
    assert signed(body, right, secret)
    assert signed(other, right, secret) is (other == body)
    assert signed(body, right, wrong) is (secret.encode() == wrong.encode())
    assert not signed(body, header, secret)
