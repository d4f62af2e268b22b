"""Templates: what goes out when the window is closed says what we would have said, or announces it, and tells WhatsApp
nothing that people or offices wrote; a file that WhatsApp would not approve is refused with a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.cloud_api import PHONE_ID, TOKEN, FakeCloudApi

from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp.templates import LONGEST_VALUE, Choice, Submission, gaps_in, load, mistakes_of
from bot.messages import Address, Outgoing
from bot.texts import FOLDER, LANGUAGES, catalogue, speak

OURS = load()
SUBMITTED = {(each.name, each.language): each for each in OURS.submissions()}
ROOM = FOLDER.parent.parent

AGENCY = "Dinas Pekerjaan Umum dan Tata Ruang"
TICKET = "T-482-173-9056"
DAY = {"date": "2026-12-04"}
STATE = {"key": "state.terdisposisi", "params": {"agency": AGENCY}}
# Everything that any text of ours may have in it. The last are other people's words.
PARAMS: Mapping[str, Any] = {
    "ticket": TICKET,
    "agency": AGENCY,
    "others": 2,
    "date": DAY,
    "state": STATE,
    "system": {"key": "system.sp4n"},
    "number": "9171234",
    "problem": {"key": "media.gone"},
    "when": {"moment": "2026-11-23T08:00:00+07:00"},
    "until": {"moment": "2026-11-23T08:00:00+07:00"},
    "note": "rahasia dinas",
    "reason": "rahasia dinas",
    "title": "rahasia warga",
    "status": "Disposisi",
}


def always(_name: str, _language: str) -> bool:
    return True


def only(*names: str) -> Any:
    return lambda name, _language: name in names


def filled(choice: Choice) -> str:
    """What the citizen reads."""
    words = SUBMITTED[choice.template.name, choice.template.language].body
    return re.sub(r"\{\{(\d+)\}\}", lambda gap: choice.template.parameters[int(gap[1]) - 1], words)


def says_of(*keys: str, **params: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return [(key, {**PARAMS, **params}) for key in keys]


def chosen(*keys: str, language: str = "id", usable: Any = always, **params: Any) -> Choice | None:
    return OURS.choose(says_of(*keys, **params), language, usable)


COMPLETE = [
    ("push.disposed",),
    ("push.disposed_several",),
    ("push.rerouted",),
    ("push.rerouted_several",),
    ("push.referenced", "push.referenced_sp4n"),
    ("push.denied",),
    ("push.returned",),
    ("push.reminded_close",),
    ("push.reminded_archive",),
    ("push.ditutup_sistem", "push.ditutup_sistem_next"),
    ("push.diarsipkan_sistem", "push.diarsipkan_sistem_next"),
    ("push.merged",),
    ("push.unmerged",),
    ("push.moved",),
    ("push.moved", "push.answer_until"),
    ("push.moved", "push.answer_soon"),
    ("push.followed",),
    ("assist.news",),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("keys", COMPLETE, ids="+".join)
def test_a_complete_template_says_what_we_would_have_said(keys: tuple[str, ...], language: str) -> None:
    choice = chosen(*keys, language=language)
    assert choice is not None
    assert choice.complete
    assert choice.template.language == language
    assert choice.template.payload is None
    plain = "\n\n".join(speak(key, params, language) for key, params in says_of(*keys))
    closing = "\n\n" + speak("template.closing", None, language)
    assert filled(choice).removesuffix(closing) == plain


@pytest.mark.parametrize(
    "keys",
    [
        ("push.disposed", "push.officer"),
        ("push.moved", "push.note", "push.answer_until"),
        ("push.denied", "push.reason"),
        ("push.reminded_close", "push.files_left"),
        ("push.message",),
        ("push.responded",),
        ("push.referenced",),
        ("push.heard",),
        ("push.ditutup_sistem",),
        ("push.ditutup_sistem_next", "push.ditutup_sistem"),
    ],
    ids="+".join,
)
def test_what_no_template_says_in_full_is_announced_with_its_number(keys: tuple[str, ...]) -> None:
    choice = OURS.choose([(key, PARAMS) for key in keys], "id", always)
    assert choice is not None
    assert not choice.complete
    assert TICKET in filled(choice)
    assert choice.template.payload == f"{TICKET}:read"


def test_a_message_about_no_report_is_announced_without_a_number() -> None:
    choice = OURS.choose([("push.person", {"note": "Halo"})], "id", always)
    assert choice is not None
    assert (choice.template.parameters, choice.complete, choice.template.payload) == ((), False, "chat:read")
    assert "T-" not in filled(choice)


def test_what_cannot_be_sent_is_not_chosen() -> None:
    best = chosen("push.disposed")
    next_best = chosen("push.disposed", usable=lambda name, _: name != "lapor_diteruskan")
    last = chosen("push.disposed", usable=only("lapor_kabar_percakapan"))
    assert best is not None
    assert next_best is not None
    assert last is not None
    assert (best.complete, next_best.complete, last.complete) == (True, False, False)
    assert (next_best.template.name, last.template.name) == ("lapor_kabar_laporan", "lapor_kabar_percakapan")
    assert chosen("push.disposed", usable=only()) is None
    assert chosen("push.disposed", usable=only("lapor_dialihkan")) is None


def test_another_language_is_better_than_nothing_but_ones_own_comes_first() -> None:
    english = chosen(
        "push.disposed", language="en", usable=lambda name, code: name != "lapor_diteruskan" or code == "id"
    )
    assert english is not None
    assert (english.template.language, english.complete) == ("en", False)
    indonesian = chosen("push.disposed", language="en", usable=lambda _, code: code == "id")
    assert indonesian is not None
    assert (indonesian.template.language, indonesian.complete) == ("id", True)
    unknown = chosen("push.disposed", language="jv")
    assert unknown is not None
    assert unknown.template.language == "id"


async def test_what_is_chosen_is_what_the_citizen_reads_over_the_api() -> None:
    messages = [*COMPLETE, ("push.message",), ("push.person",)]
    async with FakeCloudApi() as api, WhatsApp(TOKEN, PHONE_ID, api.base_url) as channel:
        for each in OURS.submissions():
            api.add_template(each.name, each.language, each.body, each.button)
        for language in LANGUAGES:
            for keys in messages:
                choice = OURS.choose([(key, PARAMS) for key in keys], language, always)
                assert choice is not None
                await channel.send(Outgoing(Address("whatsapp", "6281234567890"), "", template=choice.template))
                said = api.sent("6281234567890")[-1]
                assert said.text == filled(choice)
                assert said.choices == ([] if choice.complete else [choice.template.payload])
        assert len(api.sent("6281234567890")) == len(LANGUAGES) * len(messages)
        assert api.problems == []


# --- what WhatsApp is told ------------------------------------------------------------------------------------

PUSHED = sorted(key for key in catalogue("id") if key.startswith(("push.", "archived.", "draft_")))
# Words with which nothing of ours has anything in common.
SECRET = st.text(alphabet="ΑΒΓΔΕ\n\t  xyz\u202e\x00", min_size=1, max_size=300).filter(
    lambda words: words.strip("\n\t \0")
)


MESSAGES = st.sampled_from(COMPLETE) | st.lists(st.sampled_from(PUSHED), min_size=1, max_size=4).map(tuple)


@given(keys=MESSAGES, secret=SECRET, language=st.sampled_from(LANGUAGES))
def test_words_of_people_and_offices_are_never_told(keys: tuple[str, ...], secret: str, language: str) -> None:
    """Neither in the fields that are for them, nor in those that are for a text of ours."""
    theirs = {"note": secret, "reason": secret, "title": secret, "state": secret, "date": secret, "problem": secret}
    theirs |= {"system": secret, "number": secret, "status": secret}
    nested = {"state": {"key": "push.reason", "params": {"reason": secret}}}
    for params in ({**PARAMS, **theirs}, {**PARAMS, **nested}, {**PARAMS, "ticket": secret}):
        choice = OURS.choose([(key, params) for key in keys], language, always)
        assert choice is not None
        for value in choice.template.parameters:
            assert not set(value) & set("ΑΒΓΔΕ")


@given(keys=st.sampled_from(COMPLETE), agency=st.text(max_size=400), language=st.sampled_from(LANGUAGES))
def test_a_gap_is_filled_with_one_line_that_is_never_empty(keys: tuple[str, ...], agency: str, language: str) -> None:
    choice = chosen(*keys, language=language, agency=agency, state={"key": "office.sure", "params": {"agency": agency}})
    assert choice is not None
    template = choice.template
    assert len(template.parameters) == gaps_in(SUBMITTED[template.name, template.language].body)
    for value in template.parameters:
        assert value == value.strip() != ""
        assert len(value) <= LONGEST_VALUE
        assert len(value.splitlines()) == 1
        assert "  " not in value
        assert "\t" not in value
    assert "".join(template.parameters).isprintable() or not agency.isprintable()


@given(says=st.lists(st.tuples(st.sampled_from(sorted(catalogue("id"))), st.just({})), max_size=4))
def test_a_message_without_what_fills_its_gaps_is_announced(says: list[tuple[str, Mapping[str, Any]]]) -> None:
    choice = OURS.choose(says, "id", always)
    assert choice is not None
    if choice.complete:
        assert not gaps_in(SUBMITTED[choice.template.name, "id"].body)
    else:
        assert choice.template.name == "lapor_kabar_percakapan"


# --- what is submitted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("submission", OURS.submissions(), ids=lambda each: f"{each.name}-{each.language}")
def test_what_we_submit_keeps_the_rules(submission: Submission) -> None:
    assert mistakes_of(submission.body) == []
    assert submission.category == "UTILITY"
    assert len(submission.examples) == gaps_in(submission.body)
    assert all(example.strip() for example in submission.examples)
    assert submission.button is None or 0 < len(submission.button) <= 20  # as a reply button: it may become one
    gaps = re.findall(r"\{\{(\d+)\}\}", submission.body)
    assert gaps == [str(number) for number in range(1, len(gaps) + 1)]


def test_all_that_is_submitted_is_wanted_and_nothing_twice() -> None:
    submitted = [(each.name, each.language) for each in OURS.submissions()]
    assert tuple(submitted) == OURS.wanted
    assert len(set(submitted)) == len(submitted)
    assert {language for _, language in submitted} == set(LANGUAGES)


def test_every_text_that_is_pushed_can_be_said_or_announced() -> None:
    code = [file.read_text() for room in ("api", "desk") for file in (ROOM / room).rglob("*.py")]
    pushed = {key for words in code for key in re.findall(r"\"(push\.\w+)\"", words)}
    assert len(pushed) > 15
    assert [key for key in sorted(pushed) if chosen(key) is None] == []


# --- the file -------------------------------------------------------------------------------------------------

HEAD = """
[languages]
id = "id"

