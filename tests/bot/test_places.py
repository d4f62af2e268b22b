"""Where it is in a citizen's words, and the small answers in the languages of the two provinces."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import locate

from bot import answers, script
from bot.answers import Refused
from bot.places import LIMIT, MOST, may_be_place, places_in

TODAY = date(2026, 11, 22)
DATA = Path(os.environ.get("LAPOR_SHARED", ".")) / "data" / "complaints_train.csv"


def nowhere(_words: str) -> None:
    """A gazetteer that knows no region."""


# --- phrases --------------------------------------------------------------------------------------------

STREETS = [
    ("jalan Merdeka rusak parah", "jalan Merdeka"),
    ("jln sudirman banyak lubang", "jln sudirman"),
    ("jl.merdeka banjir terus", "jl.merdeka"),
    ("Jl. Kol. H. Burlian No. 12 macet", "Jl. Kol. H. Burlian No. 12"),
    ("jl a yani gelap nian", "jl a yani"),
    ("Jalan Dr. Soetomo tolong ditata", "Jalan Dr. Soetomo"),
    ("dijalan diponegoro lampunyo mati", "jalan diponegoro"),
    ("jalan raya Palembang-Betung km 7 ancur", "jalan raya Palembang-Betung km 7"),
    ("jalan desa Sukamaju berlubang", "jalan desa Sukamaju"),
    ("poros Maros-Bone longsor", "poros Maros-Bone"),
    ("jalan poros malino rusakmi", "jalan poros malino"),
    ("lorong Bakti sampahna numpuk", "lorong Bakti"),
    ("gang melati sampahe akeh", "gang melati"),
    ("lintas timur macet total", "lintas timur"),
    ("jalan 17 agustus gelap", "jalan 17 agustus"),
    ("gang mangga sampahnyo numpuk", "gang mangga"),
    ("lrg. sepakat rt 5 banjir", "lrg. sepakat rt 5"),
    ("lorong 3 peteng nian", "lorong 3"),
    ("JALAN MERDEKA RUSAK PARAH", "JALAN MERDEKA"),
    ("dalan Pahlawan bolong kabeh", "dalan Pahlawan"),
    ("jalan ke gunung Dempo longsor", "jalan ke gunung Dempo"),
    ("jalan raya menuju desa Sukarami ambles", "jalan raya menuju desa Sukarami"),
    ("truk besar lewat jalan menuju SMP 4 Betung", "jalan menuju SMP 4 Betung"),
]
LANDMARKS = [
    ("RS Siti Fatimah antriannya lama", "RS Siti Fatimah"),
    ("rumah sakit bari obatnyo kosong", "rumah sakit bari"),
    ("petugas Puskesmas Sukarami kasar", "Puskesmas Sukarami"),
    ("di smp 1 sekayu", "smp 1 sekayu"),
    ("SDN 12 Talang Kelapa atapnya bocor", "SDN 12 Talang Kelapa"),
    ("SMP Negeri 3 Sungai Lilin kekurangan guru", "SMP Negeri 3 Sungai Lilin"),
    ("MAN 2 Palembang minta iuran", "MAN 2 Palembang"),
    ("pasar 16 ilir kotor", "pasar 16 ilir"),
    ("di pasar baru banyak pungli", "pasar baru"),
    ("pasar induk Jakabaring becek", "pasar induk Jakabaring"),
    ("kantor camat Gandus tutup terus", "kantor camat Gandus"),
    ("jembatan ampera lampunya mati", "jembatan ampera"),
    ("disimpang lima macet", "simpang lima"),
    ("simpang bandara macet", "simpang bandara"),
    ("perempatan Charitas lampunya rusak", "perempatan Charitas"),
    ("danau opi bau", "danau opi"),
    ("benteng Rotterdam kotor", "benteng Rotterdam"),
    ("pelabuhan Boom Baru antri", "pelabuhan Boom Baru"),
    ('masjid "Al Ikhlas" kehabisan air', 'masjid "Al Ikhlas"'),
    ("halte LRT Cinde gelap", "halte LRT Cinde"),
    ("perumahan griya asri blok C5 no 3 banjir", "perumahan griya asri blok C5 no 3"),
    ("komplek polygon blok b no. 5 banjir", "komplek polygon blok b no. 5"),
]
NEARBY = [
    ("lampu mati didepan smp 3", "depan smp 3"),
    ("Jalan depan SMP 1 Sekayu rusak parah sejak bulan lalu", "depan SMP 1 Sekayu"),
    ("sampah dkt pasar numpuk", "dkt pasar"),
    ("banjir dekat mi pasar", "dekat mi pasar"),
    ("ngarep SD ono bolong", "ngarep SD"),
    ("lubang dpn rs charitas", "dpn rs charitas"),
    ("belakang masjid raya ado tumpukan sampah", "belakang masjid raya"),
    ("seberang SPBU ada lubang", "seberang SPBU"),
    ("lampu padam di seberang pintu keluar hotel Swarna", "seberang pintu keluar hotel Swarna"),
    ("depan Indomaret Kenten macet", "depan Indomaret Kenten"),
    ("gelap di bawah jembatan musi 2", "bawah jembatan musi 2"),
    ("dekat dengan alun-alun ada pungli", "dekat dengan alun-alun"),
    ("samping rumah pak Ali ada tumpukan sampah", "samping rumah pak Ali"),
    ("lokasi di Sukamoro", "Sukamoro"),
    ("Lokasi: Kenten Laut. Mohon diperbaiki", "Kenten Laut"),
]
MARKS = [
    ("banjir di RT 03 RW 02 sejak pagi", "RT 03 RW 02"),
    ("sampah rt.03/02 tidak diangkut", "rt.03/02"),
    ("warga rt 5 kekurangan air", "rt 5"),
    ("longsor di km 12", "km 12"),
    ("antri panjang di SPBU km 5", "SPBU km 5"),
    ("puskesmas pembantu desa Sukarami tutup terus", "puskesmas pembantu desa Sukarami"),
    ("dusun 3 desa Teluk belum ada listrik", "dusun 3 desa Teluk"),
    ("air di ds bailangu keruh", "ds bailangu"),
    ("Parit di Jl. Cempaka, Sukabangun, Sukarami mampet", "Jl. Cempaka, Sukabangun"),
    ("Parit mampet di Jl. Cempaka, Sukabangun, Sukarami. Mohon dicek", "Jl. Cempaka, Sukabangun, Sukarami"),
    (
        "Di depan SDN 4, Tanjung Raja Kab. Ogan Ilir ada tiang miring",
        "depan SDN 4, Tanjung Raja Kab. Ogan Ilir",
    ),
    ("Sampah di Jl. Cempaka, Mohon diangkut, Terima kasih", "Jl. Cempaka"),
    ("Di Jl. Cempaka, Petugas tidak datang", "Jl. Cempaka"),
    ("Di Jl. Cempaka, Pak, tiangnya miring", "Jl. Cempaka"),
    ("Jl. Cempaka, Senin, banjir lagi di situ", "Jl. Cempaka"),
    ("kelurahan Duku gelap, warga kel. Duku resah", "kelurahan Duku"),
    ("jl mawar kel. Duku banjir. Warga kelurahan duku mengungsi", "jl mawar kel. Duku"),
    ("di kel Duku, jl mawar, kelurahan Duku", "kel Duku, jl mawar"),
    (
        "Jl. Merdeka No. 5, RT 03 RW 02, Kel. Serasan Jaya, Kec. Sekayu rusak",
        "Jl. Merdeka No. 5, RT 03 RW 02, Kel. Serasan Jaya, Kec. Sekayu",
    ),
]


@pytest.mark.parametrize(("text", "phrase"), [*STREETS, *LANDMARKS, *NEARBY, *MARKS])
def test_a_place_in_the_citizens_own_words(text: str, phrase: str) -> None:
    assert places_in(text) == (phrase,)


@pytest.mark.parametrize(
    "text",
    [
        "jalan rusak",
        "Jalan Rusak Parah",
        "jalan kami rusak",
        "jalan raya berlubang",
        "jalan 3 meter itu hancur",
        "tidak ada jalan keluar dari masalah ini",
        "jalan-jalan di taman kotor",
        "pasar kotor sekali",
        "pasar lama sekali dibersihkan",
        "antri di puskesmas 2 jam",
        "di rumah sakit antri lama",
        "sekolah anak saya bocor",
        "sungai tercemar limbah",
        "sampah di pinggir jalan",
        "di depan rumah saya banjir",
        "minggu depan harus bayar",
        "masa depan anak kami",
        "di samping itu petugas kasar",
        "sepanjang 5 km berlubang",
        "min tolong dibantu",
        "man, gimana ini",
        "desa kami belum ada listrik",
        "ds kami gelap",
        "saya jalan ke pasar Cinde",
        "jalan ke desa kami hancur",
        "perumahan kami gelap",
        "",
        "🙏🙏",
    ],
)
def test_words_that_name_no_place(text: str) -> None:
    assert places_in(text) == ()


@pytest.mark.parametrize(
    "text",
    ["jalan menuju Betung rusak", "arah ke Betung jalan rusak", "angkot jurusan pasar Cinde ugal-ugalan"],
)
def test_where_something_leads_is_not_where_it_is(text: str) -> None:
    assert places_in(text) == ()


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("dari simpang bandara sampai km 12 gelap", ("simpang bandara", "km 12")),
        ("jln sudirman macet, juga di depan pasar cinde", ("jln sudirman", "depan pasar cinde")),
        (
            "jalan A. Rivai banjir, jalan Merdeka banjir, simpang Polda macet, pasar Cinde kotor",
            ("jalan A. Rivai", "jalan Merdeka", "simpang Polda"),
        ),
        # What has no name gives way to what has one.
        (
            "di dekat pasar, lalu jalan Merdeka, terus jalan Veteran, lalu jalan Rajawali",
            ("jalan Merdeka", "jalan Veteran", "jalan Rajawali"),
        ),
        ("jalan Merdeka rusak. Jalan Merdeka itu gelap", ("jalan Merdeka",)),
    ],
)
def test_several_places_keep_their_order(text: str, phrases: tuple[str, ...]) -> None:
    assert places_in(text) == phrases


@given(st.text(max_size=300))
def test_phrases_are_runs_of_any_text(text: str) -> None:
    found = places_in(text)
    assert len(found) <= MOST
    assert all(phrase and phrase in text for phrase in found)


WORDS = st.sampled_from(
    """jalan jl. depan dekat di ke menuju pasar SMP 1 RT 03 / , . rusak Merdeka merdeka baru sekali km rumah pak lokasi
    : - ke jalan" " didepan blok C no raya Ilir""".split()
)


@given(st.lists(WORDS, max_size=30))
def test_phrases_are_runs_in_order_of_anything_that_looks_like_places(words: list[str]) -> None:
    text = " ".join(words)
    start = 0
    for phrase in places_in(text):
        start = text.index(phrase, start) + len(phrase)


NAMES = st.sampled_from(["Merdeka", "Talang Jambe", "Rajawali", "Sukamoro", "Hertasning", "Kenten Laut", "A. Yani"])
HEADS = st.sampled_from(["Jalan", "jln", "Gang", "depan Puskesmas", "Pasar", "dekat masjid", "Simpang", "Perumahan"])
TROUBLE = st.sampled_from(
    [
        "rusak parah",
        "lah lamo nian gelap",
        "belum diperbaiki",
        "banjir terus",
        "sampahnya numpuk",
        "sangat kotor",
        "macet",
    ]
)


@given(HEADS, NAMES, TROUBLE)
def test_a_name_never_swallows_the_complaint(head: str, name: str, trouble: str) -> None:
    assert places_in(f"{head} {name} {trouble}") == (f"{head} {name}",)
    assert places_in(f"pak, {trouble} di {head} {name}") == (f"{head} {name}",)


@given(HEADS, TROUBLE)
def test_a_complaint_is_no_name(head: str, trouble: str) -> None:
    assert trouble.split()[0] not in " ".join(places_in(f"{head} {trouble}"))


def test_a_long_text_is_read_to_its_limit() -> None:
    assert places_in("x" * LIMIT + " di jalan Merdeka") == ()
    assert places_in("di jalan Merdeka " + "rusak " * LIMIT) == ("jalan Merdeka",)


# --- the answer to "where?" --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Sukamoro",
        "di Sukamoro pak",
        "talang jambe",
        "kenten laut",
        "daerah Pakjo",
        "depan rumah pak RT",
        "belakang rumah saya",
        "di sawah",
        "di pasar",
        "mburi omah",
        "jl merdeka",
        "lorong masjid rt 3",
        "near my house",
    ],
)
def test_an_answer_that_is_a_place(words: str) -> None:
    assert may_be_place(words)
    assert answers.place(words, nowhere, TODAY) == {"text": words, "region": None, "name": None}


@pytest.mark.parametrize(
    "words",
    [
        "rusak",
        "rusakmi",
        "banjir nian",
        "jalan rusak",
        "jalan",
        "lampu mati",
        "petugas tidak ramah",
        "wkwkwk",
        "hahaha",
        "asdfghjkl",
        "tidak tau lah pokoknya",
        "kan sudah saya bilang",
        "pokoknya cepat diperbaiki",
        "itu lah",
        "yang tadi",
        "dasar bot bodoh",
        "08123456789",
        "sudah 3 bulan",
        "nanti saya kirim",
        "embuh",
        "terserah",
    ],
)
def test_an_answer_that_is_no_place(words: str) -> None:
    assert not may_be_place(words)
    with pytest.raises(Refused, match=r"place\.words"):
        answers.place(words, nowhere, TODAY)


def test_a_region_is_a_place_whatever_stands_around_it() -> None:
    found = answers.place("kan sudah saya bilang di Sekayu", locate, TODAY)
    assert found["region"] == "16.06.01"
    assert found["text"] == "kan sudah saya bilang di Sekayu"


def test_a_story_joins_its_phrases_and_the_region() -> None:
    found = answers.place_in_story("Lampu di Jalan Merdeka mati, juga depan pasar. Ini di Sekayu", locate)
    assert found == {"text": "Jalan Merdeka, depan pasar, Sekayu", "region": "16.06.01", "name": found["name"]}


def test_a_story_without_a_place_has_none() -> None:
    assert answers.place_in_story("petugas tidak ramah, pasar kotor", locate) is None


# --- small answers -------------------------------------------------------------------------------------------

NOES = """
dak katek|dak ado|katek|katek foto|fotonyo dak katek pak|gak ado fotonyo|idak ado|dakdo foto|tidak ada ji|nda ada|
nda' ada|nda adaji|ndak ada mi|belumpi|de' gaga|tena|mboten wonten|mboten|ora ono|ora enek|gak onok|
ora duwe foto|dide ade|dide|dik ade|belum ada|blm ada min|no photo|no photos|
tidak ada fotonya|tidak punya|maaf tidak ada|ya tidak ada|nihil
"""
SKIPS = """
nanti saja|nanti bae|kagek bae|mengko wae|mangke mawon|lain kali|dak usah bae|tidak perlu|ora usah|gak ngerti|
lupa tanggalnya|lali|dak tau|ora eruh|embuh
"""
YESES = """
iyo|aok|nggih|njih|injih|inggih|iye'|iye’|iye|iya betul pak|sip gas|kirim bae|kirim mi|iyaaa|yaa|okee min|siaap pak|
nggih leres|yo wis|iyo nian|hooh|ya, kirim saja|lanjutkan pak|ok sip
"""


def _cases(lines: str) -> list[str]:
    return [case for case in lines.replace("\n", "").split("|") if case]


@pytest.mark.parametrize("words", [*_cases(NOES), *_cases(SKIPS)])
def test_a_no_in_any_dialect(words: str) -> None:
    assert answers.declines(words)
    assert not answers.accepts(words)
    assert answers.photos(words, nowhere, TODAY) == "none"


@pytest.mark.parametrize("words", _cases(YESES))
def test_a_yes_in_any_dialect(words: str) -> None:
    assert answers.accepts(words)
    assert not answers.declines(words)
    assert script.QUESTIONS["confirm"].read(words, nowhere, TODAY) == "send"
    assert script.QUESTIONS["heard"].read(words, nowhere, TODAY) == "right"


@pytest.mark.parametrize("words", ["dak", "mboten", "ora pak", "nda'", "dide", "bukan", "tidaak"])
def test_a_bare_no_answers_every_question_of_yes_and_no(words: str) -> None:
    assert answers.denies(words)
    assert script.QUESTIONS["heard"].read(words, nowhere, TODAY) == "wrong"
    assert script.QUESTIONS["confirm"].read(words, nowhere, TODAY) == "change"


@pytest.mark.parametrize("words", ["tidak tau", "dak ado", "belum", "tidak perlu", "gak jelas", "tidak setuju"])
def test_not_every_sentence_with_a_no_denies(words: str) -> None:
    assert not answers.denies(words)


PRIVACY = {
    "open": "biasa|biaso be|biase bae|biasa mawon|terbuko bae|dak usah bae|nda usah|mboten usah|ora usah|dak",
    "anonymous": "anonim|anonim be|anonim bae|anonim mi|anonim wae pak|tanpa nama saja",
    "secret": "rahasia|rahasia be|rahasiake bae|rahasiakan saja|dirahasiake bae|rahasiakno wae",
    "both": "dua-duanya|duo duonyo|loro lorone|keduanya bae",
}


@pytest.mark.parametrize(
    ("words", "choice"), [(case, choice) for choice, line in PRIVACY.items() for case in line.split("|")]
)
def test_privacy_in_any_dialect(words: str, choice: str) -> None:
    assert script.QUESTIONS["privacy"].read(words, nowhere, TODAY) == script.PRIVACY[choice]


@pytest.mark.parametrize("words", ["jangan", "jangan disebar", "tidak tau", "dak tau", "terserah"])
def test_what_may_mean_secrecy_never_opens_a_report(words: str) -> None:
    with pytest.raises(Refused):
        script.QUESTIONS["privacy"].read(words, nowhere, TODAY)


@pytest.mark.parametrize(
    ("name", "words", "choice"),
    [
        ("class", "ngadu bae", "pengaduan"),
        ("class", "nanyo be", "permintaan_informasi"),
        ("which", "fotonyo", "photos"),
        ("which", "tempatnyo pak", "place"),
        ("neighbours", "melok bae", "follow"),
        ("split", "sikok be", "together"),
        ("confirm", "gas", "send"),
    ],
)
def test_choices_in_any_dialect(name: str, words: str, choice: str) -> None:
    assert script.QUESTIONS[name].read(words, nowhere, TODAY) == choice


@pytest.mark.parametrize("words", ["ado", "ado pak", "ade", "wonten", "ono", "adaji", "iyo"])
def test_photos_that_are_still_to_come(words: str) -> None:
    with pytest.raises(Refused, match=r"photos\.send"):
        answers.photos(words, nowhere, TODAY)


SUBJECTS = st.sampled_from(
    ["lampu", "air", "jalan", "banyu", "listrik", "sampah", "gas", "obat", "petugas", "gaji", "dalan", "sinyal", "guru"]
)
TROUBLES = st.sampled_from(
    [
        "mati",
        "tidak ada",
        "dak katek",
        "nda ada",
        "ora ono",
        "mboten wonten",
        "dide ade",
        "belum ada",
        "rusak",
        "kosong",
        "belum diperbaiki",
        "dak jalan",
    ]
)
EDGES = st.sampled_from(
    ["", "ya", "iyo", "pak", "nian", "bae", "ji", "mi", "terus", "lagi", "sudah lama", "tidak", "ok"]
)


@given(EDGES, SUBJECTS, TROUBLES, EDGES, st.booleans())
def test_no_complaint_is_taken_for_a_small_answer(
    before: str, subject: str, trouble: str, after: str, turned: bool
) -> None:
    core = f"{trouble} {subject}" if turned else f"{subject} {trouble}"
    text = " ".join(filter(None, (before, core, after)))
    assert not answers.accepts(text)
    assert not answers.declines(text)
    assert not answers.denies(text)
    assert not answers.is_bare(text)


@given(st.text(max_size=250))
def test_small_answers_are_never_two_things(text: str) -> None:
    assert not (answers.accepts(text) and answers.denies(text))
    assert not (answers.denies(text) and not answers.declines(text))


@pytest.mark.skipif(not DATA.is_file(), reason="no complaints to read (LAPOR_SHARED)")
def test_no_real_complaint_is_taken_for_a_small_answer() -> None:
    with DATA.open(encoding="utf-8-sig", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file) if len(row["text"]) > 10]
    taken = [text for text in texts if answers.accepts(text) or answers.declines(text) or answers.thanks(text)]
    assert len(texts) > 1000
    assert len(taken) == 0


@pytest.mark.skipif(not DATA.is_file(), reason="no complaints to read (LAPOR_SHARED)")
def test_real_texts_give_up_their_places() -> None:
    with DATA.open(encoding="utf-8-sig", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    found = [places_in(text) for text in texts]
    assert 0.5 < sum(map(bool, found)) / len(texts) < 0.6
    assert all(phrase in text for text, phrases in zip(texts, found, strict=True) for phrase in phrases)


@given(st.text(max_size=120))
def test_the_place_reader_answers_or_refuses(text: str) -> None:
    found: dict[str, Any] = {}
    with suppress(Refused):
        found = answers.place(text, nowhere, TODAY)
    assert not found or found["text"] == text.strip()
