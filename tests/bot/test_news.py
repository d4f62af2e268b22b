"""What people answer to news: a tap or "baca" on its announcement, the words of a button instead of a tap, a thumb."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import FACTS, STORY, Chat, chat_after, filed_chat

from bot.channels.whatsapp import templates
from bot.conversation import Conversation
from bot.filed import MOST_OFFERED
from bot.script import ACTS
from bot.texts import LANGUAGES, speak
from bot.turns import Act, CallHuman, Own, Reply, ReportDanger, ShowStatus

READ, READ_OF = "chat:read", "T-001-000-0000:read"
TAPS = [READ, READ_OF, "chat:news:read"]
WORDS = ["baca", "Baca.", "read", "ok", "oke pak", "ya", "iya", "Ya, terima kasih", "siap", "makasih", "🙏", "👍"]
NEWS = [*TAPS, *WORDS]
JALAN = Own("T-111-222-3334", "Jalan rusak", "ditindaklanjuti")
LAMPU = Own("T-555-666-7778", "Lampu mati", "selesai_otomatis")
SAMPAH = Own("T-999-888-7771", "Sampah menumpuk", "terdisposisi")
AIR = Own("T-444-333-2221", "Air mati", "menunggu_kelengkapan")
BANJIR = Own("T-777-333-2221", "", "ditindaklanjuti", "pengikut")


def answers(chat: Chat, news: str) -> str:
    """Answer an announcement, by its button or in words."""
    return chat.choose(news) if news in TAPS else chat.say(news)


def released(chat: Chat, count: int = 1) -> Chat:
    """So much is said before the reply to the next message, which comes after a long silence."""
    chat.wait(timedelta(days=2))
    chat.facts = replace(chat.facts, released=count)
    return chat


# --- what waited ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("news", NEWS)
def test_what_waited_is_answer_enough(news: str) -> None:
    chat = released(filed_chat())
    assert answers(chat, news) == ""
    assert (chat.conversation.draft, chat.asking) == (None, None)


@pytest.mark.parametrize("news", NEWS)
@pytest.mark.parametrize("asked", ["place", "photos"])
def test_an_open_question_that_it_does_not_answer_stays_open(news: str, asked: str) -> None:
    told = "Jalan rusak parah, banyak motor jatuh, sejak bulan lalu" if asked == "place" else STORY
    chat = released(chat_after(told))
    assert chat.asking == asked
    before = chat.draft
    assert answers(chat, news) == ""
    assert (chat.asking, chat.draft) == (asked, before)


@pytest.mark.parametrize("yes", ["ya", "ok", "iya pak", "Ya, terima kasih"])
def test_a_yes_to_the_announcement_files_nothing(yes: str) -> None:
    chat = released(chat_after(STORY, "tidak ada", "biasa saja"))
    assert chat.asking == "confirm"
    assert chat.say(yes), "it is asked again, as it could have been the answer"
    assert (chat.filed, chat.asking, chat.keys) == ([], "confirm", ["summary", "ask.confirm"])
    chat.facts = replace(chat.facts, released=0)
    chat.say("ya")
    assert len(chat.filed) == 1


def test_a_tap_on_the_announcement_never_answers_a_question() -> None:
    chat = released(chat_after(STORY, "tidak ada", "biasa saja"))
    assert chat.choose(READ) == ""
    assert (chat.asking, chat.filed) == ("confirm", [])


@pytest.mark.parametrize("news", [*TAPS, "baca", "read"])
def test_where_nothing_waited_there_is_one_short_line(news: str) -> None:
    chat = filed_chat()
    answers(chat, news)
    assert (chat.keys, chat.conversation.draft) == (["news_none"], None)
    chat = chat_after("Jalan rusak parah, banyak motor jatuh, sejak bulan lalu")
    answers(chat, news)
    assert chat.keys == ["news_none", "ask.place"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("status", ShowStatus),
        ("bantu petugas", CallHuman),
        ("rumah saya kebakaran sekarang, tolong", ReportDanger),
    ],
)
def test_other_words_are_heard_as_ever(words: str, what: type) -> None:
    chat = released(filed_chat())
    assert chat.say(words)
    assert any(isinstance(wish, what) for wish in chat.wishes)


def test_a_story_after_the_announcement_begins_a_report() -> None:
    chat = released(filed_chat())
    chat.say("Lampu jalan di Pasar Sekayu mati sejak kemarin")
    assert chat.draft.story == "Lampu jalan di Pasar Sekayu mati sejak kemarin"
    assert chat.keys[0] == "noted.begun"


@pytest.mark.parametrize("words", ["tidak", "ya tapi jalannya masih rusak", "halo", "?"])
def test_what_says_more_than_yes_is_answered(words: str) -> None:
    assert released(filed_chat()).say(words)


STAGES = (
    ("Jalan rusak parah, banyak motor jatuh",),
    ("Jalan rusak parah, banyak motor jatuh", "Jalan Merdeka Sekayu"),
    (STORY,),
    (STORY, "tidak ada"),
    (STORY, "tidak ada", "biasa saja"),
    (STORY, "tidak ada", "biasa saja", "ubah"),
    ("Lampu jalan mati. Selain itu sampah menumpuk di pasar, dan air PDAM mati",),
    ("apakah ada yang kebakaran? rumah tetangga saya kebakaran sekarang",),
)


@given(st.sampled_from(STAGES), st.lists(st.sampled_from(NEWS), min_size=1, max_size=3), st.integers(1, 3))
def test_news_never_make_an_answer(told: tuple[str, ...], news: list[str], count: int) -> None:
    chat = released(chat_after(*told), count)
    before = (chat.asking, chat.draft.answers, chat.draft.story)
    for each in news:
        answers(chat, each)
    assert (chat.asking, chat.draft.answers, chat.draft.story) == before
    assert chat.filed == []


# --- the words of a button ------------------------------------------------------------------------------------


def after_news(*own: Own, **facts: Any) -> Chat:
    """Somebody who has these complaints."""
    return Chat(replace(FACTS, own=own, **facts), Conversation(greeted=True))


def verb_of(chat: Chat) -> str | None:
    """What was done or is being asked about a complaint, as a tap on the button would have it."""
    done = [wish.verb for wish in chat.wishes if isinstance(wish, Act)]
    return done[0] if done else {"reason": "dispute", "rating": "rate"}.get(chat.asking or "", chat.asking)


LABELS = [(act, speak(f"choice.ticket.{act}", None, language)) for act, language in product(ACTS, LANGUAGES)]


@pytest.mark.parametrize(("act", "label"), LABELS)
def test_a_label_that_is_written_does_what_its_button_does(act: str, label: str) -> None:
    own = BANJIR if act == "unfollow" else JALAN
    tapped = after_news(own)
    tapped.choose(f"{own.ticket}:{act}")
    for words in (label, label.lower(), f" {label}. ", label.upper()):
        written = after_news(own)
        said = written.say(words)
        assert (written.keys, written.wishes, written.conversation.about) == (
            tapped.keys, tapped.wishes, tapped.conversation.about,
        ), words  # fmt: skip
        assert said
        assert written.conversation.draft is None


@pytest.mark.parametrize(("act", "label"), LABELS)
def test_with_several_complaints_it_is_asked_which(act: str, label: str) -> None:
    chat = after_news(JALAN, LAMPU, BANJIR, replace(BANJIR, ticket="T-777-333-2222"))
    chat.say(label)
    assert (chat.keys, chat.wishes) == (["after.which_ticket"], [])
    theirs = ["T-777-333-2221", "T-777-333-2222"] if act == "unfollow" else [JALAN.ticket, LAMPU.ticket]
    assert list(chat.buttons.values()) == [f"{ticket}:{act}" for ticket in theirs]
    assert not any(button.endswith(": ") for button in chat.buttons)
    chat.choose(f"{theirs[1]}:{act}")
    assert chat.conversation.about == theirs[1] or [wish.ticket for wish in chat.wishes] == [theirs[1]]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("bukan instansinya", "deny"),
        ("bukan dinasnya pak", "deny"),
        ("salah instansi", "deny"),
        ("Salah inst…", "deny"),
        ("Berhenti meng…", "unfollow"),
        ("Stop follo...", "unfollow"),
        ("belum", "dispute"),
        ("Belum pak", "dispute"),
        ("not yet", "dispute"),
        ("sudah selesai pak", "confirm"),
        ("belum selesai min", "dispute"),
    ],
)
def test_other_words_for_it_and_labels_that_were_cut(words: str, verb: str) -> None:
    chat = after_news(BANJIR if verb == "unfollow" else JALAN)
    chat.say(words)
    assert verb_of(chat) == verb


@pytest.mark.parametrize("words", ["belum", "belum ada lampu di gang kami sejak tahun lalu", "sudah", "tidak..."])
def test_what_may_mean_something_else_does_nothing_to_a_complaint(words: str) -> None:
    chat = after_news(SAMPAH)
    chat.say(words)
    assert not any(isinstance(wish, Act) for wish in chat.wishes)
    assert chat.conversation.about is None


def test_an_office_that_asks_gets_its_answer() -> None:
    chat = after_news(AIR, JALAN)
    chat.say("belum")
    assert chat.notes == [(AIR.ticket, "belum")]
    chat = after_news(AIR, JALAN)
    chat.say("Balas")
    assert (chat.asking, chat.conversation.about, chat.notes) == ("reply", AIR.ticket, [])
    chat.say("Nomor 12")
    assert chat.notes == [(AIR.ticket, "Nomor 12")]


@pytest.mark.parametrize(("act", "label"), [each for each in LABELS if each[0] != "unfollow"])
def test_a_quote_says_which(act: str, label: str) -> None:
    tapped = after_news(JALAN, LAMPU)
    tapped.choose(f"{LAMPU.ticket}:{act}")
    quoting = after_news(JALAN, LAMPU)
    quoting.quote(LAMPU.ticket, label)
    assert (quoting.keys, quoting.wishes) == (tapped.keys, tapped.wishes)
    tapped, quoting = chat_after(STORY), chat_after(STORY)
    tapped.choose(f"{LAMPU.ticket}:{act}")
    quoting.quote(LAMPU.ticket, label)
    assert (quoting.keys, quoting.wishes) == (tapped.keys, tapped.wishes), "a draft is no hindrance"


def test_words_that_quote_news_and_say_more_are_kept_with_the_complaint() -> None:
    chat = after_news(JALAN, LAMPU)
    chat.quote(LAMPU.ticket, "belum selesai pak, tiangnya masih miring")
    assert chat.wishes == [Reply(LAMPU.ticket, "belum selesai pak, tiangnya masih miring")]
    chat = after_news(JALAN, LAMPU)
    chat.quote(LAMPU.ticket, "sudah selesai pak")
    assert chat.wishes == [Act("confirm", LAMPU.ticket)]


def test_what_has_ended_can_be_rated_though_another_is_open() -> None:
    chat = filed_chat(own=(JALAN,))
    chat.say("Beri nilai")
    assert (chat.asking, chat.conversation.about) == ("rating", "T-001-000-0000")
    chat = filed_chat(own=(Own("T-001-000-0000", "Jalan rusak", "ditindaklanjuti"),))
    chat.say("Beri nilai")
    assert (chat.asking, chat.conversation.about) == ("rating", "T-001-000-0000")


@pytest.mark.parametrize("label", [label for _, label in LABELS])
def test_without_a_complaint_there_is_nothing_to_press(label: str) -> None:
    chat = Chat(FACTS)
    chat.say(label)
    assert chat.wishes == []
    assert "after.which_ticket" not in chat.keys
    assert chat.conversation.about is None


def test_so_many_are_offered() -> None:
    many = tuple(replace(JALAN, ticket=f"T-111-222-{number:04d}") for number in range(12))
    chat = after_news(*many)
    chat.say("Sudah selesai")
    assert len(chat.buttons) == MOST_OFFERED


# --- a thumb ----------------------------------------------------------------------------------------------------


def test_a_thumb_wants_no_answer() -> None:
    for chat in (Chat(FACTS), filed_chat(), after_news(JALAN)):
        before = chat.conversation
        assert chat.unusable("reaction") == ""
        unseen = replace(chat.conversation, seen_at=before.seen_at, pace=before.pace, nudged=False)
        assert unseen == before


def test_a_thumb_is_no_yes_and_the_question_is_said_once_more() -> None:
    chat = chat_after(STORY, "tidak ada", "biasa saja")
    asked = chat.keys
    assert chat.unusable("reaction")
    assert (chat.keys, chat.asking, chat.filed) == (asked, "confirm", [])
    assert [chat.unusable("reaction") for _ in range(3)] == ["", "", ""]
    chat.say("bantuan")
    assert chat.unusable("reaction"), "the question was said again since"
    chat.say("ya")
    assert len(chat.filed) == 1


def test_a_thumb_is_no_refused_answer_either() -> None:
    chat = chat_after("Jalan rusak parah, banyak motor jatuh, sejak bulan lalu")
    chat.unusable("reaction")
    assert (chat.keys, chat.conversation.tries) == (["ask.place"], 0)


def test_a_thumb_on_a_question_about_a_complaint() -> None:
    chat = after_news(JALAN)
    chat.say("Belum selesai")
    assert chat.unusable("reaction")
    assert (chat.keys, chat.conversation.about) == (["ask.reason"], JALAN.ticket)
    assert chat.unusable("reaction") == ""


def test_many_thumbs_are_paced_like_words() -> None:
    chat = chat_after(STORY)
    for _ in range(60):
        chat.unusable("reaction")
    assert chat.conversation.pace[0] == 61


def test_the_button_of_the_announcement_is_ours() -> None:
    """What the templates' button sends is what the conversation understands."""
    chosen = [
        templates.load().choose([("push.message", {"ticket": ticket, "note": "Halo"})], "id", lambda *_: True)
        for ticket in ("T-001-000-0000", None)
    ]
    assert [each and each.template.payload for each in chosen] == [READ_OF, READ]