[example]
ticket = "T-1"
agency = "Dinas"
note = "kata"
date = { date = "2026-12-04" }
"""


def written(folder: Path, body: str, head: str = HEAD) -> Path:
    file = folder / "templates.toml"
    file.write_text(head + body)
    return file


def template(**entries: str) -> str:
    return "[[template]]\n" + "\n".join(f"{key} = {value}" for key, value in entries.items()) + "\n"


def test_an_account_may_have_its_own_names_codes_and_announcements(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        template(name='"kabar_01"', announces='"report"', button="true")
        + '[template.words]\nid = "Halo, ada kabar tentang laporan {ticket} milik Anda."\n'
        + template(name='"teruskan_01"', says='["push.disposed"]', closing="true"),
        '[languages]\nid = "id"\nen = "en_GB"\n[example]\nticket = "T-1"\nagency = "Dinas"\n',
    )
    own = load(file)
    assert own.wanted == (("kabar_01", "id"), ("teruskan_01", "id"), ("teruskan_01", "en_GB"))
    choice = own.choose(says_of("push.message"), "en", always)
    assert choice is not None
    assert (choice.template.name, choice.template.language) == ("kabar_01", "id")
    assert own.submissions()[0].body == "Halo, ada kabar tentang laporan {{1}} milik Anda."
    english = own.choose(says_of("push.disposed"), "en", always)
    assert english is not None
    assert english.template.language == "en_GB"
    assert own.choose([("push.person", {})], "id", always) is None


SAYS = '["push.disposed"]'


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("x = ", "no TOML file"),
        ("[kategori]\n", "knows no kategori"),
        (template(name='"a"', says='"push.disposed"'), "says must be a list"),
        (template(name='"a"', says='["push.nothing"]'), "push.nothing, and there is no such text"),
        (template(name='"a"', says="[1]"), "there is no such text"),
        (template(name='"A-1"', says=SAYS, closing="true"), "its name must be"),
        (template(says=SAYS, closing="true"), "its name must be"),
        (template(name='"a"'), "either say texts"),
        (template(name='"a"', says=SAYS, announces='"report"'), "either say texts"),
        (template(name='"a"', announces='"weather"'), "which is none of report, chat"),
        (template(name='"a"', says='["push.note"]', closing="true"), "a gap for note, which must not be told"),
        (template(name='"a"', says='["push.moved"]', closing="true"), "a gap for state, and there is no example"),
        (template(name='"a"', announces='"report"') + '[template.words]\nid = "Halo {ticket} ya"\n', "4 are needed"),
        (template(name='"a"', says=SAYS), "begins or ends with a gap"),
        (template(name='"a"', says='["choice.region.pick"]'), "nothing but a gap"),
        (template(name='"a"', says='["push.diarsipkan_sistem_next"]'), "begins or ends with a gap"),
        (template(name='"a"', says='["rights.held"]'), "which must not be told"),
        (template(name='"a"', says='["push.disposed", "push.reason"]'), "a gap for reason"),
        (template(name='"a"', says='["number.2"]', closing="1"), "closing must be a true or false"),
        (2 * template(name='"a"', says='["push.merged"]'), "shares its name"),
        (
            template(name='"a"', says='["push.merged"]') + template(name='"b"', says='["push.merged"]'),
            "shares its words",
        ),
        (
            template(name='"a"', announces='"chat"') + '[template.words]\nid = "Halo {ticket}, ada pesan."\n',
            "for ticket",
        ),
        (template(name='"a"', announces='"chat"') + '[template.words]\nid = "Halo {"\n', "not closed"),
        (template(name='"a"', announces='"chat"') + '[template.words]\nid = "  "\n', "has no words"),
        (template(name='"a"', announces='"chat"') + f'[template.words]\nid = "{"ada " * 300}"\n', "1024 at most"),
        (template(name='"a"', announces='"chat"') + '[template.words]\nid = "ada\\n\\n\\nkabar"\n', "empty line"),
        (template(name='"a"', says=SAYS) + '[template.words]\nid = "x"\n', "words are for templates that announce"),
    ],
)
def test_a_mistake_in_the_file_is_told_in_a_sentence(tmp_path: Path, body: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        load(written(tmp_path, body))


def test_a_language_that_we_do_not_speak_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jv is none of id, en"):
        load(written(tmp_path, template(name='"a"', says=SAYS), '[languages]\njv = "jv"\n'))


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ("Laporan {{1}} {{2}} sudah kami kirim ke dinas tadi.", "side by side"),
        ("Laporan nomor ini sudah kami teruskan: {{1}}.", "begins or ends"),
        ("“{{1}}” sudah kami teruskan ke dinas.", "begins or ends"),
        ("Kabar laporan:\n{{1}}\nSilakan balas pesan ini.", "nothing but a gap"),
        ("Kabar\tlaporan ini.", "a tab"),
    ],
)
def test_what_whatsapp_refuses_is_known_beforehand(words: str, mistake: str) -> None:
    assert mistake in " ".join(mistakes_of(words))
    assert mistakes_of("Laporan {{1}} sudah kami teruskan ke dinas.") == []
