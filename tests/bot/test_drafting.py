"""The draft: how words, taps, files, pins and edits make a complaint of what a citizen tells, and lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from talking import FACTS, NOW, STORY, Chat, chat_after, filed_chat, saying

from bot.messages import MediaKind, Place
from bot.turns import Around, DropFiles, File, Follow, Join, KeepMedia, Own, Reply, Suggestion

TICKET = "T-001-000-0000"
ANSWERED = Own(TICKET, "jalan rusak", "ditindaklanjuti")
TWO = "Jalan di Plaju berlubang parah. Selain itu guru SD 5 Plaju sering tidak masuk mengajar."
LATER = "Sampah di Pasar Plaju menumpuk dan bau sekali sejak minggu lalu"


def wished(chat: Chat, kind: Any) -> list[Any]:
    """The wishes of a kind."""
    return [wish for wish in chat.wishes if isinstance(wish, kind)]


def finish(chat: Chat) -> None:
    """On to the yes, without more words than needed."""
    for _ in range(12):
        if chat.asking == "confirm":
            chat.say("ya")
            return
        said = {"privacy": "biasa saja", "offer": "ya", "belongs": "masalah baru"}
        chat.say(said.get(chat.asking or "", "tidak tahu"))
        if chat.asking in {"secret", "name"}:
            chat.say("ya")
        if chat.asking == "neighbours":
            chat.say("baru")
    raise AssertionError(f"still asked for {chat.asking}")


# --- words that are more than one thing ---------------------------------------------------


def test_a_story_with_a_wish_keeps_both() -> None:
    chat = chat_after("lampu mati, jangan sebut nama saya ya")
    assert "lampu mati" in chat.draft.story
    assert chat.draft.value("privacy") == {"anonymous": True}


@pytest.mark.parametrize("words", ["anonim aja", "tolong rahasiakan nama saya ya pak", "saya mau anonim saja"])
def test_a_wish_alone_is_no_story(words: str) -> None:
    chat = chat_after(words)
    assert chat.draft.story == ""
    assert (chat.keys[-1], chat.draft.value("privacy")["anonymous"]) == ("ask.story", True)
    chat.say(STORY)
    assert chat.draft.story == STORY
    assert chat.draft.value("privacy")["anonymous"] is True


def test_a_wish_beside_an_answer_is_both() -> None:
    chat = chat_after("lampu mati", "Jalan Merdeka, Sekayu, tolong rahasiakan nama saya")
    assert "Jalan Merdeka" in chat.draft.value("place")["text"]
    assert chat.draft.value("privacy") == {"anonymous": True}


def test_a_wish_may_be_taken_back() -> None:
    chat = chat_after(STORY, "anonim aja", "tidak usah anonim")
    assert chat.draft.value("privacy") == {"anonymous": False}


@pytest.mark.parametrize(
    ("words", "name", "part"),
    [
        ("ubah tempat jadi Jalan Sudirman, Palembang", "place", "Jalan Sudirman, Palembang"),
        ("salah, maksudnya Plaju", "place", "Plaju"),
        ("ralat: sejak kemarin", "time", "sejak kemarin"),
        ("ganti waktu jadi kemarin", "time", "kemarin"),
    ],
)
def test_an_answer_is_corrected_at_any_time(words: str, name: str, part: str) -> None:
    chat = chat_after(STORY, words)
    assert chat.keys[0] == "noted.changed"
    value = chat.draft.value(name)
    assert value["text" if name == "place" else "words"] == part
    assert chat.draft.story == STORY


def test_more_of_the_story_replaces_none_of_it() -> None:
    chat = chat_after(STORY, "tambah cerita: airnya juga bau")
    assert chat.draft.story == f"{STORY}\nairnya juga bau"
    chat.say("tambah cerita")
    assert chat.asking == "detail"
    chat.say("sudah tiga orang jatuh")
    assert chat.draft.story == f"{STORY}\nairnya juga bau\nsudah tiga orang jatuh"


def test_photos_that_are_taken_back_do_not_go_with_the_report() -> None:
    chat = Chat()
    chat.photo(STORY)
    chat.say("hapus fotonya")
    assert chat.draft.photos == 0
    assert wished(chat, DropFiles) == [DropFiles(1)]


@pytest.mark.parametrize("words", ["Jalan Merdeka", "Jalan Merdeka dekat pasar", "Ngulak"])
def test_a_place_in_a_region_that_nobody_knows_is_kept(words: str) -> None:
    chat = chat_after("lampu mati", words)
    if chat.asking == "region":
        chat.say("tidak tahu")
    assert words in chat.draft.value("place")["text"]


def test_the_region_is_added_to_the_place_and_an_edit_of_either_loses_nothing() -> None:
    chat = chat_after("lampu mati")
    chat.say("dekat pasar")
    place = chat.sequence - 1
    chat.say("Sekayu, masuk gang sebelah bengkel")
    region = chat.sequence - 1
    assert chat.draft.value("place")["text"] == "dekat pasar, Sekayu, masuk gang sebelah bengkel"
    chat.edit(region, "Sekayu, masuk gang sebelah masjid")
    assert "dekat pasar" in chat.draft.value("place")["text"]
    assert "sebelah masjid" in chat.draft.story
    chat.edit(place, "Jalan Merdeka dekat pasar, Sekayu")
    assert chat.draft.value("place")["text"] == "Jalan Merdeka dekat pasar, Sekayu"


def test_only_a_time_at_the_question_for_the_place_is_the_time() -> None:
    chat = chat_after("lampu mati", "sejak kemarin")
    assert chat.keys == ["noted.time", "ask.place"]
    assert chat.draft.value("time")["words"] == "sejak kemarin"


def test_a_story_with_a_day_in_it_is_no_day() -> None:
    chat = chat_after("Kecelakaan tanggal 11/10 di Pasar Sekayu")
    assert chat.asking == "day"
    chat.say("kemarin malah ada dua motor lagi yang jatuh di situ")
    assert "dua motor lagi" in chat.draft.story
    assert chat.asking == "day"


def test_numbers_of_persons_are_pointed_out() -> None:
    chat = chat_after("Lampu di Pasar Sekayu mati, hubungi saya di 0812 3456 7890")
    assert "noted.personal" in chat.keys


def test_a_forwarded_message_is_read_and_said_to_be_one() -> None:
    chat = Chat()
    chat.take(chat.message(text=STORY, forwarded=True))
    assert "noted.forwarded" in chat.keys
    assert chat.draft.story == STORY


@pytest.mark.parametrize(("kind", "key"), [("abuse", "chatter.abuse"), ("spam", "chatter.spam"), ("test", "greeting")])
def test_chatter_begins_no_report(kind: str, key: str) -> None:
    chat = chat_after("apa saja isinya", suggest=saying(chatter=kind))
    assert key in chat.keys
    assert chat.conversation.draft is None


def test_pln_is_named_where_it_helps() -> None:
    chat = chat_after("Listrik di Sekayu padam sejak kemarin", suggest=saying(functions=(("pln", 0.9),)))
    assert "helpline.pln" in chat.keys


# --- belongs ------------------------------------------------------------------------------


def test_words_after_an_answer_may_belong_to_that_complaint() -> None:
    chat = filed_chat(own=(ANSWERED,))
    chat.say("Lubangnya malah tambah besar dan dalam")
    assert chat.asking == "belongs"
    assert list(chat.buttons.values()) == [f"2:belongs:{TICKET}", "2:belongs:new"]
    chat.choose(f"2:belongs:{TICKET}")
    [join] = wished(chat, Join)
    assert (join.ticket, join.draft.story) == (TICKET, "Lubangnya malah tambah besar dan dalam")
    assert chat.keys == ["after.reply.done"]
    assert chat.conversation.draft is None


def test_or_be_a_new_one() -> None:
    chat = filed_chat(own=(ANSWERED,))
    chat.say(LATER)
    chat.say("masalah baru")
    assert chat.asking not in {"belongs", "story"}
    finish(chat)
    assert [each.draft.story for each in chat.filed] == [STORY, LATER]


def test_more_words_before_that_is_answered_are_told_too() -> None:
    chat = filed_chat(own=(ANSWERED,))
    chat.say(LATER)
    chat.say("lalatnya banyak sekali")
    assert chat.asking == "belongs"
    chat.choose(f"2:belongs:{TICKET}")
    [join] = wished(chat, Join)
    assert join.draft.story == f"{LATER}\nlalatnya banyak sekali"


@pytest.mark.parametrize("verdict", ["unknown", "not_allowed"])
def test_a_complaint_that_is_gone_meanwhile_leaves_a_report_of_its_own(verdict: str) -> None:
    chat = filed_chat(own=(ANSWERED,))
    chat.say(LATER)
    chat.verdict = verdict
    chat.choose(f"2:belongs:{TICKET}")
    assert chat.keys[0] == "after.gone"
    assert chat.draft.story == LATER
    assert chat.asking not in {None, "belongs"}


def test_a_complaint_that_has_ended_keeps_the_words_and_says_so() -> None:
    chat = filed_chat(own=(ANSWERED,))
    chat.say(LATER)
    chat.verdict = "ended"
    chat.choose(f"2:belongs:{TICKET}")
    assert chat.keys == ["after.ended"]
    assert chat.conversation.draft is None


# --- neighbours ---------------------------------------------------------------------------


def beside(around: Around) -> Chat:
    """A chat that is asked about what others have reported."""
    chat = Chat()
    chat.around = around
    chat.say(STORY)
    chat.say("tidak ada")
    assert chat.asking == "neighbours"
    return chat


@pytest.mark.parametrize("yes", ["ya", "ikut saja", "Ikut mendukung"])
def test_support_for_what_others_reported_takes_the_words_along(yes: str) -> None:
    chat = beside(Around((3, 4), 5))
    chat.say(yes)
    [follow] = wished(chat, Follow)
    assert (follow.ids, follow.draft.story) == ((3, 4), STORY)
    assert chat.keys == ["followed"]
    assert chat.filed == []
    assert chat.conversation.draft is None


def test_the_citizens_own_complaint_gets_the_words() -> None:
    chat = beside(Around((3,), 2, "T-009-000-0000"))
    chat.say("ya")
    [join] = wished(chat, Join)
    assert (join.ticket, join.draft.story) == ("T-009-000-0000", STORY)


def test_a_report_of_its_own_is_always_possible() -> None:
    chat = beside(Around((3,), 2))
    chat.say("laporan baru")
    finish(chat)
    assert chat.filed[0].draft.story == STORY


def test_what_others_reported_and_is_closed_now_leaves_a_report_of_its_own() -> None:
    chat = beside(Around((3,), 2))
    chat.verdict = "unknown"
    chat.say("ya")
    assert chat.keys[0] == "after.gone"
    assert chat.asking == "privacy"
    finish(chat)
    assert chat.filed[0].draft.number == 1


def test_support_is_no_button_for_another_place() -> None:
    chat = beside(Around((3,), 2))
    follow = chat.buttons["Ikut mendukung"]
    chat.around = Around()
    chat.say("ubah tempat jadi Jalan Sudirman, Palembang")
    assert chat.asking == "privacy"
    chat.choose(follow)
    assert chat.keys[0] == "old_button"
    assert wished(chat, Follow) == []


# --- two problems -------------------------------------------------------------------------


def two_offices(words: str) -> Suggestion:
    """A classifier that knows roads from schools, whole from part."""
    function = "pu" if "berlubang" in words else "pendidikan"
    return saying(functions=((function, 0.9),))(words)


def split() -> Chat:
    """A chat that is asked about two problems."""
    chat = Chat(replace(FACTS, suggest=two_offices))
    chat.say(TWO)
    assert chat.asking == "split"
    return chat


def test_two_problems_become_two_reports_with_all_their_words() -> None:
    chat = split()
    chat.say("pisahkan")
    assert [draft.number for draft in chat.conversation.parked] == [2]
    finish(chat)
    assert "parked_next" in chat.keys
    finish(chat)
    stories = [each.draft.story for each in chat.filed]
    assert [each.draft.number for each in chat.filed] == [1, 2]
    assert ["berlubang" in story for story in stories] == [True, False]
    assert ["guru SD 5 Plaju" in story for story in stories] == [False, True]


def test_together_is_one_report() -> None:
    chat = split()
    pisah = chat.buttons["Pisahkan"]
    chat.say("jadi satu")
    chat.say("sudah sebulan begini terus", unheard=True)
    chat.choose(pisah)
    assert chat.keys[0] == "old_button"
    finish(chat)
    [filed] = chat.filed
    assert filed.draft.story == f"{TWO}\nsudah sebulan begini terus"


def test_two_taps_split_once() -> None:
    chat = split()
    pisah = chat.buttons["Pisahkan"]
    chat.choose(pisah)
    chat.choose(pisah)
    assert [draft.number for draft in chat.conversation.parked] == [2]


def test_an_edit_to_one_problem_is_not_split() -> None:
    chat = split()
    chat.edit(1, "Jalan di Plaju berlubang parah")
    assert chat.asking != "split"
    assert chat.draft.story == "Jalan di Plaju berlubang parah"


def test_more_words_before_the_answer_make_it_one() -> None:
    chat = split()
    chat.say("tolong segera ditangani ya pak bu")
    assert chat.asking != "split"
    finish(chat)
    assert "guru SD 5" in chat.filed[0].draft.story


def test_a_place_that_counts_for_both_is_asked_once() -> None:
    chat = Chat(replace(FACTS, suggest=two_offices))
    chat.say("Jalan di Plaju berlubang parah. Selain itu guru sekolah dasar sering tidak masuk mengajar.")
    chat.say("pisahkan")
    assert [draft.value("place")["region"] for draft in (chat.draft, *chat.conversation.parked)] == ["16.71.14"] * 2


def test_the_report_that_waits_can_be_edited() -> None:
    chat = chat_after(STORY)
    chat.wait(timedelta(days=2))
    chat.say(LATER)
    chat.say("masalah baru")
    chat.edit(1, STORY.replace("banyak motor", "sepuluh motor"))
    assert "sepuluh motor" in chat.conversation.parked[0].story
    assert chat.draft.story == LATER
    finish(chat)
    finish(chat)
    assert [each.draft.number for each in chat.filed] == [2, 1]
    assert "sepuluh motor" in chat.filed[1].draft.story


# --- after days ---------------------------------------------------------------------------


def slept(*words: str) -> Chat:
    """A chat that comes back after two days with a whole story."""
    chat = chat_after("Jalan di Sekayu rusak parah")
    chat.wait(timedelta(days=2))
    chat.say(LATER)
    for each in words:
        chat.say(each)
    return chat


def test_words_after_days_are_held_until_it_is_clear_where_they_belong() -> None:
    chat = slept()
    assert chat.keys == ["welcome_back", "ask.resume"]
    assert [part.text for part in chat.conversation.held] == [LATER]
    assert chat.draft.story == "Jalan di Sekayu rusak parah"


@pytest.mark.parametrize("words", ["lanjut", "ya", "Lanjutan laporan itu"])
def test_they_may_go_on_with_the_report(words: str) -> None:
    chat = slept(words)
    assert chat.draft.story == f"Jalan di Sekayu rusak parah\n{LATER}"
    assert chat.conversation.held == ()


@pytest.mark.parametrize("words", ["baru", "masalah baru", "tidak"])
def test_they_may_be_another_matter_and_both_are_filed(words: str) -> None:
    chat = slept(words)
    assert (chat.draft.story, chat.draft.number) == (LATER, 2)
    finish(chat)
    assert chat.draft.number == 1
    finish(chat)
    assert [each.draft.story for each in chat.filed] == [LATER, "Jalan di Sekayu rusak parah"]


def photo(chat: Chat) -> None:
    chat.photo()


def pin(chat: Chat) -> None:
    chat.pin(-2.9, 104.7)


def sticker(chat: Chat) -> None:
    chat.unusable("sticker")


def more(chat: Chat) -> None:
    chat.say("lalatnya banyak dan airnya hitam")


def hasty(chat: Chat) -> None:
    chat.say("lalatnya banyak dan airnya hitam", unheard=True)


def correction(chat: Chat) -> None:
    chat.edit(3, LATER.replace("Pasar", "depan Pasar"))


@pytest.mark.parametrize("between", [photo, pin, sticker, more, hasty, correction])
def test_whatever_comes_in_between_the_words_are_held_on(between: Callable[[Chat], None]) -> None:
    chat = slept()
    between(chat)
    assert chat.asking == "resume"
    assert any("Pasar Plaju menumpuk" in part.text for part in chat.conversation.held)
    chat.say("masalah baru")
    assert "Pasar Plaju menumpuk" in chat.draft.story
    assert ("lalatnya" in chat.draft.story) == (between in {more, hasty})


def test_nothing_is_filed_while_words_are_held() -> None:
    chat = chat_after(STORY, "tidak ada", "biasa saja")
    send = chat.buttons["Ya, kirim"]
    chat.wait(timedelta(days=2))
    chat.say(LATER)
    chat.choose(send)
    assert chat.filed == []
    assert chat.keys == ["old_button", "ask.resume"]


def test_a_short_answer_after_days_is_an_answer() -> None:
    chat = chat_after("lampu mati")
    chat.wait(timedelta(days=2))
    chat.say("Jalan Merdeka, Palembang")
    assert chat.draft.value("place")["region"] == "16.71"


# --- buttons ------------------------------------------------------------------------------


def test_an_old_skip_leaves_the_answer() -> None:
    chat = chat_after("lampu mati")
    [skip] = [choice for choice in chat.buttons.values() if choice.endswith(":place:skip")]
    chat.say("Jalan Merdeka, Palembang")
    chat.choose(skip)
    assert chat.draft.value("place")["text"] == "Jalan Merdeka, Palembang"
    assert chat.keys[0] == "old_button"


def test_an_old_voice_button_leaves_the_story() -> None:
    chat = Chat()
    chat.voice()
    [enough] = chat.buttons.values()
    chat.say(STORY)
    chat.choose(enough)
    assert chat.draft.story == STORY


# --- voice --------------------------------------------------------------------------------


def test_a_voice_note_alone_can_be_the_report() -> None:
    chat = Chat()
    chat.voice()
    assert chat.keys[-1] == "ask.story_voice"
    chat.tap("Cukup pesan suara")
    finish(chat)
    [filed] = chat.filed
    assert filed.draft.told
    assert (filed.draft.photos, filed.draft.voices) == (1, 1)


@pytest.mark.parametrize(("answer", "story"), [("betul", STORY), ("bukan begitu", "")])
def test_what_was_heard_counts_once_it_is_said_to_be_right(answer: str, story: str) -> None:
    chat = Chat()
    chat.voice()
    chat.hear(1, STORY)
    assert chat.keys == ["ask.heard"]
    assert chat.draft.story == ""
    right, wrong = chat.buttons.values()
    chat.say(answer)
    assert chat.draft.story == story
    assert (chat.asking == "story") == (not story)
    chat.choose(right if story else wrong)  # a thumb that taps once more
    assert chat.draft.story == story


def test_what_was_written_below_a_voice_note_stays_beside_what_was_heard() -> None:
    chat = Chat()
    chat.voice("lampu di depan rumah")
    chat.hear(1, STORY)
    chat.say("betul")
    assert chat.draft.story == f"lampu di depan rumah\n{STORY}"


def test_two_notes_are_asked_about_one_after_the_other() -> None:
    chat = Chat()
    chat.voice()
    chat.voice()
    chat.hear(1, "lampu mati")
    chat.hear(3, "tiangnya juga miring")
    chat.say("betul")
    assert chat.asking == "heard"
    chat.say("betul")
    assert chat.draft.story == "lampu mati\ntiangnya juga miring"


def test_a_note_of_a_report_that_is_filed_is_added_to_it() -> None:
    chat = Chat()
    chat.voice(STORY)
    finish(chat)
    chat.hear(1, "banyak motor jatuh di sana")
    assert wished(chat, Reply) == [Reply(TICKET, "banyak motor jatuh di sana")]


def test_a_note_of_a_report_that_was_dropped_goes_nowhere() -> None:
    """Least of all to a complaint about something else."""
    chat = filed_chat()
    chat.wait(timedelta(days=3))
    chat.voice()
    sequence = chat.sequence - 1
    chat.say("batal")
    assert chat.hear(sequence, "kepala desa minta uang") == ""
    assert chat.notes == []


def test_a_note_of_another_report_is_no_part_of_this_one() -> None:
    chat = Chat()
    chat.voice(STORY)
    finish(chat)
    chat.say(LATER)
    chat.hear(1, "banyak motor jatuh di sana")
    assert chat.draft.story == LATER
    assert chat.notes == [(TICKET, "banyak motor jatuh di sana")]


# --- files --------------------------------------------------------------------------------


def test_a_late_photo_belongs_to_what_was_filed_and_a_later_one_begins_anew() -> None:
    chat = filed_chat()
    chat.photo()
    assert chat.media[-1] == KeepMedia(chat.media[-1].media, None, TICKET)
    chat.wait(timedelta(days=2))
    chat.photo()
    assert chat.media[-1].draft == 2


def test_an_album_counts_every_photo_and_is_answered_once() -> None:
    chat = Chat()
    replies = [chat.photo(STORY if n == 0 else "", group="album") for n in range(5)]
    assert chat.draft.photos == 5
    assert [bool(reply) for reply in replies] == [True, False, False, False, False]


@pytest.mark.parametrize("caption", ["ya", "halo pak", "🙏", "terima kasih"])
def test_a_bare_caption_is_no_story(caption: str) -> None:
    chat = Chat()
    chat.photo(caption)
    assert chat.draft.told == ()
    assert chat.asking == "story"


def test_the_rest_of_an_album_finds_its_complaint_while_another_is_written() -> None:
    chat = Chat()
    chat.photo(STORY, group="album")
    finish(chat)
    chat.say(LATER)
    chat.photo(group="album")
    assert (chat.media[-1].draft, chat.media[-1].ticket) == (None, TICKET)
    assert chat.draft.photos == 0


# --- pins ---------------------------------------------------------------------------------


def test_a_pin_keeps_the_words_and_its_label() -> None:
    chat = chat_after("lampu mati", "dekat pasar")
    chat.pin(-2.89, 103.83, "Pasar Randik Sekayu")
    place = chat.draft.value("place")
    assert place["text"] == "dekat pasar, Pasar Randik Sekayu"
    assert (place["region"], place["latitude"]) == ("16.06.01", -2.89)


def test_a_pin_for_the_office_that_asked_begins_no_report() -> None:
    chat = filed_chat(own=(replace(ANSWERED, status="menunggu_kelengkapan"),))
    chat.pin(-2.89, 103.83)
    assert wished(chat, Reply) == [Reply(TICKET, "-2.89000, 103.83000")]
    assert chat.conversation.draft is None


# --- edits --------------------------------------------------------------------------------


def test_a_part_that_is_emptied_is_gone_and_an_empty_story_is_asked_for() -> None:
    chat = Chat()
    chat.photo("lampu mati")
    chat.edit(1, "")
    assert chat.draft.told == ()
    assert chat.asking == "story"


def test_an_edit_of_what_nobody_knows_says_so() -> None:
    chat = chat_after("halo")
    chat.edit(1, "halo pak")
    assert chat.keys == ["edit_unknown"]


def test_an_edited_answer_is_read_anew() -> None:
    chat = chat_after("lampu mati di Pasar Sekayu")
    chat.say("kemarin")
    chat.edit(chat.sequence - 1, "sejak bulan lalu")
    assert chat.draft.value("time")["words"] == "sejak bulan lalu"


def test_an_edit_does_not_read_over_an_answer() -> None:
    chat = chat_after("Jalan di Plaju rusak", "sejak kemarin")
    chat.edit(1, "Jalan di Plaju rusak sejak tahun lalu")
    assert chat.draft.value("time")["words"] == "sejak kemarin"


# --- filing -------------------------------------------------------------------------------


def test_a_day_has_an_end_and_a_person_is_called() -> None:
    chat = Chat()
    chat.conversation = replace(chat.conversation, filed_on=(NOW.date().isoformat(), 20), greeted=True)
    chat.say(STORY)
    chat.say("tidak ada")
    chat.say("biasa saja")
    chat.say("ya")
    assert wished(chat, File) == []
    assert chat.keys[0] == "too_many_today"
    assert chat.asking == "confirm"
    chat.wait(timedelta(days=1))
    chat.choose("1:confirm:send")
    assert [each.draft.number for each in chat.filed] == [1]


@pytest.mark.parametrize("words", ["jangan dulu", "belum", "bukan", "iya tapi tempatnya salah", "tunggu sebentar"])
def test_a_hesitation_files_nothing(words: str) -> None:
    chat = chat_after(STORY, "tidak ada", "biasa saja", words)
    assert chat.filed == []
    assert chat.asking in {"which", "place"}


def test_a_pin_answers_while_a_place_is_asked() -> None:
    chat = chat_after("lampu mati")
    chat.take(chat.message(place=Place(-2.99, 104.75, "Palembang")))
    assert chat.draft.value("place")["region"] == "16.71"


# --- what is said of a file before anybody has looked at it ---------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content_type", "said"),
    [
        ("photo", None, None),
        ("photo", "image/webp", None),
        ("document", "image/jpeg", None),
        ("document", "application/octet-stream", None),
        ("document", "image/heic", "refused.file_heic"),
        ("photo", "image/heif", "refused.file_heic"),
        ("document", "application/zip", "refused.file_type"),
        ("document", None, "refused.file_type"),
        ("photo", "image/svg+xml", "refused.file_type"),
        ("voice", "audio/ogg", None),
    ],
)
def test_what_the_description_of_a_file_rules_out_is_said_at_once(
    kind: MediaKind, content_type: str | None, said: str | None
) -> None:
    chat = chat_after(STORY)
    chat.photo(kind=kind, content_type=content_type)
    assert (said in chat.keys) if said else not any(key.startswith("refused") for key in chat.keys)
    assert len(chat.media) == (0 if said else 1)
