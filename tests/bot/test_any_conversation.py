"""Any conversation: whatever people send, in whatever order, nothing that was taken is lost, doubled or made up.

A machine of hypothesis sends messages of every kind to the engine, lets time pass, restarts it, and lets the outside
world answer as it may. Every piece of text that it sends carries a mark of its own, so that after every turn it can
be asked where that piece is: in the draft, in one that waits, in words that are held, in a complaint, in a note.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from talking import FACTS, NOW, Chat, locate, suggest

from bot import asking
from bot.asides import change_in, privacy_in
from bot.conversation import Conversation, Draft, Told, load, save, save_draft
from bot.messages import Address, Incoming, Media, MediaKind, Place
from bot.script import AFTERWARDS, MESSAGES_A_MINUTE, QUESTIONS
from bot.texts import LANGUAGES, catalogue, speak
from bot.turns import Around, Carried, DropFiles, File, Follow, Join, KeepMedia, Number, Own, Suggestion

MARK = re.compile(r"\s*\bxq\d+\b")

STORIES = (
    "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu {}, banyak motor jatuh",
    "Lampu jalan di Plaju mati lah seminggu {} galo-galonyo gelap",
    "Jalanan rusak mi di Panakkukang {} sudah lama sekali",
    "The street lamp near the market in Sekayu is broken {} since last week",
    "sampah menumpuk {} bau sekali",
    "Air PDAM mati {} tolong dicek",
    "Pelayanan {}",
    "Rumah tetangga saya di Plaju kebakaran sekarang {} apinya besar",
    "Ada pungli di kantor camat Plaju {} saya diminta uang 200 ribu kemarin",
    "usul supaya dibuatkan taman bermain {} di dekat pasar",
    "bagaimana cara mengurus KTP yang hilang {} di Palembang",
    "Jalan di Plaju berlubang {}. Selain itu guru SD 5 Plaju {} sering tidak masuk mengajar.",
    "Jalan di Plaju berlubang sejak kemarin {}. Selain itu guru SD 5 Plaju {} sering tidak masuk mengajar.",
    "Tolong rahasiakan nama saya, kepala desa {} minta uang bansos tanggal 11/10",
    "lampu mati {}, jangan sebut nama saya ya",
    "Kejadiannya di Kecamatan Ilir {} tanggal 30 Februari",
    "Jalan di Sukajadi putus {} tadi malam",
)
PLACES = (
    "Jalan Merdeka {}, Palembang",
    "dekat pasar {}",
    "di Plaju {}",
    "Desa Sukamaju {} kecamatan Lais",
    "Sukajadi {}",
)
TIMES = ("sejak kemarin {}", "sudah 3 bulan {}", "tanggal 11/10 {}", "kira-kira habis lebaran {}", "30 Februari {}")
CHANGES = (
    "ubah tempat jadi Jalan Sudirman {}",
    "ganti waktu jadi kemarin {}",
    "salah, maksudnya Kertapati {}",
    "ralat: sejak kemarin {}",
    "tambah cerita: airnya juga bau {}",
)
ACTS = (
    "belum selesai {}",
    "masih rusak {}",
    "tambahan: rumah nomor lima {}",
    "laporan saya ditandai selesai padahal belum {}",
)
# Words without a mark: they say something about the conversation, not about the matter.
PRIVACIES = ("anonim aja", "rahasia aja", "dua-duanya", "biasa saja", "tidak usah anonim", "rahasiakan nama saya")
BARE = (
    *("ya", "iya pak", "ok", "tidak", "gak", "lanjut", "lewati", "tidak tahu", "tidak ada", "halo", "selamat pagi"),
    *("terima kasih", "makasih pak", "?", "...", "🙏", "1", "2", "3", "4", "5", "pisah", "satu saja", "ikut"),
    *("baru", "masalah baru", "Palembang", "tempat", "waktu", "isi", "foto", "jenis", "privasi", "keluhan", "usulan"),
    *("sudah selesai", "salah instansi", "nilai 4", "tarik laporan", "p", "", " "),
)
COMMANDS = (
    *("status", "/status@lapor_uji_bot", "bantuan", "batal", "tidak jadi", "ulang", "ubah", "ganti", "/start", "menu"),
    *(
        "bantu petugas",
        "english",
        "bahasa indonesia",
        "pindah",
        "data saya",
        "hapus",
        "status T-001-000-0000",
        "pindah ACFK-2345",
        "hubungkan",
        "hubungkan ACFK-2345-KMRT",
        "hubungkan ACFK-2345-KMRT setuju",
        "putuskan",
    ),
    *("cek laporan saya", "T-001-000-0000", "ubah tempat", "ubah waktu", "ganti isi", "hapus fotonya", "tambah cerita"),
)
# The buttons that are taken first, if they are there.
FILING = ("send", "privacy:open", "photos:none", "new", "split:split", "heard:right", "offer:report", "skip")
SUPPORTING = ("neighbours:follow", "continue", "privacy:anonymous", "closed", *FILING)
WAYS = (FILING, FILING, ("neighbours:follow", *FILING), SUPPORTING)
FILES: tuple[MediaKind, ...] = ("photo", "photo", "document", "video", "voice")
TICKET = "T-001-000-0000"
TAPS = tuple(
    f"{question.name}:{choice}"
    for question in (*QUESTIONS.values(), *AFTERWARDS.values())
    for choice in (*question.choices, "skip", "16.71")
)
KINDS = ("sticker", "contact", "poll", "unblocked", "whatever", "service", "blocked")
OFFICE_STATES = ("belum_terverifikasi", "menunggu_kelengkapan", "terdisposisi", "ditindaklanjuti", "selesai_otomatis")
# What ends a draft, by what is said of it.
ENDS = frozenset({
    "filed", "cancelled", "offer_declined", "again", "draft_expired", "rights.erased", "followed", "after.reply.done",
    "after.ended",
})  # fmt: skip
DROPS = {"cancelled", "again", "offer_declined"}
# Replies below which no question need stand.
ALONE = frozenset({
    "danger.fire", "too_fast", "move.code_draft", "move.code_tickets", "draft_expires", "link.left", "link.alone",
})  # fmt: skip
KEEP, NOTICE = timedelta(days=7), timedelta(days=1)


@cache
def _locate(words: str) -> Any:
    return locate(words)


def _suggest(words: str) -> Suggestion | None:
    """The model's reading; of two problems that are told alone it is sure, as of most that are told well."""
    found = suggest(words)
    function = {(True, False): "pu", (False, True): "pendidikan"}.get(("berlubang" in words, "guru SD" in words))
    return replace(found, functions=((function, 0.9),)) if found and function else found


