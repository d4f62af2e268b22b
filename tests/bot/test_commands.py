"""Words that work at any time: status, help, a human, moving to another app, what is kept, erasing."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import NOW, STORY, Chat, chat_after, filed_chat

from bot import commands
from bot.conversation import Answer, Draft, Told
from bot.script import COMMANDS
from bot.texts import catalogue
from bot.turns import Adopt, CallHuman, Carried, CarryIn, CarryOut, Erase, LinkIn, LinkOut, ShowData, ShowStatus, Unlink

UNTIL = (NOW + timedelta(minutes=30)).isoformat()
CODE = "ACFK-2345-KMRT"


def person(chat: Chat) -> Chat:
    """With something to tell about the person."""
    texts = (catalogue("id")[key] for key in ("rights.held", "rights.erased"))
    chat.person = {name: "1" for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
    return chat


# --- which words are commands ----------------------------------------------------------------


@given(st.sampled_from(sorted(COMMANDS)), st.sampled_from(["{}", "{}.", " {} ", "{}!"]), st.booleans())
def test_a_command_may_be_written_in_any_way(words: str, around: str, loud: bool) -> None:
    written = around.format(words.upper() if loud else words)
    assert commands.read(written) == (COMMANDS[words], None)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("/status@lapor_uji_bot", ("status", None)),
        ("status T-482-173-9056", ("status", "t-482-173-9056")),
        ("status 482 173 9056", ("status", "482 173 9056")),
        ("T-482-173-9056", ("status", "T-482-173-9056")),
        ("cek status laporan saya", ("status", None)),
        ("gimana perkembangan laporan sy pak", ("status", None)),
        ("/start abc", ("start", None)),
        (f"pindah {CODE}", ("carry", CODE.casefold())),
        (f"/pindah {CODE}", ("carry", CODE.casefold())),
        ("pindah acfk 2345 kmrt", ("carry", "acfk 2345 kmrt")),
        ("pindah acfkmrtuwxya", ("carry", "acfkmrtuwxya")),
        ("pindah K7QM-2WXR", ("carry", "k7qm-2wxr")),
        ("pindah rumah saya", (None, None)),
        ("pindah alamat ktp", (None, None)),
        ("pindah ke rumah nomor 5", (None, None)),
        ("pindah T-482-173-9056", ("move", "t-482-173-9056")),
        ("hubungkan", ("link", None)),
        ("/hubungkan", ("link", None)),
        ("Hubungkan ke Telegram!", ("link", None)),
        ("sambungkan", ("link", None)),
        ("sambungkan chat ini dengan wa", ("link", None)),
        ("link", ("link", None)),
        ("link my chats", ("link", None)),
        ("hubungkan dua percakapan saya", ("link", None)),
        (f"hubungkan {CODE}", ("link_asked", CODE.casefold())),
        (f"/hubungkan {CODE}", ("link_asked", CODE.casefold())),
        (f"sambungkan {CODE}", ("link_asked", CODE.casefold())),
        ("hubungkan acfk 2345 kmrt", ("link_asked", "acfk 2345 kmrt")),
        (f"Hubungkan {CODE} SETUJU.", ("link_in", CODE.casefold())),
        (f"link {CODE} agree", ("link_in", CODE.casefold())),
        ("putuskan", ("unlink", None)),
        ("putuskan chat ini", ("unlink", None)),
        ("unlink this chat", ("unlink", None)),
        ("hubungkan listrik ke rumah saya", (None, None)),
        ("hubungkan pipa ke rumah saya", (None, None)),
        ("sambungkan kabel telepon", (None, None)),
        ("putuskan aliran listrik itu", (None, None)),
        ("putus", (None, None)),
        ("hapus data saya dong", ("erase", None)),
        ("status jalan di depan rumah saya rusak", (None, None)),
        ("batalkan saja proyek jalan itu", (None, None)),
        ("ganti lampu jalan yang mati", (None, None)),
    ],
)
def test_which_words_are_a_command(words: str, found: tuple[str | None, str | None]) -> None:
    assert commands.read(words) == found


@given(st.text(max_size=200))
def test_any_words_are_read(words: str) -> None:
    command, _ = commands.read(words)
    assert command is None or command in {
        *COMMANDS.values(),
        "carry",
        "data",
        "link",
        "link_asked",
        "link_in",
        "unlink",
    }


# --- help, a human, language ---------------------------------------------------------------------


def test_a_call_for_a_human_is_passed_on_with_the_time_when_somebody_reads() -> None:
    chat = chat_after("lampu mati", reads_next=lambda _region: NOW + timedelta(hours=20))
    chat.say("bantu petugas")
    assert chat.wishes == [CallHuman()]
    assert chat.keys == ["human_called", "reads_next", "ask.place"]


def test_the_language_stays() -> None:
    chat = chat_after("english")
    assert "Where exactly?" in chat.say("lampu mati")
    chat.say("bahasa indonesia")
    assert chat.conversation.language == "id"


# --- cancelling and beginning anew -----------------------------------------------------------------


def test_cancelling_takes_up_the_report_that_waits() -> None:
    chat = parked()
    chat.say("batal")
    assert chat.keys[:2] == ["cancelled", "parked_next"]
    assert chat.draft.number == 1
    assert chat.turn is not None
    assert chat.turn.asks == chat.asking


def test_beginning_anew_asks_one_thing() -> None:
    alone, with_another = chat_after(STORY), parked()
    alone.say("ulang")
    assert alone.keys == ["again", "ask.story"]
    with_another.say("ulang")
    assert [key for key in with_another.keys if key.startswith("ask.")] == [f"ask.{with_another.asking}"]
    assert with_another.draft.number == 1


def parked() -> Chat:
    """A chat with a second report after one that waits."""
    chat = chat_after(STORY)
    chat.wait(timedelta(days=2))
    chat.say("Sampah di Pasar Plaju menumpuk dan bau sekali sejak minggu lalu")
    chat.say("masalah baru")
    assert [draft.number for draft in chat.conversation.parked] == [1]
    return chat


# --- moving -------------------------------------------------------------------------------------------


def test_a_draft_is_carried_before_the_complaints() -> None:
    chat = filed_chat()
    chat.code = (CODE, UNTIL)
    assert CODE in chat.say("pindah")
    assert chat.wishes[-1] == CarryOut(None, None)
    assert chat.keys == ["move.code_tickets"]
    chat.say("Sampah menumpuk di Pasar Plaju")
    chat.say("pindah")
    assert chat.wishes[-1] == CarryOut(2, None)
    assert chat.keys == ["move.code_draft"]
    chat.say("pindah T-001-000-0000")
    assert chat.wishes[-1] == CarryOut(None, "T-001-000-0000")


def test_nothing_to_carry_is_said_and_the_question_waits_on() -> None:
    chat = chat_after("lampu mati")
    chat.say("pindah")
    assert chat.keys == ["move.nothing", "ask.place"]


def test_a_draft_comes_in_under_a_new_number_with_its_files() -> None:
    chat = filed_chat()
    answers = {"story": Answer(True), "class": Answer("pengaduan"), "time": Answer({"words": "kemarin"}, 4)}
    told = (Told("lampu mati", 1), Told("gelap sekali", 3))
    chat.carried = Carried(draft=Draft(7, told, answers, photos=2))
    chat.say(f"pindah {CODE}")
    assert CarryIn(CODE.casefold()) in chat.wishes
    assert [wish.number for wish in chat.wishes if isinstance(wish, Adopt)] == [2]
    assert chat.keys == ["move.draft", "ask.place"]
    assert (chat.draft.number, chat.draft.story, chat.draft.photos) == (2, "lampu mati\ngelap sekali", 2)
    assert all(part.sequence < 0 for part in chat.draft.told), "no message of this chat may edit them"
    # What the citizen answered stays; what was only read out of the story may be read better.
    assert chat.draft.answers["time"].sequence < 0
    assert chat.draft.answers["class"].sequence == 0


def test_what_was_heard_elsewhere_replaces_no_message_of_this_chat() -> None:
    chat = chat_after("halo")
    chat.carried = Carried(draft=Draft(1, voices=1, context={"heard": ["lampu mati di Plaju", 5]}))
    chat.say(f"pindah {CODE}")
    assert chat.asking == "heard"
    chat.say("tiangnya juga miring")
    chat.say("betul")
    assert set(chat.draft.story.split("\n")) == {"lampu mati di Plaju", "tiangnya juga miring"}


def test_the_report_that_is_being_written_is_finished_first() -> None:
    chat = chat_after("lampu mati")
    chat.say(f"pindah {CODE}")
    assert chat.keys == ["move.finish_first", "ask.place"]
    assert not any(isinstance(wish, CarryIn) for wish in chat.wishes)


@pytest.mark.parametrize("problem", ["unknown", "too_many", "gone", "own"])
def test_a_code_that_brings_nothing_says_why(problem: str) -> None:
    chat = chat_after("halo")
    chat.carried = Carried(problem=problem)
    chat.say(f"pindah {CODE}")
    assert chat.keys == [f"move.{problem}"]
    assert chat.conversation.draft is None


def test_complaints_that_come_in_are_named() -> None:
    chat = chat_after("halo")
    chat.carried = Carried(tickets=("T-111-222-3333", "T-444-555-6666"))
    reply = chat.say(f"pindah {CODE}")
    assert "T-111-222-3333\nT-444-555-6666" in reply


# --- rights ----------------------------------------------------------------------------------------------


def test_what_is_kept_is_told_and_the_question_waits_on() -> None:
    chat = person(chat_after("lampu mati"))
    chat.say("data saya")
    assert ShowData() in chat.wishes
    assert chat.keys == ["rights.held", "ask.place"]


@pytest.mark.parametrize("yes", ["ya", "Ya, hapus"])
def test_erasing_takes_a_yes(yes: str) -> None:
    chat = person(filed_chat())
    chat.say("Sampah menumpuk di Pasar Plaju")
    chat.say("hapus")
    assert chat.keys == ["rights.erase_explained", "ask.erase"]
    assert Erase() not in chat.wishes
    chat.say(yes)
    assert Erase() in chat.wishes
    assert chat.keys == ["rights.erased"]
    assert chat.conversation.draft is None
    assert chat.conversation.last is None
    # The numbers of drafts must not begin anew: the files of the old ones are known by them.
    assert chat.conversation.drafts == 2
    chat.say("Lampu jalan mati")
    assert chat.draft.number == 3


@pytest.mark.parametrize("no", ["tidak", "Tidak jadi", "batal", "jangan dong pak saya masih perlu semuanya"])
def test_without_a_yes_nothing_is_erased(no: str) -> None:
    chat = chat_after("lampu mati")
    chat.say("hapus")
    chat.say(no)
    assert Erase() not in chat.wishes
    assert "lampu mati" in chat.draft.story
    assert chat.asking == "place"


def test_the_language_outlives_erasing() -> None:
    chat = person(chat_after("english", "hapus"))
    chat.say("yes")
    assert chat.conversation.language == "en"


# --- status and question together ------------------------------------------------------------------------


def test_a_question_that_the_script_has_lost_does_not_leave_the_citizen_alone() -> None:
    chat = chat_after("lampu mati")
    chat.conversation = replace(chat.conversation, asking="shoe_size")
    chat.say("status")
    assert ShowStatus(None) in chat.wishes
    assert sorted(chat.keys) == ["ask.place", "resumed", "status.none"]


@pytest.mark.parametrize(
    "words",
    [
        "SP4N 9171234",
        "sp4n-lapor! no. 9171234",
        "status 9171234",
        "cek nomor 9171234?",
        "/status SP4N 9171234",
        "bagaimana laporan SP4N 9171234?",
        "Gimana laporan saya nomor 9171234 ya?",
        "laporan 9171234 sudah sampai mana?",
        "how is my report 9171234?",
    ],
)
def test_a_number_that_is_said_to_be_one_of_sp4n_is_looked_up_at_any_time(words: str) -> None:
    for chat in (chat_after(), chat_after("lampu mati"), filed_chat()):
        draft = chat.conversation.draft
        chat.say(words)
        assert chat.wishes[-1] == ShowStatus("9171234")
        assert chat.conversation.draft == draft


@pytest.mark.parametrize("words", ["9171234", "No. 9171234", "#9171234"])
def test_seven_digits_alone_are_looked_up_only_where_nothing_is_told(words: str) -> None:
    chat = filed_chat()
    chat.say(words)
    assert chat.wishes[-1] == ShowStatus("9171234")
    chat = chat_after("lampu mati")
    chat.say(words)
    assert ShowStatus("9171234") not in chat.wishes


@pytest.mark.parametrize(
    "words",
    [
        "0812345678",
        "No 081234567",
        "917123",
        "sp4n rusak",
        "status 123456",
        "cek 91712345678",
        "bagaimana tiang 9171234 rusak",
        "sp4n 9171234 tidak bisa dihubungi",
    ],
)
def test_other_numbers_are_none_of_sp4n(words: str) -> None:
    chat = chat_after()
    chat.say(words)
    assert not any(isinstance(wish, ShowStatus) for wish in chat.wishes)


# --- two chats of one citizen ------------------------------------------------------------------------------


def test_the_code_that_links_says_what_it_opens_and_the_question_waits_on() -> None:
    chat = chat_after("lampu mati")
    draft, asking = chat.draft, chat.asking
    chat.code = (CODE, UNTIL)
    said = chat.say("hubungkan")
    assert f"hubungkan {CODE}" in said
    assert "semua laporan dari percakapan ini" in said
    assert "Jangan pernah berikan" in said
    assert chat.wishes[-1] == LinkOut()
    assert chat.keys == ["link.code", "ask.place"]
    assert (chat.draft, chat.asking) == (draft, asking)


def test_nothing_is_linked_before_the_citizen_has_agreed() -> None:
    chat = chat_after("halo")
    said = chat.say(f"hubungkan {CODE}")
    assert chat.wishes == []
    assert "orang lain" in said
    assert f"hubungkan {CODE} setuju" in said
    chat.link_outcome = "done"
    said = chat.tap("Ya, hubungkan")
    assert chat.wishes == [LinkIn(CODE)]
    assert '"putuskan"' in said


@pytest.mark.parametrize("words", ["ya", "setuju", "oke"])
def test_a_mere_yes_links_nothing(words: str) -> None:
    for begun in (chat_after("halo"), chat_after(STORY)):
        begun.say(f"hubungkan {CODE}")
        begun.say(words)
        assert not any(isinstance(wish, LinkIn) for wish in begun.wishes)


def test_with_a_report_in_the_making_consent_is_in_words_and_the_report_stays_as_it_is() -> None:
    chat = chat_after(STORY)
    draft, asking = chat.draft, chat.asking
    chat.say(f"hubungkan {CODE}")
    assert chat.keys == ["link.confirm", f"ask.{asking}"]
    chat.link_outcome = "done"
    chat.say(f"hubungkan {CODE} setuju")
    assert chat.wishes[-1] == LinkIn(CODE.casefold())
    assert chat.keys == ["link.done", f"ask.{asking}"]
    assert (chat.draft, chat.asking) == (draft, asking)


@pytest.mark.parametrize("language", ["bahasa indonesia", "english"])
@pytest.mark.parametrize("outcome", ["unknown", "too_many", "own", "carry_code", "linked"])
def test_why_a_code_links_nothing(outcome: str, language: str) -> None:
    chat = chat_after(language)
    chat.link_outcome = outcome
    said = chat.say(f"hubungkan {CODE} setuju")
    assert chat.keys == [f"link.{outcome}"]
    assert (f"pindah {CODE}" in said) == (outcome == "carry_code")


def test_a_code_that_links_is_not_redeemed_by_the_other_word() -> None:
    chat = chat_after("halo")
    chat.carried = Carried(problem="link_code")
    assert '"hubungkan"' in chat.say(f"pindah {CODE}")


@pytest.mark.parametrize(("linked", "key"), [(True, "link.left"), (False, "link.alone")])
def test_leaving(linked: bool, key: str) -> None:
    chat = chat_after("halo")
    chat.linked = linked
    chat.say("putuskan")
    assert chat.wishes == [Unlink()]
    assert chat.keys == [key]


@pytest.mark.parametrize(("linked", "more"), [(1, ["link.each_its_own"]), (0, [])])
def test_what_is_told_and_erased_is_of_this_chat_alone(linked: int, more: list[str]) -> None:
    chat = person(chat_after("halo"))
    chat.person |= {"linked": linked}
    chat.say("data saya")
    assert chat.keys == ["rights.held", *more]
    chat.say("hapus")
    chat.tap("Ya, hapus")
    assert chat.keys == ["rights.erased", *more]


def test_help_tells_of_it() -> None:
    assert "hubungkan" in chat_after("halo").say("bantuan")
