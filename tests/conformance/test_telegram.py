"""The Telegram channel and its peer, held against Telegram's own description of the Bot API."""

from __future__ import annotations

from typing import Any

import pytest
from peers import telegram_spec
from peers.bot_api import JPEG, TOKEN, FakeBotApi
from peers.telegram_spec import Spec

from bot.channels.telegram import ALLOWED_UPDATES, SERVICE, UNUSABLE, Telegram, read
from bot.messages import Address, Button, File, Outgoing

pytestmark = pytest.mark.skipif(
    telegram_spec.load() is None,
    reason=f"LAPOR_SHARED names no folder with peers/{telegram_spec.SPEC_FILE}",
)

BUDI = Address("telegram", "77")
FILES = (
    File("photo", JPEG, "image/jpeg", "sesudah ditambal.jpg"),
    File("document", b"%PDF-1.4", "application/pdf", "Berita acara – “tahap 2”.pdf"),
    File("voice", b"ID3", "audio/mpeg", "rapat.mp3"),
    File("video", b"ftyp", "video/mp4", "pengerjaan.mp4"),
)
USABLE = {
    "text", "caption", "photo", "live_photo", "document", "animation", "audio", "voice", "video", "video_note",
    "venue", "location",
}  # fmt: skip


@pytest.fixture
def spec() -> Spec:
    spec = telegram_spec.load()
    assert spec
    return spec


async def test_every_call_keeps_to_the_description(spec: Spec) -> None:
    async with FakeBotApi() as api, Telegram(TOKEN, api.base_url) as channel:
        buttons = (Button("Ya", "yes"), Button("Bukan, yang lain saja, saya cari sendiri", "x" * 64))
        await channel.send(Outgoing(BUDI, "Halo"))
        await channel.send(Outgoing(BUDI, "🙏 kata-kata " * 1000, buttons))
        await channel.send(Outgoing(BUDI, "Jawaban", files=FILES))
        await channel.fetch(api.add_file(b"data"))
        await channel.username()
        await channel.poll(None, 0)
        await channel.poll(5, 0)
        await channel.set_webhook("https://lapor.example/webhooks/telegram", "a-secret_1")
        await channel.delete_webhook()
        expected = {"sendMessage", "getFile", "file", "getMe", "getUpdates", "setWebhook", "deleteWebhook"}
        expected |= {"sendPhoto", "sendDocument", "sendAudio", "sendVideo"}
        assert {call.method for call in api.calls} == expected
        assert api.problems == []
        for sent in api.sent():
            assert spec.check_object("Message", sent.message) == []


async def test_every_update_of_the_peer_keeps_to_the_description() -> None:
    async with FakeBotApi() as api, Telegram(TOKEN, api.base_url) as channel:
        await channel.send(Outgoing(BUDI, "Benar?", (Button("Ya", "yes"),)))
        citizen = api.citizen(77)
        updates = [
            citizen.text("/start halo @lapor_uji_bot https://lapor.go.id 🙏"), citizen.tap("yes"),
            citizen.tap("yes", inaccessible=True), citizen.photo("foto"), *citizen.album(3, "album"),
            citizen.document(caption="surat"), citizen.voice(), citizen.video(), citizen.location(),
            citizen.venue("Pasar"), citizen.sticker(), citizen.contact(), citizen.edited(citizen.text("a"), "b"),
            citizen.group_text("halo", reply_to=api.sent(77)[0]), citizen.add_to_group(), citizen.block(),
            citizen.unblock(), api.citizen(78, "Ani", None).text("tanpa bahasa"),
            citizen.text("itu benar", reply_to=api.sent(77)[0], quote="Benar"), citizen.text("a" * 4096),
            citizen.video_note(), citizen.animation(caption="lihat"), citizen.audio(), citizen.poll(), citizen.dice(),
            citizen.story(), citizen.checklist("jalan", "lampu"), citizen.edited_caption(citizen.photo("a"), "b"),
            live := citizen.live_location(), citizen.moved(live, 1, 2), citizen.moved(live, 1, 2, last=True),
            citizen.rich({"type": "heading", "text": "Jalan", "size": 2}, {"type": "paragraph", "text": ["a", "b"]}),
            *(citizen.forwarded(origin) for origin in ("user", "hidden_user", "chat", "channel")),
            citizen.forwarded(photo=citizen.photo()["message"]["photo"], caption="titipan"),
        ]  # fmt: skip
        assert api.problems == []
        numbers = [update["update_id"] for update in updates]
        assert numbers == sorted(set(numbers))
        assert all(len(read(update)) == 1 for update in updates)


