"""A message with two problems comes apart; a story with its points does not, and no word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.problems import MOST, problems_in, split

WORDS = (
    "jalan rusak lampu mati air keruh sampah menumpuk selain itu satu lagi dan juga oh ya . , 1. 2. 3. 1) 2) a. b. \n "
    "- pertama kedua ketiga terima kasih di depan pasar Desa Kab. Yth. tidak diangkut warga resah"
).split(" ")
ANY = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))

# Problems as one part of a message each; every one has content of its own.
PROBLEMS = [
    "jalan depan rumah kami rusak parah",
    "lampu jalan di lorong mati semua",
    "sampah menumpuk dekat pasar pagi",
    "air pdam keruh dan bau",
    "petugas parkir liar minta uang",
    "selokan depan sekolah mampet total",
]
CONNECTORS = [
    ", selain itu ",
    ". Selain itu, ",
    ". Satu lagi, ",
    ", satu lagi ",
    ". Oh ya, ",
    " dan juga ",
    ". Di samping itu ",
    ". Saya juga mau melaporkan ",
    ", sekalian mau lapor ",
    ". Sama juga ",
    ". Belum lagi ",
    ". Masalah lain, ",
    # Palembang, Java, English
    ", sikok lagi ",
    ", samo jugo ",
    ". Siji maneh, ",
    ". Also, ",
    ". Another problem: ",
]


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


@given(ANY)
def test_no_word_is_lost_and_every_part_has_content(text: str) -> None:
    parts = problems_in(text)
    if not parts:
        assert split(text) is None
        return
    assert 2 <= len(parts) <= MOST
    assert [word for part in parts for word in words(part)] == words(text)
    assert all(part in text for part in parts)
    apart = split(text)
    assert apart is not None
    assert words(" ".join((apart.lead, *apart.parts, apart.tail))) == words(text)
    assert len(apart.parts) == len(parts)
    assert all(len(re.findall(r"[^\W\d_]{2,}", part)) >= 3 for part in apart.parts)


@given(st.permutations(PROBLEMS), st.sampled_from(CONNECTORS))
def test_a_connector_parts_any_two_problems(problems: list[str], connector: str) -> None:
    first, second = problems[:2]
    parts = problems_in(f"{first}{connector}{second}")
    assert len(parts) == 2
    assert first in parts[0]
    assert second in parts[1]


@given(
    st.permutations(PROBLEMS),
    st.integers(2, 3),
    st.sampled_from(["{}. ", "{}) ", "({}) "]),
    st.sampled_from([" ", "\n"]),
)
def test_a_numbered_list_comes_apart(problems: list[str], count: int, mark: str, gap: str) -> None:
    points = [mark.format(number + 1) + problem for number, problem in enumerate(problems[:count])]
    assert problems_in(gap.join(points)) == tuple(points)
    whole = split(f"Di Desa Muara Kecamatan Lais:{gap}{gap.join(points)}")
    assert whole is not None
    assert (whole.lead, whole.parts) == ("Di Desa Muara Kecamatan Lais:", tuple(points))


@given(st.permutations(PROBLEMS), st.integers(4, 6))
def test_a_long_list_is_one_story(problems: list[str], count: int) -> None:
    assert problems_in("\n".join(f"{number + 1}. {problem}" for number, problem in enumerate(problems[:count]))) == ()


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_connector_is_part_of_what_it_begins(connector: str) -> None:
    first, second = problems_in(f"Jalan depan masjid rusak parah{connector}lampu jalan padam sebulan")
    assert connector.strip(" .,:").casefold() in second.casefold()
    assert "padam" not in first


TWO = [
    ("a. jalan rusak di simpang tiga b. lampu merah mati total", 2),
    ("a) jalan rusak di simpang tiga b) lampu merah mati total", 2),
    ("- jalan rusak dekat masjid\n- lampu jalan padam semua", 2),
    ("• sampah menumpuk di pasar\n• selokan mampet depan toko\n• jalan berlubang dekat SD", 3),
    ("Pertama, jalan di lorong kami rusak. Kedua, air PDAM tidak mengalir", 2),
    ("pertama jalan lorong kami rusak, kedua lampu jalan mati, ketiga sampah pasar menumpuk", 3),
    ("Yang pertama jalan rusak di lorong. Yang kedua lampu jalan mati", 2),
    ("Jalan di lorong kami rusak. Yang kedua, lampu jalan mati", 2),
    ("Jalan depan masjid rusak dan lampu jalan mati semua", 2),
    ("Air PDAM mati sudah seminggu, terus sampah di lorong juga tidak diangkut", 2),
    ("Jalan di desa kami rusak parah. Lampu jalan juga padam semua.", 2),
    ("Banjir di lorong tiap hujan, selokan mampet. Oh iya, listrik juga sering padam", 2),
    ("Jalan rusak depan SD. Selain itu lampu padam di simpang. Satu lagi sampah menumpuk di pasar", 3),
    ("1. KTP belum jadi sejak lama\n2. bansos saya dipotong RT", 2),
    ("jalan di dusun rusak nian, sikok lagi lampu jalan mati galo", 2),
    ("dalan ngarep omah rusak, siji maneh lampu dalan mati kabeh", 2),
    ("jalan poros desa rusak parah, satu lagi air PAM tidak mengalir pak", 2),
    ("The road here is badly damaged. Also, the street lights are not working", 2),
    ("Puskesmas lambat melayani pasien. Di samping itu obat di apotek kosong terus", 2),
    ("Parkir liar di depan pasar bikin macet, belum lagi sampah menumpuk di trotoar", 2),
]


@pytest.mark.parametrize(("text", "count"), TWO)
def test_a_message_with_more_than_one_problem(text: str, count: int) -> None:
    assert len(problems_in(text)) == count


ONE = [
    "jalan rusak berlubang di Plaju sejak 3 bulan",
    "lampu mati dan gelap",
    "jalan rusak, selain itu mati",
    "Jalan rusak parah di RT 1. RW 2. Kelurahan Plaju Ulu tolong diperbaiki",
    "Jalan depan pasar rusak dan berlubang, banyak yang jatuh",
    "Jalan rusak dan jalan berlubang di depan masjid",
    "Sampah di gang tidak diangkut dua minggu, selain itu terima kasih",
    "Selain itu saya juga mau bertanya jadwal buka kantor",
    "Selain jalan rusak tidak ada masalah",
    "Syarat yang diminta: 1. KTP asli 2. KK asli 3. surat nikah",
    "Untuk kedua kalinya saya lapor jalan rusak di depan pasar",
    "Kedua anak saya tidak dapat bantuan sekolah",
    "Satu lagi korban jatuh di lubang itu kemarin sore",
    "Mohon diperbaiki jalan di Jl. Merdeka No. 2. Terima kasih",
    "jalan rusak pak, oh ya terima kasih",
    "Air PDAM keruh. Airnya juga bau sekali",
    "Halo pak, saya juga mau lapor lampu jalan mati",
    "1. 2. 3.",
    "",
    "ok",
]


@pytest.mark.parametrize("text", ONE)
def test_one_problem_stays_whole(text: str) -> None:
    assert problems_in(text) == ()
    assert split(text) is None


def test_what_is_said_for_all_is_told_apart() -> None:
    text = (
        "Saya warga Desa Muara Kecamatan Lais. Jalan di depan SD rusak parah. Selain itu air PDAM keruh sekali. "
        "Mohon ditindaklanjuti, terima kasih."
    )
    found = split(text)
    assert found is not None
    assert found.lead == "Saya warga Desa Muara Kecamatan Lais."
    assert found.parts == ("Jalan di depan SD rusak parah.", "Selain itu air PDAM keruh sekali.")
    assert found.tail == "Mohon ditindaklanjuti, terima kasih."
    assert problems_in(text) == (f"{found.lead} {found.parts[0]}", f"{found.parts[1]} {found.tail}")


def test_an_abbreviation_ends_no_sentence() -> None:
    found = split(
        "Saya warga Kec. Lais Kab. Muba. Jalan depan SD rusak parah. Satu lagi lampu jalan mati semua. Lokasi Jl. Baru"
    )
    assert found is not None
    assert found.lead == "Saya warga Kec. Lais Kab. Muba."
    assert found.tail == "Lokasi Jl. Baru"


def test_a_text_that_is_too_long_has_no_parts() -> None:
    assert problems_in("Jalan depan SD rusak parah. Selain itu air PDAM keruh sekali. " * 200) == ()
