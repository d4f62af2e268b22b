"""What becomes of a message on WhatsApp: nothing that is said is lost, and every choice can be made."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from outgoing import ADDRESSES, TEMPLATES, files, messages, texts

from bot.channels.splitting import fits, length, shorten, split
from bot.channels.whatsapp.writing import PARAMETERS_LIMIT, bodies, chosen
from bot.messages import Address, Button, File, Outgoing, Template, Undeliverable
from bot.texts import LANGUAGES, speak

BUDI = Address("whatsapp", "6281234567890")
HEAD = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "6281234567890"}


def words_of(body: dict[str, Any]) -> str:
    """What a body says above its choices."""
    text: str = (
        body["text"]["body"]
        if body["type"] == "text"
        else body.get("interactive", {"body": {"text": ""}})["body"]["text"]
    )
    return text


def offers_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    """What can be tapped: (all that is to be read of it, id)."""
    action = body.get("interactive", {}).get("action", {})
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    taps = [button["reply"] for button in action.get("buttons", [])]
    return [(read_of(each), each["id"]) for each in [*taps, *rows]]


def read_of(offer: dict[str, Any]) -> str:
    """All that is to be read of a button or row: its title, and what stands below goes on or says it whole."""
    title, below = offer["title"], offer.get("description")
    if below is None or (title.endswith("…") and below.startswith(title[:-1])):
        return str(below or title)
    return f"{title} {below}"


def dense(text: str) -> str:
    return "".join(text.split())


def labels(count: int, long: int = 10) -> tuple[Button, ...]:
    return tuple(Button(f"{at:02} ".ljust(long, "x"), f"choice:{at}") for at in range(count))


def test_a_short_text_is_one_message() -> None:
    assert bodies(Outgoing(BUDI, " Tercatat. \n")) == [
        {**HEAD, "type": "text", "text": {"body": "Tercatat.", "preview_url": False}}
    ]


def test_who_hides_the_number_is_named_by_the_user_id() -> None:
    for user in ("ID.13491208655302741918", "ID.ENT.11815799212886844830"):
        [body] = bodies(Outgoing(Address("whatsapp", user), "Halo"))
        assert (body["recipient"], body["recipient_type"], "to" in body) == (user, "individual", False)


@pytest.mark.parametrize("user", ["", "+6281234567890", "budi", "ID", "ID.", "٠١٢٣٤٥", "6281\n", "../media"])
def test_what_is_no_address_is_undeliverable(user: str) -> None:
    with pytest.raises(Undeliverable) as caught:
        bodies(Outgoing(Address("whatsapp", user), "Halo"))
    assert caught.value.gone


def test_there_must_be_something_to_say() -> None:
    for message in (Outgoing(BUDI, " \n "), Outgoing(BUDI, "", files=(File("photo", b"x", "image/png", "a.png"),))):
        with pytest.raises(Undeliverable) as caught:
            bodies(message)
        assert not caught.value.gone


@pytest.mark.parametrize("choice", ["", "x" * 65, "é" * 33])
def test_a_choice_has_1_to_64_bytes(choice: str) -> None:
    with pytest.raises(Undeliverable):
        bodies(Outgoing(BUDI, "?", (Button("a", choice),)))


# --- texts and choices -------------------------------------------------------------------------


@given(messages())
def test_nothing_is_lost_and_every_choice_can_be_made(message: Outgoing) -> None:
    assume(message.text.strip() or message.buttons or message.asks == "place")
    uploaded = [(file, f"media-{at}") for at, file in enumerate(message.files)]
    made = bodies(message, uploaded)
    said = [each for each in made if each["type"] in ("text", "interactive")]
    assert made[: len(uploaded)] + said == made, "files go first"

    assert all(1 <= length(words_of(each).strip()) <= (4096 if each["type"] == "text" else 1024) for each in said)
    assert dense("".join(map(words_of, said))).startswith(dense(message.text))

    taps = [offer for each in said for offer in offers_of(each)]
    labels = [" ".join(each.label.split()) for each in message.buttons]
    if taps:
        assert taps == [(label, each.choice) for label, each in zip(labels, message.buttons, strict=True)]
        assert len(set(labels)) == len(labels)
        assert chosen("1", message.buttons) is None
    else:
        numbered = [f"{number}. {label}" for number, label in enumerate(labels, 1)]
        assert dense("".join(numbered)) in dense("".join(map(words_of, said)))
        for number, each in enumerate(message.buttons, 1):
            assert chosen(str(number), message.buttons) == each.choice

    wants_place = [each for each in said if each.get("interactive", {}).get("type") == "location_request_message"]
    assert wants_place == ([said[-1]] if message.asks == "place" else [])


@pytest.mark.parametrize(
    ("offers", "kind"),
    [
        (labels(1), "button"),
        (labels(3, 20), "button"),
        (labels(3, 21), "list"),
        (labels(4), "list"),
        (labels(10, 72), "list"),
        (labels(11), None),
        (labels(2, 73), None),
        ((Button("Ya", "yes"), Button("Ya", "no")), None),
        ((Button("Ya", "yes"), Button("Ya ", "no")), None),
        ((Button("Ya", "yes"), Button("Tidak", "yes")), None),
        ((Button("🙏" * 10, "a"),), "button"),
        ((Button("🙏" * 11, "a"),), "list"),
        ((Button("Ya", " yes"),), None),
        ((Button(" ", "yes"),), None),
    ],
)
def test_the_choices_say_how_they_can_be_offered(offers: tuple[Button, ...], kind: str | None) -> None:
    [body] = bodies(Outgoing(BUDI, "Yang mana?", offers))
    assert body.get("interactive", {}).get("type") == kind
    assert (chosen("1", offers) is None) == (kind is not None)


def test_a_label_that_is_too_long_for_a_title_stands_whole_below_it() -> None:
    offers = (Button("Dinas Pekerjaan Umum dan Tata Ruang", "pu"), Button("Lainnya", "other"))
    [body] = bodies(Outgoing(BUDI, "Ke mana?", offers, language="en"))
    assert body["interactive"] == {
        "type": "list",
        "body": {"text": "Ke mana?"},
        "action": {
            "button": "Choose",
            "sections": [
                {
                    "rows": [
                        {
                            "id": "pu",
                            "title": "Dinas Pekerjaan Umum…",
                            "description": "Dinas Pekerjaan Umum dan Tata Ruang",
                        },
                        {"id": "other", "title": "Lainnya"},
                    ]
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("label", "title", "below"),
    [
        ("T-001-000-0000: Lampu jalan di Lorong Roda mati", "T-001-000-0000:", "Lampu jalan di Lorong Roda mati"),
        ("Ilir Timur III, Kota Palembang", "Ilir Timur III,", "Kota Palembang"),
        ("Desa Sako, Kecamatan Rambutan, Banyuasin", "Desa Sako,", "Kecamatan Rambutan, Banyuasin"),
        ("Selasa, 10 November 2026", "Selasa, 10 November 2026", None),
        ("Kecamatan Ogan Komering Ulu, Sumsel", "Kecamatan Ogan Komering…", "Kecamatan Ogan Komering Ulu, Sumsel"),
    ],
)
def test_a_long_label_is_broken_where_a_reader_would_pause(label: str, title: str, below: str | None) -> None:
    offers = (Button(label, "a"), Button("Tidak tahu / lewati banget", "b"))
    [body] = bodies(Outgoing(BUDI, "Yang mana?", offers))
    row = body["interactive"]["action"]["sections"][0]["rows"][0]
    assert (row["title"], row.get("description")) == (title, below)


def test_buttons_stand_below_the_last_paragraph_of_a_long_text() -> None:
    story = "jalan rusak " * 100
    first, second = bodies(Outgoing(BUDI, f"{story}\n\nSudah benar?", (Button("Ya", "yes"),)))
    assert words_of(first) == story.strip()
    assert (words_of(second), offers_of(second)) == ("Sudah benar?", [("Ya", "yes")])
    for text in (story, f"Ringkasan:\n\n{story}"):
        first, second = bodies(Outgoing(BUDI, text, (Button("Ya", "yes"),), language="en"))
        assert (words_of(first), words_of(second)) == (text.strip(), "Please choose.")


def test_choices_that_cannot_be_tapped_are_numbered() -> None:
    [body] = bodies(Outgoing(BUDI, "Yang mana?", labels(11)))
    lines = words_of(body).split("\n")
    assert lines[:4] == ["Yang mana?", "", "1. 00 xxxxxxx", "2. 01 xxxxxxx"]
    assert lines[-3:] == ["11. 10 xxxxxxx", "", "Balas dengan nomornya, misalnya 1."]


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ("2", "choice:1"),
        (" 2. ", "choice:1"),
        ("2)", "choice:1"),
        ("no 2", "choice:1"),
        ("No.2", "choice:1"),
        ("nomor 11", "choice:10"),
        ("yang nomor 3 🙏", "choice:2"),
        ("pilih 2", "choice:1"),
        ("02", "choice:1"),
        ("0", None),
        ("12", None),
        ("2 lubang", None),
        ("no", None),
        ("nol 2", None),
        ("1, 2", None),
        ("2026", None),
        ("", None),
    ],
)
def test_a_number_that_was_typed_is_a_choice(typed: str, choice: str | None) -> None:
    assert chosen(typed, labels(11)) == choice
    assert chosen(typed, labels(3)) is None, "those can be tapped"
    assert chosen(typed, ()) is None


def test_a_place_can_be_answered_with_a_pin() -> None:
    [body] = bodies(Outgoing(BUDI, "Di mana?", asks="place"))
    request = {"type": "location_request_message", "action": {"name": "send_location"}}
    assert body == {**HEAD, "type": "interactive", "interactive": {**request, "body": {"text": "Di mana?"}}}

    question, pin = bodies(Outgoing(BUDI, "Di mana?", (Button("Lewati", "skip"),), asks="place"))
    assert (words_of(question), offers_of(question)) == ("Di mana?", [("Lewati", "skip")])
    assert pin["interactive"] == {**request, "body": {"text": speak("whatsapp.place")}}

    story, pin = bodies(Outgoing(BUDI, "jalan rusak " * 100, asks="place"))
    assert (story["type"], words_of(pin)) == ("text", speak("whatsapp.place"))

    assert [each["type"] for each in bodies(Outgoing(BUDI, "Ada foto?", asks="photos"))] == ["text"]


def test_our_own_words_fit_where_they_stand() -> None:
    for language in LANGUAGES:
        assert fits(speak("whatsapp.list", None, language), 20)
        assert all(fits(speak(f"whatsapp.{key}", None, language), 1024) for key in ("choose", "place"))


# --- files and templates -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "size", "kind"),
    [
        ("image/jpeg", 5_000_000, "image"),
        ("image/png", 1, "image"),
        ("image/jpeg", 5_000_001, "document"),
        ("image/webp", 1, "document"),
        ("audio/ogg; codecs=opus", 1, "audio"),
        ("audio/mpeg", 1, "audio"),
        ("audio/wav", 1, "document"),
        ("video/mp4", 1, "video"),
        ("video/webm", 1, "document"),
        ("application/pdf", 1, "document"),
    ],
)
def test_a_file_goes_as_what_whatsapp_can_show(content_type: str, size: int, kind: str) -> None:
    file = File("document", bytes(size), content_type, "berkas.bin")
    first, words = bodies(Outgoing(BUDI, "Lihat.", files=(file,)), [(file, "123")])
    named = {"filename": "berkas.bin"} if kind == "document" else {}
    assert first == {**HEAD, "type": kind, kind: {"id": "123", **named}}
    assert words_of(words) == "Lihat."


@given(files(), st.data())
def test_that_a_file_is_missing_is_said(given_files: tuple[File, ...], data: st.DataObject) -> None:
    there = data.draw(st.lists(st.sampled_from(range(len(given_files))), unique=True)) if given_files else []
    uploaded = [(given_files[at], str(at)) for at in sorted(there)]
    message = Outgoing(BUDI, "Lihat.", (Button("Ya", "yes"),), files=given_files, missing="Ada yang kurang.")
    *before, words = bodies(message, uploaded)
    assert [each[each["type"]]["id"] for each in before] == [media_id for _, media_id in uploaded]
    assert words_of(words) == ("Lihat." if len(there) == len(given_files) else "Lihat.\n\nAda yang kurang.")
    assert offers_of(words) == [("Ya", "yes")]


def test_a_template_is_sent_and_nothing_else() -> None:
    template = Template(
        "lapor_kabar_laporan", "id", ("T-482-173-9056", " Dinas\nPU\t \t      Kota "), "status:T-482-173-9056"
    )
    files = (File("photo", b"x", "image/png", "a.png"),)
    message = Outgoing(BUDI, "Ada kabar", (Button("Ya", "yes"),), files=files, asks="place", template=template)
    assert bodies(message, [(files[0], "123")]) == [
        {
            **HEAD,
            "type": "template",
            "template": {
                "name": "lapor_kabar_laporan",
                "language": {"code": "id"},
                "components": [
                    {
                        "type": "body",
                        "parameters": [
                            {"type": "text", "text": "T-482-173-9056"},
                            {"type": "text", "text": "Dinas PU Kota"},
                        ],
                    },
                    {
                        "type": "button",
                        "sub_type": "quick_reply",
                        "index": "0",
                        "parameters": [{"type": "payload", "payload": "status:T-482-173-9056"}],
                    },
                ],
            },
        }
    ]
    [body] = bodies(Outgoing(BUDI, "", template=Template("lapor_salam", "en")))
    assert body["template"] == {"name": "lapor_salam", "language": {"code": "en"}}


@given(TEMPLATES, ADDRESSES)
def test_what_fills_a_gap_is_never_refused(template: Template, user: str) -> None:
    [body] = bodies(Outgoing(Address("whatsapp", user), "", template=template))
    components = body["template"].get("components", [])
    filled = [part["text"] for each in components if each["type"] == "body" for part in each["parameters"]]
    assert len(filled) == len(template.parameters)
    assert sum(map(length, filled)) <= PARAMETERS_LIMIT
    for given_words, words in zip(template.parameters, filled, strict=True):
        plain = " ".join(given_words.split()) or "–"
        assert words
        assert not re.search(r"\s{2}|[^\S ]", words)
        assert words == plain or (words.endswith("…") and plain.startswith(words[:-1]))
    if sum(length(" ".join(each.split())) for each in template.parameters) < PARAMETERS_LIMIT - 5:
        assert not any(
            words != (" ".join(each.split()) or "–") for each, words in zip(template.parameters, filled, strict=True)
        )


def test_of_what_is_too_long_for_a_template_the_longest_is_cut() -> None:
    [body] = bodies(Outgoing(BUDI, "", template=Template("a", "id", ("T-482-173-9056", "kata " * 400, "Dinas PU"))))
    ticket, answer, agency = (each["text"] for each in body["template"]["components"][0]["parameters"])
    assert (ticket, agency) == ("T-482-173-9056", "Dinas PU")
    assert 560 < length(answer) <= 578
    assert answer.endswith("kata…")


# --- cutting -----------------------------------------------------------------------------------


@given(texts().map(lambda text: text[:2000]), st.integers(2, 40))
def test_nothing_is_lost_where_a_text_is_cut(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part == part.strip() and 1 <= length(part) <= limit for part in parts)
    assert dense("".join(parts)) == dense(text)


@given(texts(), st.integers(2, 60))
def test_what_is_shortened_begins_as_before(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert length(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_word_is_torn_only_where_it_fills_more_than_half() -> None:
    assert shorten("Kecamatan Ilir Timur Satu", 24) == "Kecamatan Ilir Timur…"
    assert shorten("a " + "x" * 40, 24) == "a " + "x" * 21 + "…"
    assert shorten("satu dua", 8) == "satu dua"
