"""After filing: what a citizen says and does about complaints that are filed, by button and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from talking import FACTS, NOW, STORY, Chat, chat_after, filed_chat

from bot.messages import Place
from bot.script import ACTS
from bot.texts import speak
from bot.turns import Act, Elsewhere, Join, KeepMedia, Own, Reply, TicketState

TICKET = "T-001-000-0000"
OTHER = "T-002-000-0000"
OWN = Own(TICKET, "jalan rusak", "ditindaklanjuti")
TWO = (OWN, Own(OTHER, "lampu mati", "terdisposisi"))
LATER = NOW + timedelta(hours=20)


def acts(chat: Chat) -> list[Act | Reply]:
    """What was done with filed complaints."""
    return [wish for wish in chat.wishes if isinstance(wish, Act | Reply)]


def tapped(act: str, *, verdict: str = "done", **facts: Any) -> Chat:
    """A chat in which the button for an act below some news was tapped."""
    chat = filed_chat(**facts)
    chat.verdict = verdict
    chat.choose(f"{TICKET}:{act}")
    return chat


# --- buttons -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "asked", "words", "done"),
    [
        ("unresolved", "reason", "airnya masih mati", Act("dispute", TICKET, "airnya masih mati")),
        ("reply", "reply", "rumah nomor lima", Reply(TICKET, "rumah nomor lima")),
        ("withdraw", "withdraw", "ya", Act("withdraw", TICKET)),
        ("rate", "rating", "4", Act("rate", TICKET, stars=4)),
    ],
)
def test_what_an_act_needs_is_asked_first(act: str, asked: str, words: str, done: Act | Reply) -> None:
    chat = tapped(act)
    assert (chat.asking, chat.conversation.about) == (asked, TICKET)
    assert acts(chat) == []
    chat.say(words)
    assert acts(chat) == [done]


@pytest.mark.parametrize(
    ("act", "done", "asked"),
    [
        ("resolved", Act("confirm", TICKET), "rating"),
        ("wrong_agency", Act("deny", TICKET), "agency"),
        ("unfollow", Act("unfollow", TICKET), None),
        ("rate:5", Act("rate", TICKET, stars=5), "comment"),
    ],
)
def test_other_acts_are_done_at_once(act: str, done: Act, asked: str | None) -> None:
    chat = tapped(act)
    assert acts(chat) == [done]
    assert f"after.{done.verb}.done" in chat.keys
    assert chat.asking == asked


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("verdict", ["unknown", "not_allowed", "ended"])
def test_what_could_not_be_done_is_said_and_nothing_is_asked_after_it(act: str, verdict: str) -> None:
    chat = tapped(act, verdict=verdict)
    if chat.asking:
        chat.say({"reason": "masih rusak", "reply": "baik", "withdraw": "ya", "rating": "3"}[chat.asking])
    assert chat.keys[0] == f"after.{verdict}"
    assert chat.asking is None
    assert chat.conversation.about is None


@pytest.mark.parametrize("act", ACTS)
def test_an_act_leaves_the_report_that_is_being_written(act: str) -> None:
    chat = filed_chat()
    chat.say("Sampah menumpuk di Pasar Plaju")
    before, waiting = chat.draft, chat.asking
    chat.choose(f"{TICKET}:{act}")
    if chat.conversation.about is not None:
        chat.say("tidak tahu" if chat.asking != "reply" else "baik")
    if chat.conversation.about is not None:
        chat.say("tidak")
    assert chat.draft.story == before.story
    assert (chat.asking, chat.conversation.about) == (waiting, None)
    assert chat.turn is not None
    assert chat.turn.asks == waiting


def test_a_question_about_a_complaint_is_dropped_by_itself_not_the_draft() -> None:
    chat = filed_chat()
    chat.say("Sampah menumpuk di Pasar Plaju")
    chat.choose(f"{TICKET}:withdraw")
    chat.say("Tidak jadi")
    assert chat.keys[0] == "after.left"
    assert chat.draft.story == "Sampah menumpuk di Pasar Plaju"
    assert acts(chat) == []


@pytest.mark.parametrize("choice", [f"{TICKET}:gone", f"{TICKET}:withdraw:maybe", "chat:withdraw", "chat:reason:skip"])
def test_broken_buttons_do_nothing(choice: str) -> None:
    chat = filed_chat()
    chat.choose(choice)
    assert chat.keys == ["old_button"]
    assert acts(chat) == []


# --- the questions ----------------------------------------------------------------------------


@pytest.mark.parametrize("no", ["tidak", "Tidak jadi", "gak jadi", "batal"])
def test_a_complaint_is_withdrawn_only_with_a_yes(no: str) -> None:
    chat = tapped("withdraw")
    chat.say("mungkin")
    assert "refused.choice.words" in chat.keys
    chat.say(no)
    assert acts(chat) == []
    assert chat.keys == ["after.left"]


def test_stars_and_then_a_comment() -> None:
    chat = tapped("resolved")
    chat.say("bintang 4")
    assert chat.asking == "comment"
    chat.say("Petugasnya ramah")
    rated = [Act("confirm", TICKET), Act("rate", TICKET, stars=4)]
    assert acts(chat) == [*rated, Act("comment", TICKET, "Petugasnya ramah")]
    assert chat.keys == ["after.comment.done"]
    assert chat.asking is None


@pytest.mark.parametrize("words", ["lewati", "tidak ada", speak("choice.pass"), "makasih", "terima kasih banyak pak"])
def test_a_comment_need_not_be_made(words: str) -> None:
    chat = tapped("rate:2")
    chat.say(words)
    assert chat.keys == ["after.left"]
    assert [each.verb for each in acts(chat) if isinstance(each, Act)] == ["rate"]


@pytest.mark.parametrize("words", ["terima kasih", "lewati", speak("choice.pass")])
def test_silence_and_thanks_are_no_stars(words: str) -> None:
    chat = tapped("resolved")
    chat.say(words)
    assert acts(chat) == [Act("confirm", TICKET)]
    assert chat.asking is None


def test_no_number_of_stars_is_made_up() -> None:
    chat = tapped("rate")
    chat.say("bagus sekali")
    assert chat.keys[0] == "refused.rating.words"
    chat.choose(f"{TICKET}:rating:6")
    assert acts(chat) == []


def test_a_dispute_without_words_is_one() -> None:
    chat = tapped("unresolved", reads_next=lambda _region: LATER)
    chat.say("lewati")
    assert acts(chat) == [Act("dispute", TICKET, None)]
    assert chat.keys == ["after.dispute.done", "reads_next"]


def test_the_right_agency_may_be_named() -> None:
    chat = tapped("wrong_agency")
    chat.say("Dinas Perhubungan")
    assert acts(chat) == [Act("deny", TICKET), Reply(TICKET, "Dinas Perhubungan")]


@pytest.mark.parametrize("act", ["rate:3", "wrong_agency"])
def test_a_long_story_is_no_answer_to_a_small_question(act: str) -> None:
    chat = tapped(act)
    story = "Sampah di Pasar Plaju menumpuk sejak minggu lalu. " * 8
    chat.say(story)
    assert chat.draft.story == story
    assert chat.conversation.about is None


def test_a_complaint_told_instead_of_stars() -> None:
    chat = tapped("rate")
    chat.say("Sampah di Pasar Plaju menumpuk sejak minggu lalu")
    assert chat.draft.story == "Sampah di Pasar Plaju menumpuk sejak minggu lalu"


def test_a_command_comes_before_the_question_and_the_question_waits_on() -> None:
    chat = tapped("unresolved")
    chat.say("bantu petugas")
    assert chat.keys == ["human_called", "ask.reason"]
    assert (chat.asking, chat.conversation.about) == ("reason", TICKET)


def test_words_written_before_the_question_was_heard_are_no_answer_to_it() -> None:
    chat = tapped("unresolved")
    chat.say("rumahnya yang pagar biru", unheard=True)
    assert acts(chat) == [Reply(TICKET, "rumahnya yang pagar biru")]
    assert chat.asking == "reason"


# --- files while such a question waits -----------------------------------------------------------


@pytest.mark.parametrize("draft", [False, True])
def test_a_photo_with_the_reason_belongs_to_the_complaint(draft: bool) -> None:
    chat = filed_chat()
    if draft:
        chat.say("Sampah menumpuk di Pasar Plaju")
    chat.choose(f"{TICKET}:unresolved")
    chat.photo("airnya masih mati, ini fotonya")
    assert [(each.draft, each.ticket) for each in chat.media] == [(None, TICKET)]
    assert acts(chat) == [Act("dispute", TICKET, "airnya masih mati, ini fotonya")]
    assert chat.conversation.about is None


def test_a_photo_without_words_leaves_the_question() -> None:
    chat = tapped("unresolved")
    chat.photo()
    assert chat.media[0].ticket == TICKET
    assert chat.keys == ["added_file", "ask.reason"]


def test_a_location_is_a_reply_to_the_office_that_asked() -> None:
    chat = tapped("reply")
    chat.take(chat.message(place=Place(-2.89, 103.83, "Pasar Sekayu")))
    assert acts(chat) == [Reply(TICKET, "Pasar Sekayu (-2.89000, 103.83000)")]
    assert chat.conversation.draft is None


# --- in words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "done", "asked"),
    [
        ("sudah selesai", Act("confirm", TICKET), "rating"),
        ("nilai 4", Act("rate", TICKET, stars=4), "comment"),
        ("bintang 2, lambat sekali", Act("rate", TICKET, "lambat sekali", 2), None),
        ("salah instansi", Act("deny", TICKET), "agency"),
        ("tambahan: rumah nomor lima", Reply(TICKET, "rumah nomor lima"), None),
        ("laporan saya ditandai selesai padahal belum", "words", None),
    ],
)
def test_an_act_in_words(words: str, done: Any, asked: str | None) -> None:
    chat = filed_chat(own=(OWN,))
    chat.say(words)
    [found] = acts(chat)
    assert found == (Act("dispute", TICKET, words) if done == "words" else done)
    assert chat.asking == asked


def test_the_wrong_agency_with_the_right_one_is_not_asked_for_again() -> None:
    chat = filed_chat(own=(OWN,))
    chat.say("salah dinas, harusnya ke Dishub")
    [deny] = acts(chat)
    assert isinstance(deny, Act)
    assert (deny.verb, "Dishub" in (deny.text or "")) == ("deny", True)
    assert chat.asking is None


def test_not_solved_asks_what_and_withdrawing_asks_whether() -> None:
    chat = filed_chat(own=(OWN,))
    chat.say("belum selesai")
    assert (chat.asking, acts(chat)) == ("reason", [])
    chat.say("batal")
    chat.say("tarik laporan")
    assert (chat.asking, acts(chat)) == ("withdraw", [])


def test_of_several_complaints_it_is_asked_which() -> None:
    chat = filed_chat(own=TWO)
    chat.say("sudah selesai")
    assert chat.keys == ["after.which_ticket"]
    chat.choose(f"{OTHER}:resolved")
    assert acts(chat) == [Act("confirm", OTHER)]


def test_the_number_tells_which() -> None:
    chat = filed_chat(own=TWO)
    chat.say("T-002-000-0000 sudah selesai")
    assert acts(chat) == [Act("confirm", OTHER)]


def test_at_most_ten_complaints_are_offered() -> None:
    many = tuple(Own(f"T-{n:03d}-000-0000", f"laporan {n}", "ditindaklanjuti") for n in range(30))
    chat = filed_chat(own=many)
    chat.say("sudah selesai")
    assert chat.turn is not None
    assert len(chat.turn.buttons) <= 10
    chat.say("Lampu jalan di Plaju mati sejak kemarin")
    assert chat.asking == "belongs"
    assert len(chat.turn.buttons) <= 10


def test_words_for_one_of_several_complaints_are_not_lost_while_it_is_asked_which() -> None:
    chat = filed_chat(own=TWO)
    chat.say("tambahan: rumahnya nomor lima belas")
    assert chat.asking == "belongs"
    chat.choose(f"{chat.draft.number}:belongs:{OTHER}")
    [join] = [wish for wish in chat.wishes if isinstance(wish, Join)]
    assert (join.ticket, "nomor lima belas" in join.draft.story) == (OTHER, True)


def test_words_that_may_be_a_new_complaint_are_asked_about() -> None:
    """ "Masih rusak" with more than that may be about the old road or about another one."""
    chat = filed_chat(own=(replace(OWN, status="terdisposisi"),))
    chat.say("masih rusak parah begitu saja")
    assert acts(chat) == []
    assert chat.asking == "belongs"


def test_who_only_follows_a_complaint_does_not_act_on_it() -> None:
    chat = filed_chat(own=(replace(OWN, ticket=OTHER, role="pengikut"),))
    chat.say("sudah selesai")
    assert acts(chat) == [Act("confirm", TICKET)]


def test_without_any_complaint_such_words_begin_one() -> None:
    chat = chat_after("belum selesai dikerjakan perbaikan jalannya")
    assert "belum selesai" in chat.draft.story


def test_stars_reach_the_complaint_that_has_ended() -> None:
    chat = filed_chat()
    chat.say("bintang 5")
    assert acts(chat) == [Act("rate", TICKET, stars=5)]


# --- by quoting -------------------------------------------------------------------------------------


def test_quoted_words_belong_to_the_complaint_that_was_quoted() -> None:
    chat = filed_chat(own=TWO)
    chat.quote(OTHER, "ini rumahnya nomor lima")
    assert acts(chat) == [Reply(OTHER, "ini rumahnya nomor lima")]
    assert chat.conversation.draft is None


@pytest.mark.parametrize("words", ["terima kasih", "makasih pak", "🙏"])
def test_quoted_thanks_are_no_reply(words: str) -> None:
    """An answered complaint would go back to its office."""
    chat = filed_chat(own=(OWN,))
    chat.quote(TICKET, words)
    assert acts(chat) == []


def test_a_quoted_photo_belongs_to_the_complaint_that_was_quoted() -> None:
    chat = filed_chat(own=TWO)
    chat.facts = replace(chat.facts, quoted=OTHER)
    chat.photo("dari dekat")
    assert [(wish.draft, wish.ticket) for wish in chat.wishes if isinstance(wish, KeepMedia)] == [(None, OTHER)]
    assert acts(chat) == [Reply(OTHER, "dari dekat")]


def test_the_office_that_waits_for_words_gets_them() -> None:
    chat = filed_chat(own=(replace(OWN, status="menunggu_kelengkapan"),))
    chat.say("Rumahnya di seberang masjid")
    assert acts(chat) == [Reply(TICKET, "Rumahnya di seberang masjid")]


# --- status -------------------------------------------------------------------------------------------


def state(**more: Any) -> TicketState:
    """A complaint as `status` shows it."""
    return TicketState(TICKET, "jalan rusak", "ditindaklanjuti", "Dinas PU", NOW, **more)


def test_the_state_of_one_complaint_comes_with_all_that_can_be_done() -> None:
    chat = filed_chat()
    chat.states = [state(answer="Sudah kami aspal.", closes=date(2026, 12, 4), acts=("resolved", "unresolved"))]
    reply = chat.say("status")
    assert chat.keys == ["status.line", "status.answer", "status.closes"]
    assert "Jumat, 4 Desember 2026" in reply
    assert list(chat.buttons.values()) == [f"{TICKET}:resolved", f"{TICKET}:unresolved"]


def test_a_number_in_another_system_is_shown_with_its_status_there_only_where_that_is_news() -> None:
    chat = filed_chat()
    known = Elsewhere({"key": "system.sp4n"}, "9171234")
    chat.states = [state(elsewhere=(known, Elsewhere("Open311 kota", "42", "Dalam Penelaahan", NOW)))]
    reply = chat.say("status")
    assert chat.keys == ["status.line", "status.reference", "status.reference_status"]
    assert "Nomor di SP4N-LAPOR!: 9171234" in reply
    assert "Nomor di Open311 kota: 42\nStatus di sana: Dalam Penelaahan (" in reply
    chat.states = [state(elsewhere=(known,)), state()]
    chat.say("status")
    assert chat.keys == ["status.line", "status.line"]


def test_the_states_of_several_come_without_buttons() -> None:
    chat = filed_chat()
    chat.states = [state(acts=("resolved",)), state(role="pengikut")]
    chat.say("status")
    assert chat.keys == ["status.line", "status.line_followed"]
    assert chat.buttons == {}


def test_a_follower_is_not_told_that_they_closed_it_themselves() -> None:
    chat = filed_chat()
    chat.states = [replace(state(role="pengikut"), status="ditutup_pelapor")]
    reply = chat.say("status")
    assert "Ditutup oleh pelapor." in reply
    assert "Anda." not in reply


def test_the_buttons_of_a_question_that_waits_come_first() -> None:
    chat = filed_chat()
    chat.say("Sampah menumpuk di Pasar Plaju")
    chat.say("tidak tahu")
    waiting = chat.buttons
    chat.states = [state(acts=("resolved",))]
    chat.say("status")
    assert chat.buttons == waiting != {}


@pytest.mark.parametrize(("words", "key"), [("status", "status.none"), ("status T-404-000-0000", "status.unknown")])
def test_no_complaint_has_no_state(words: str, key: str) -> None:
    chat = Chat(FACTS)
    chat.say(words)
    assert chat.keys == [key]


def test_words_after_filing_begin_a_new_report() -> None:
    chat = filed_chat()
    chat.say(STORY.replace("Sekayu", "Lais"))
    assert chat.draft.number == 2