def unmarked(words: str) -> str:
    """The words as people would have written them: readers need not know of marks, and remember what they read."""
    return MARK.sub("", words)


WORLD = replace(
    FACTS,
    locate=lambda words: _locate(unmarked(words)),
    suggest=lambda words: _suggest(unmarked(words)),
    office=cache(FACTS.office),
    personal=cache(FACTS.personal),
    emergency=lambda _kind, _region: (Number("112", "siaga"),),
    reads_next=lambda _region: NOW + timedelta(hours=20),
)


class AnyConversation(RuleBasedStateMachine):
    """One citizen, and what is known of all that was told."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat(WORLD)
        texts = (catalogue("id")[key] for key in ("rights.held", "rights.erased"))
        self.chat.person = {name: "1" for text in texts for name in holes(text)}
        self.marks = 0
        # Every mark that must be somewhere, and the sequences under which pieces were sent.
        self.alive: set[str] = set()
        self.sent: dict[int, str] = {}
        self.shown: dict[int, Mapping[str, Any]] = {}
        self.files: dict[int, int] = {}
        self.coached: dict[int, set[str]] = {}
        self.wanted: set[str] = set()
        self.seen_buttons: list[str] = []
        self.filed: list[int] = []
        self.voices: list[int] = []
        self.hurries = False
        self.moved_out: set[int] = set()

    # --- what happens ------------------------------------------------------------------------------

    def mark(self, template: str) -> str:
        """The template with the next marks."""
        count = template.count("{}")
        self.marks += count
        return template.format(*(f"xq{self.marks - at}" for at in range(count)))

    def _say(self, template: str, *, unheard: bool, **more: Any) -> None:
        words = self.mark(template)
        message = self.chat.message(text=words, **more)
        self.sent[message.sequence] = words
        self.step(message, unheard=unheard)

    @rule(template=st.sampled_from(STORIES), unheard=st.booleans(), forwarded=st.booleans())
    def story(self, template: str, unheard: bool, forwarded: bool) -> None:
        self._say(template, unheard=unheard, forwarded=forwarded)

    @rule(template=st.sampled_from((*PLACES, *TIMES)), unheard=st.sampled_from((False, False, False, True)))
    def answer(self, template: str, unheard: bool) -> None:
        self._say(template, unheard=unheard)

    @rule(template=st.sampled_from((*CHANGES, *ACTS)))
    def change(self, template: str) -> None:
        self._say(template, unheard=False)

    @rule(words=st.sampled_from((*BARE, *PRIVACIES)), unheard=st.sampled_from((False, False, False, True)))
    def bare(self, words: str, unheard: bool) -> None:
        self.step(self.chat.message(text=words), unheard=unheard)

    @rule(words=st.sampled_from(COMMANDS))
    def command(self, words: str) -> None:
        self.step(self.chat.message(text=words))

    @rule(template=st.sampled_from(("{} lampu padam", "{} sampah")), again=st.sampled_from((2, 2, 2, 2, 2, 45)))
    def burst(self, template: str, again: int) -> None:
        """A forwarded crowd of messages, or a thumb that does not rest."""
        self.hurries = True
        for _ in range(again):
            self._say(template, unheard=True)
        self.hurries = False

    @rule(words=st.text(max_size=40))
    def anything(self, words: str) -> None:
        self.step(self.chat.message(text=words))

    @rule(nth=st.integers(0, 9))
    def tap(self, nth: int) -> None:
        offered = list(self.chat.turn.buttons) if self.chat.turn else []
        if offered:
            self.choose(offered[nth % len(offered)].choice)

    @rule(steps=st.integers(1, 9), wanted=st.sampled_from(WAYS))
    def go_towards_the_end(self, steps: int, wanted: tuple[str, ...]) -> None:
        """The taps that bring a report on, so that many are filed."""
        for _ in range(steps):
            offered = [each.choice for each in self.chat.turn.buttons] if self.chat.turn else []
            if not offered:
                return
            self.choose(next((each for end in wanted for each in offered if each.endswith(end)), offered[0]))

    @rule(nth=st.integers(0, 999))
    def tap_an_old_button(self, nth: int) -> None:
        if self.seen_buttons:
            self.choose(self.seen_buttons[nth % len(self.seen_buttons)])

    @rule(
        about=st.sampled_from(("this", "this", "this", "", "1", "2", "chat", TICKET, "T-404-000-0000", "x")),
        what=st.sampled_from(
            (*TAPS, "confirm:send", "rate", "rate:9", "resolved", "reply", "unfollow", "x", "x:y:z", ":")
        ),
    )
    def forge(self, about: str, what: str) -> None:
        """A button that may never have been there, or not now."""
        draft = self.chat.conversation.draft
        number = str(draft.number if draft else 1)
        self.choose(f"{number if about == 'this' else about}:{what}")

    @rule()
    def send(self) -> None:
        """The button below a summary, whether there was one or not."""
        if self.chat.conversation.draft is not None:
            self.choose(f"{self.chat.draft.number}:confirm:send")

    def choose(self, choice: str) -> None:
        self.step(Incoming(Address("terminal", "1"), f"tap-{self.chat.sequence}", 0, choice=choice))

    @rule(
        caption=st.sampled_from(("", "", "", *STORIES[:2])),
        group=st.sampled_from((None, "a", "b")),
        kind=st.sampled_from(FILES),
        bad=st.sampled_from((False, False, False, True)),
    )
    def file(self, caption: str, group: str | None, kind: MediaKind, bad: bool) -> None:
        words = self.mark(caption) if caption else ""
        described = {"document": "application/pdf", "voice": "audio/ogg", "video": "video/mp4"}.get(kind, "image/png")
        media = Media(kind, "file", size=(1 << 30) if bad else 1000, content_type=described, group=group)
        message = self.chat.message(text=words, media=media)
        if words:
            self.sent[message.sequence] = words
        if kind == "voice":
            self.voices.append(message.sequence)
        self.step(message)

    @rule(back=st.integers(0, 3), template=st.sampled_from((*STORIES[:3], STORIES[7])))
    def heard(self, back: int, template: str) -> None:
        """A machine has heard a voice note, or what was none."""
        words = self.mark(template)
        sequence = [*self.voices, 1][-1 - back % (len(self.voices) + 1)]
        self.step(Incoming(Address("terminal", "1"), words, sequence, text=words, transcribed=True), heard=words)

    @rule(photo=st.integers(1, 3), back=st.integers(0, 2))
    def photographed(self, photo: int, back: int) -> None:
        """A photo of this draft, of an older one or of none tells where it was taken."""
        number = max(self.chat.conversation.drafts - back, 0)
        self.chat.photo_places[photo] = (-3.0 - photo, 104.0)
        message = Incoming(Address("terminal", "1"), f"photo {photo}", 0, photographed=(photo, number))
        before = self.chat.conversation
        self.step(message)
        assert self.chat.keys == [], "nobody is interrupted for it"
        assert (self.chat.conversation.asking, self.chat.conversation.about) == (before.asking, before.about)

    @rule(label=st.sampled_from((None, None, "Pasar {} Sekayu")))
    def pin(self, label: str | None) -> None:
        words = self.mark(label) if label else None
        message = self.chat.message(place=Place(-2.89, 103.83, words))
        self.step(message)

    @rule(back=st.integers(0, 9), template=st.sampled_from((*STORIES[:6], *PLACES, *TIMES)))
    def edit(self, back: int, template: str) -> None:
        """Any earlier message, or one that never was, is written anew."""
        if not self.sent:
            return
        sequence = sorted(self.sent)[-1 - back % len(self.sent)]
        words = self.mark(template)
        before, self.sent[sequence] = self.sent[sequence], words
        message = Incoming(Address("terminal", "1"), words, sequence, text=words, edits=True)
        self.step(message, replaced=marks_of(before))

    @rule(kind=st.sampled_from(KINDS))
    def unusable(self, kind: str) -> None:
        self.step(self.chat.message(unsupported=kind))

    @rule(template=st.sampled_from((*ACTS, "ya", "terima kasih")), ticket=st.integers(1, 2))
    def quote(self, template: str, ticket: int) -> None:
        words = self.mark(template) if "{}" in template else template
        self.step(self.chat.message(text=words), quoted=f"T-{ticket:03d}-000-0000")

    @rule(hours=st.sampled_from((0.01, 1, 7, 20, 60)))
    def time_passes(self, hours: float) -> None:
        self.chat.wait(timedelta(hours=hours))

    @rule(days=st.sampled_from((0, 1, 6, 8)))
    def silence(self, days: int) -> None:
        """The worker looks for drafts that wait."""
        self.chat.wait(timedelta(days=days))
        before = self.chat.conversation
        reply = self.chat.elapse(KEEP, NOTICE)
        self.check(before, reply, None)
        if before.draft is not None and self.chat.conversation.draft is None:
            assert before.warned_at, "dropped without a notice"
            assert self.chat.facts.now.timestamp() - before.warned_at >= NOTICE.total_seconds()

    @rule(draft=st.booleans())
    def carried_away(self, draft: bool) -> None:
        """Another chat has redeemed the code of this one."""
        now = self.chat.conversation
        if draft and now.draft is not None:
            self.alive -= marks_of(json.dumps(save_draft(now.draft)))
            self.moved_out.add(now.draft.number)
            asks = now.asking if now.about is not None else None
            self.chat.conversation = replace(now, draft=None, asking=asks, held=(), moved=True)
            self.alive -= marks_of(str(now.held))

    @rule(kind=st.sampled_from(("unknown", "too_many", "gone", "own", "draft", "tickets")))
    def next_code(self, kind: str) -> None:
        """What the next code will bring into this chat."""
        if kind == "draft":
            number = 7
            told = (Told(self.mark("Jembatan di Lais putus {}"), 3), Told(self.mark("kemarin sore {}"), 5))
            carried = Carried(draft=Draft(number, told, photos=2).answer("story", True))
            self.chat.carried = carried
        elif kind == "tickets":
            self.chat.carried = Carried(tickets=("T-111-000-0000",))
        else:
            self.chat.carried = Carried(problem=kind)

    @rule(
        verdict=st.sampled_from(("done", "done", "unknown", "not_allowed", "ended")),
        around=st.sampled_from(
            (Around(), Around((1, 2), 3), Around((4,), 1, "T-001-000-0000"), Around((), 0, "T-002-000-0000"))
        ),
        code=st.sampled_from((None, ("ACFK-2345", (NOW + timedelta(minutes=30)).isoformat()))),
        states=st.lists(st.sampled_from(OFFICE_STATES), max_size=12),
    )
    def the_world_changes(self, verdict: str, around: Around, code: Any, states: list[str]) -> None:
        self.chat.verdict, self.chat.around, self.chat.code = verdict, around, code
        own = tuple(Own(f"T-{n + 1:03d}-000-0000", f"laporan {n}", state) for n, state in enumerate(states))
        self.chat.facts = replace(self.chat.facts, own=own)

    @rule()
    def restart(self) -> None:
        """A new version starts with what the old one saved, and with what only a later one understands."""
        saved = {**save(self.chat.conversation), "of_a_later_version": {"x": [1]}}
        if saved["draft"]:
            saved["draft"] = {**saved["draft"], "of_a_later_version": 1}
        assert load(json.loads(json.dumps(saved))) == self.chat.conversation

    # --- what must be true -------------------------------------------------------------------------

    def step(
        self,
        message: Incoming,
        *,
        unheard: bool = False,
        replaced: frozenset[str] = frozenset(),
        heard: str = "",
        quoted: str | None = None,
    ) -> None:
        """One message, and everything that must be true of the turn that follows."""
        before, wished = self.chat.conversation, len(self.chat.wishes)
        if not self.hurries:
            self.chat.wait(timedelta(seconds=5))
        facts = self.chat.facts
        self.chat.facts = replace(facts, quoted=quoted)
        reply = self.chat.take(message, unheard=unheard and before.greeted)
        self.chat.facts = facts
        new = marks_of(message.text or "") | marks_of(message.place.label or "" if message.place else "")
        self.alive = (self.alive - replaced) | new
        wishes = self.chat.wishes[wished:]
        keys = self.chat.keys
        if "move.draft" in keys and self.chat.carried.draft:
            self.alive |= marks_of(self.chat.carried.draft.story)
            self.files[self.chat.draft.number] = self.chat.carried.draft.photos
            self.chat.carried = Carried(problem="unknown")
        self._release(before, message, heard)
        self._check_answers(before, message)
        for wish in wishes:
            if isinstance(wish, KeepMedia) and wish.draft is not None:
                self.files[wish.draft] = self.files.get(wish.draft, 0) + 1
            if isinstance(wish, DropFiles):
                self.files[wish.draft] = 0
            if isinstance(wish, File):
                self._check_filing(before, wish.draft, message)
        assert ("filed" in keys) == any(isinstance(wish, File) for wish in wishes)
        self.check(before, reply, message)

    def _release(self, before: Conversation, message: Incoming, heard: str) -> None:
        """What may be gone: what was replaced or dropped on purpose, or not taken, and said so."""
        now, keys, turn = self.chat.conversation, set(self.chat.keys), self.chat.turn
        if now.pace[0] > MESSAGES_A_MINUTE and turn is not None and not turn.asks:
            # Whoever is too fast is not told; the same happens all the same.
            keys |= {"noted.changed", "noted.time", "edit_unknown", "ask.which", "ask.reason"}
        if "rights.erased" in keys:
            self.alive &= marks_of(self._outside())
        if keys & DROPS and before.draft is not None:
            self.alive -= marks_of(json.dumps(save_draft(before.draft))) | marks_of(str(before.held))
        if before.draft is not None:
            self._release_answers(before, before.draft, keys, message, heard)
        if heard and heard not in str(now):
            self.alive -= marks_of(heard)  # a note of what is dropped, or never was
        if self._is_refused(before, keys, message):
            self.alive -= marks_of(message.text)

    def _release_answers(
        self, before: Conversation, draft: Draft, keys: set[str], message: Incoming, heard: str
    ) -> None:
        """Another answer stands in the place of the old one."""
        changed = "noted.changed" in keys or message.edits
        if before.asking == "story" and "story" in draft.answers:
            self.alive -= marks_of(draft.story)
        for name in ("place", "time"):
            if changed or before.asking == name or f"noted.{name}" in keys:
                self.alive -= marks_of(json.dumps(draft.value(name)))
        if before.asking == "heard" or (message.choice or "").endswith(":heard:wrong") or heard:
            self.alive -= marks_of(json.dumps(draft.context.get("heard")))

    def _is_refused(self, before: Conversation, keys: set[str], message: Incoming) -> bool:
        if "edit_unknown" in keys:
            return True
        if before.asking == "confirm" and "ask.which" in keys:
            return True  # a "no" to the summary, in whatever words, asks what is wrong
        if before.about is not None and any(key.startswith("refused.") for key in keys):
            return True  # no answer to a question about a filed complaint
        # Nothing but the act: what is not solved is asked then.
        return bool({"ask.reason", "after.which_ticket"} & keys) and len(message.text.split()) <= 3

    def _check_filing(self, before: Conversation, draft: Draft, message: Incoming) -> None:
        """A draft is filed once, after a yes to a summary that showed it as it is, with all its files."""
        assert draft.number not in self.filed
        self.filed.append(draft.number)
        assert before.draft is not None
        assert before.draft.number == draft.number
        assert message.choice == f"{draft.number}:confirm:send" or (before.asking == "confirm" and message.text)
        now = dict(asking.summary(draft, "id", self.chat.facts).params)
        shown = dict(self.shown.get(draft.number, {}))
        assert draft.photos == self.files.get(draft.number, 0)
        assert {**shown, "photos": 0} == {**now, "photos": 0}
        assert not before.held

    def _check_answers(self, before: Conversation, message: Incoming) -> None:
        """Of one draft nobody but the citizen changes what the citizen has said."""
        now = self.chat.conversation.draft
        if before.draft is None or now is None or before.draft.number != now.number or message.edits:
            return
        words = (message.choice or message.text).casefold()
        wish = change_in(message.text)
        for name, others in (("privacy", ("secret", "name")), ("class", ())):
            given = before.draft.answers.get(name)
            if given is None or given.sequence == 0 or now.answers.get(name) == given:
                continue
            asked = before.asking in {name, *others} or any(f":{each}:" in words for each in (name, *others))
            assert asked or wish is not None or privacy_in(message.text) is not None, name
        pinned = (before.draft.value("place") or {}).get("latitude")
        if pinned is not None and "latitude" not in (now.value("place") or {}):
            assert before.asking == "place" or wish is not None or ":place:" in words

    def check(self, before: Conversation, reply: str, message: Incoming | None) -> None:
        """What is true after every turn."""
        chat, turn = self.chat, self.chat.turn
        assert turn is not None
        keys = set(chat.keys)
        now = chat.conversation
        for say in turn.replies:
            for language in LANGUAGES:
                speak(say.key, say.params, language)
                assert holes(catalogue(language)[say.key]) <= set(say.params), say.key
            if say.key == "summary" and now.draft is not None:
                self.shown[now.draft.number] = asking.summary(now.draft, "id", chat.facts).params
        assert bool(reply) == bool(turn.replies)
        assert len(turn.buttons) <= 10
        assert len({each.choice for each in turn.buttons}) == len(turn.buttons)
        for each in turn.buttons:
            assert len(each.choice.encode()) <= 64
            assert all(speak(each.key, each.params, language).strip() for language in LANGUAGES)
        self.seen_buttons = [*self.seen_buttons, *(each.choice for each in turn.buttons)][-40:]
        wanted = message is not None and self._is_wanted(before, message)
        self._check_question(turn, now, keys, wanted=wanted)
        self._check_drafts(before, now, keys)
        lost = self.alive - marks_of(json.dumps(save(now)) + self._outside())
        if "draft_expired" in keys:
            self.alive -= lost
            lost = set()
        assert not lost, f"{lost} is lost"

    def _is_wanted(self, before: Conversation, message: Incoming) -> bool:
        """Whether the citizen goes back to a question of their own accord."""
        words = message.choice or message.text
        return before.asking == "which" or ":which:" in words or change_in(message.text) is not None

    def _check_question(self, turn: Any, now: Conversation, keys: set[str], *, wanted: bool) -> None:
        waits = now.asking
        assert waits is None or waits in QUESTIONS or waits in AFTERWARDS
        assert (now.about is not None) == (waits in AFTERWARDS)
        if waits in QUESTIONS:
            assert now.draft is not None
        open_ends = now.draft is not None or now.about is not None
        if turn.replies and open_ends and not keys & ALONE and now.pace[0] <= MESSAGES_A_MINUTE:
            assert turn.asks is not None, keys
            assert turn.asks == waits
        if wanted and turn.asks:
            self.wanted.add(turn.asks)
        coaching = turn.asks in QUESTIONS and QUESTIONS[turn.asks].coaching and turn.asks not in self.wanted
        if coaching and now.draft is not None:
            self.coached.setdefault(now.draft.number, set()).add(turn.asks)
            assert len(self.coached[now.draft.number]) == 1

    def _check_drafts(self, before: Conversation, now: Conversation, keys: set[str]) -> None:
        assert now.drafts >= before.drafts or before.drafts > 10**5
        numbers = [draft.number for draft in (now.draft, *now.parked) if draft]
        assert len(set(numbers)) == len(numbers)
        assert all(number <= now.drafts for number in numbers)
        assert not set(numbers) & set(self.filed)
        for draft in (now.draft, *now.parked):
            assert draft is None or draft.photos == self.files.get(draft.number, 0)
        gone = {draft.number for draft in (before.draft, *before.parked) if draft} - set(numbers)
        assert not gone or keys & ENDS, f"drafts {gone} are lost"

    def _outside(self) -> str:
        """All that has left the conversation for the store."""
        drafts = [each.draft for each in self.chat.wishes if isinstance(each, File | Follow | Join)]
        texts = [str(getattr(each, "text", "")) for each in self.chat.wishes]
        return json.dumps([save_draft(draft) for draft in drafts]) + " ".join(texts)

    @invariant()
    def nothing_is_filed_twice(self) -> None:
        assert len(self.filed) == len(set(self.filed)) == len(self.chat.filed)


def marks_of(words: str) -> frozenset[str]:
    """The marks in some words."""
    return frozenset(re.findall(r"xq\d+", words))


def holes(words: str) -> set[str]:
    """The parameters of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


# A run of a minute at most; it has been run a hundred times longer by hand.
AnyConversation.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyConversation = AnyConversation.TestCase