def test_every_field_of_a_message_has_its_place(spec: Spec) -> None:
    """So that a new version of the Bot API shows what it brings."""
    fields = {field["name"]: field["description"] for field in spec.types["Message"]["fields"]}
    told = {name for name, text in fields.items() if "ervice message" in text and name != "reply_to_message"}
    assert told <= SERVICE
    contents = {name for name, text in fields.items() if text.startswith("Optional. Message is a")}
    assert contents <= USABLE | set(UNUSABLE) | SERVICE
    assert (SERVICE | set(UNUSABLE) | USABLE) <= fields.keys()
    assert set(ALLOWED_UPDATES) <= {field["name"] for field in spec.types["Update"]["fields"]}


@pytest.mark.parametrize(
    ("method", "arguments", "problem"),
    [
        ("sendMessages", {}, "no such method"),
        ("sendMessage", {"chat_id": 1}, "text is missing"),
        ("sendMessage", {"chat_id": 1, "text": ""}, "0 characters, not 1 to 4096"),
        ("sendMessage", {"chat_id": 1, "text": "🙏" * 2049}, "4098 characters, not 1 to 4096"),
        ("sendMessage", {"chat_id": 1, "text": "a", "parsemode": "HTML"}, "unknown field parsemode"),
        ("sendMessage", {"chat_id": 1, "text": 5}, "5 is not a String"),
        ("sendMessage", {"chat_id": 1.5, "text": "a"}, "1.5 is not a"),
        ("sendMessage", {"chat_id": 1, "text": "a", "disable_notification": "perhaps"}, "is not a Boolean"),
        ("sendMessage", {"chat_id": 1, "text": "a", "reply_markup": {"inline_keyboard": [{}]}}, "is not an array"),
        ("sendPhoto", {"chat_id": 1, "photo": "f", "caption": "a" * 1025}, "1025 characters, not 0 to 1024"),
        ("setWebhook", {"url": "https://a", "secret_token": "a b"}, "characters other than"),
        ("setWebhook", {"url": "https://a", "max_connections": 101}, "not between 1 and 100"),
        ("getUpdates", {"allowed_updates": "[1]"}, "1 is not a String"),
    ],
)
def test_a_wrong_call_is_told(spec: Spec, method: str, arguments: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(spec.check_call(method, arguments))


@pytest.mark.parametrize(
    ("button", "problem"),
    [
        ({"text": "a", "callback_data": "x" * 65}, "65 bytes, not 1 to 64"),
        ({"text": "a"}, "exactly one kind must be used"),
        ({"text": "a", "callback_data": "x", "url": "https://a"}, "exactly one kind must be used"),
        ({"text": "a", "callback_data": "x", "style": "pink"}, "'pink' is none of"),
    ],
)
def test_a_wrong_button_is_told(spec: Spec, button: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(spec.check_object("InlineKeyboardButton", button))


def test_a_wrong_update_is_told(spec: Spec) -> None:
    chat = {"id": 5, "type": "private"}
    right = {"message_id": 1, "date": 1, "chat": chat, "text": "a"}
    assert spec.check_object("Update", {"update_id": 1, "message": right}) == []
    two = spec.check_object("Update", {"update_id": 1, "message": right, "edited_message": right})
    assert two == ["Update: at most one may be present, not ['edited_message', 'message']"]
    wrong = {**right, "chat": {**chat, "type": "secret"}, "text": True, "hologram": 1}
    told = "\n".join(spec.check_object("Update", {"update_id": True, "message": wrong}))
    for problem in ("update_id: True is not", "unknown field hologram", "'secret' is none of", "text: True is not"):
        assert problem in told
    user = {"id": 5, "is_bot": False, "first_name": "A"}
    assert spec.check_object("ChatMember", {"status": "kicked", "user": user}) == ["ChatMember: until_date is missing"]
