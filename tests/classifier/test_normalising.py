"""A text is made plain before it is read: what matters stays, numbers and addressees go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.text import LIMIT, normalise


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("  Jalan\tRUSAK \n parah ", "jalan rusak parah"),
        ("ｊａｌａｎ rusaaaaak, maaf", "jalan rusak, maaf"),
        ("NIK saya 1671012345678901", "nik saya nomornik"),
        ("NIK saya [NIK]", "nik saya nomornik"),
        ("hubungi 0812-3456-7890 ya", "hubungi nomortelepon ya"),
        ("hubungi +62 812 3456 789", "hubungi nomortelepon"),
        ("RT 03/04 Jl. Melati 12", "rt 0 jl. melati 0"),
        ("lihat https://contoh.example/a?b=1 atau a@contoh.example", "lihat tautan atau tautan"),
        ("Yth. Kepala Dinas Perhubungan Kota Anu, lampu merah mati", ", lampu merah mati"),
        ("kepada yth bapak bupati saya lapor jembatan putus", "saya lapor jembatan putus"),
        ("Kepada yang terhormat\nDinas Kesehatan\nobat habis", "obat habis"),
        ("yth lampu merah mati", "lampu merah mati"),
        ("kepada warga mohon bersabar", "kepada warga mohon bersabar"),
    ],
)
def test_examples(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


def test_the_title_comes_first() -> None:
    assert normalise("isi", "Judul") == "judul isi"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_one_short_encodable_line(text: str) -> None:
    plain = normalise(text, text)
    assert len(plain) <= LIMIT
    assert plain == " ".join(plain.split())
    plain.encode()
