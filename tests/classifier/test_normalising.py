"""A text is made plain before it is read: what matters stays, in one spelling; numbers, addressees, courtesy go."""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import classifier
from classifier.text import LIMIT, TITLE_LIMIT, Word, normalise, read_lexicon, words

FILE = Path(classifier.__file__).with_name("lexicon.toml")
LEXICON = read_lexicon()
PLAIN = sorted({word for meaning in LEXICON.spellings.values() for word in meaning})

any_text = st.text(st.characters(exclude_categories=()))
# What citizens write, more or less: spellings and plain words, with the signs that stand between them.
_vocabulary = st.sampled_from(
    [*sorted(LEXICON.known), "Sukamaju", "yth", "Bupati", "62", "0812345678", "[NIK]", "é", "²"]
)
_signs = st.sampled_from([" ", " ", " ", ". ", ", ", "-", "2 ", "nya ", "\n", "@", "' ", "\u200b", "/"])
chat = st.lists(st.tuples(_vocabulary, _signs)).map(lambda pairs: "".join(word + sign for word, sign in pairs))


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("  Jalan\tRUSAK \n parah ", "jalan rusak parah"),
        ("ｊａｌａｎ rusaaaaak, maaf", "jalan rusak"),
        ("kenàpa macet", "kenapa macet"),
        ("ru\u200bsak \x00 pa\ud800rah", "rusak pa rah"),
        ("NIK saya 1671012345678901", "nik nomornik"),
        ("NIK saya [NIK]", "nik nomornik"),
        ("hubungi 0812-3456-7890 ya", "hubungi nomortelepon"),
        ("hubungi +62 812 3456 789", "hubungi nomortelepon"),
        ("hubungi [TELP] a.n. [NAMA] [*****]", "hubungi nomortelepon"),
        ("RT 03/04 Jl. Melati No. 12 KM 5", "rt jalan melati km"),
        ("lihat https://contoh.example/a?b=1 atau a@contoh.example", "lihat"),
        ("lihat maps.app.goo.gl/abc, @dishub_kota #JalanRusak", "lihat jalanrusak"),
        ("12 September 2026 jam 10.30 WIB", "bulan jam"),
        ("bayar Rp. 50.000,- atau 50rb / 2 juta", "bayar rupiah"),
        ("formasi PPPK tahun 2026", "formasi pppk tahun"),
    ],
)
def test_what_is_no_word_goes(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("Yth. Kepala Dinas Perhubungan Kota Anu, lampu merah mati", "lampu merah mati"),
        ("Yth. Bupati Kab. Anu. Lampu merah mati", "lampu merah mati"),
        ("kepada yth bapak bupati saya lapor jembatan putus", "lapor jembatan putus"),
        ("Kepada yang terhormat\nDinas Kesehatan\nobat habis", "obat habis"),
        ("yth lampu merah mati", "lampu merah mati"),
        ("kepada warga mohon bersabar", "warga bersabar"),
        ("Assalamu'alaikum wr. wb., selamat pagi bapak/ibu, obat habis", "obat habis"),
        ("Obat habis. Mohon ditindaklanjuti, terima kasih", "obat habis"),
        ("Obat habis mhn sgra ditindaklanjuti, trims", "obat habis"),
        ("Obat habis. Mohon informasinya, terima kasih", "obat habis"),
        ("mohon informasi jadwal imunisasi", "informasi jadwal imunisasi"),
    ],
)
def test_addressees_and_courtesy_go(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("desa Sukamaju banjir", "desa banjir"),
        ("kec. Sukasari Kab.Oki", "kecamatan kabupaten oki"),  # too short to be sure of
        ("kota parkir, desa rusak", "kota parkir desa rusak"),
        ("desa terendam", "desa terendam"),
        ("kabel putus di desa. Ambulans terlambat", "kabel putus desa ambulans terlambat"),
    ],
)
def test_names_of_places_go(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        # abbreviations and chat
        ("jln yg rsk dkt skolah blm dbenerin", "jalan rusak dekat sekolah belum dbenerin"),
        ("sy gak bs urus e-KTP krn blanko abis", "tidak bisa urus ktp blangko abis"),
        ("trm ksh, makasih, trims", ""),
        ("anak sakit dibawa ke RS & pkm", "anak sakit dibawa rumah sakit puskesmas"),
        ("dr. Sri dr desa", "dr sri dr desa"),  # dokter and dari: nobody knows
        # once is enough
        ("jalan2 berlubang-lubang, hal-hal, berkali-kali", "jalan berlubang berkali"),
        ("anak2nya anak-anaknya", "anak"),
        # endings, and words that only seem to have one
        ("rumahnya rusaklah rumahku jalanku", "rumah rusak rumah jalan"),
        ("pelayananya pertanyaanya", "pelayanan pertanyaan"),
        (
            "masalah sekolah tanya punya buku ilmu rumpun langkah",
            "masalah sekolah tanya punya buku ilmu rumpun langkah",
        ),
        # a lost space
        ("dijalan dirumahku kekantor disekolahnya", "jalan rumah kantor sekolah"),
        ("dibayar keluarga kedua", "dibayar keluarga kedua"),
        # Palembang, and -e of the uplands
        ("dak katek banyu, lah lamo galo jalan rusak nian", "tidak ada air lama semua jalan rusak"),
        ("cakmano nak lewat, jerambah besak la putus", "bagaimana mau lewat jembatan besar putus"),
        ("siapo tanggung jawab, airnyo kotor", "siapa tanggung jawab air kotor"),
        ("ape ade lame dide dibenahi", "apa ada lama tidak dibenahi"),
        # Makassar
        ("lampu mati mi, rusakmi jalanta kodong", "lampu mati rusak jalan"),
        ("tabe' pak, belumpi ada air, degaga", "belum ada air tidak ada"),
        # Javanese
        ("dalane bolong, lampune mati wis suwe", "jalan berlubang lampu mati lama"),
        ("kulo nyuwun sewu, banyu ora mili, piye", "air tidak mili bagaimana"),
        # Sundanese
        ("punten, lampuna pareum, poek pisan, hatur nuhun", "lampu padam gelap"),
        ("kumaha ieu runtah teu diangkut", "bagaimana sampah tidak diangkut"),
    ],
)
def test_one_spelling_for_one_word(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


def test_the_title_comes_first() -> None:
    assert normalise("isi", "Judul") == "judul isi"


def test_no_more_than_the_limits_is_read() -> None:
    assert normalise(" " * LIMIT + "jalan", " " * TITLE_LIMIT + "jembatan") == ""
    assert words(" " * LIMIT + "jalan") == []


def test_words_know_the_spelling_they_come_from() -> None:
    text = "Tlg… JLN2 dkt RS ﬁdusia, Sekolahe\u0301!"
    spellings = [(word.form, text[word.start : word.end]) for word in words(text)]
    assert spellings == [
        ("jalan", "JLN2"),
        ("dekat", "dkt"),
        ("rumah", "RS"),
        ("sakit", "RS"),
        ("fidusia", "ﬁdusia"),
        ("sekolah", "Sekolahe\u0301"),
    ]


def test_words_behind_a_gap_keep_their_places() -> None:
    assert words("Yth. Bupati, https://a.example jalan") == [Word("jalan", 31, 36)]


@given(any_text | chat)
def test_any_text_becomes_one_short_encodable_line(text: str) -> None:
    plain = normalise(text, text)
    assert len(plain) <= LIMIT
    assert plain == " ".join(plain.split())
    plain.encode()


@given(any_text | chat)
def test_words_stand_in_order_within_the_text(text: str) -> None:
    found = words(text)
    assert " ".join(word.form for word in found) == normalise(text)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(before.start <= after.start for before, after in pairwise(found))


@given(chat)
def test_a_plain_text_gains_no_words(text: str) -> None:
    plain = normalise(text)
    assert set(normalise(plain).split()) <= set(plain.split())


@given(st.text(st.characters(max_codepoint=127)) | chat.filter(str.isascii))
def test_case_means_nothing(text: str) -> None:
    assert normalise(text.upper()) == normalise(text) == normalise(text.lower())


def test_a_plain_word_is_no_spelling_of_another() -> None:
    assert [word for word in PLAIN if word in LEXICON.spellings] == []


def test_lists_hold_plain_words_only() -> None:
    phrases = {word for first, rests in LEXICON.frames.items() for rest in rests for word in (first, *rest)}
    lists = phrases | LEXICON.drop | LEXICON.stems | LEXICON.places
    assert sorted(word for word in lists if word in LEXICON.spellings) == []


def test_no_word_stands_twice_in_a_list() -> None:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for name in ("drop", "keep", "where", "stem", "place", "matter"):
        listed = " ".join(tables[name]).split()
        assert sorted(listed) == sorted(set(listed)), name


@pytest.mark.parametrize("first", sorted(LEXICON.frames))
def test_a_phrase_is_found_as_it_stands(first: str) -> None:
    for rest in LEXICON.frames[first]:
        assert normalise(" ".join((first, *rest))) == ""


def test_every_spelling_is_reached_as_one_token() -> None:
    for spelling, meaning in LEXICON.spellings.items():
        wanted = [word for word in meaning if word not in LEXICON.drop]
        if meaning != ("terima", "kasih"):
            assert [word.form for word in words(spelling)] == wanted, spelling
            assert {(word.start, word.end) for word in words(spelling)} <= {(0, len(spelling))}


def test_a_spelling_with_two_meanings_is_refused(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8").replace("[palembang]\n", '[palembang]\nlumpur = "yg"\n')
    (tmp_path / "lexicon.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="'yg'"):
        read_lexicon(tmp_path / "lexicon.toml")
