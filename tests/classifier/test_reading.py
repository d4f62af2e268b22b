"""The shipped model reads whatever it is given: fast, safely, and with the right office for what is obvious."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import Classifier, Guess, Reading, load
from classifier.features import SIZE, features, shares, trust, word_hashes
from classifier.text import normalise, words

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load()


def check(reading: Reading) -> None:
    assert len(reading.functions) == 5
    assert len(reading.topics) == 5
    assert len(reading.report_class) == 3
    assert reading.likely[0] == reading.functions[0].label
    assert reading.possible[: len(reading.likely)] == reading.likely
    assert reading.band in ("auto", "ask")
    for guesses in (reading.functions, reading.topics, reading.report_class):
        assert all(type(guess) is Guess and 0 <= guess.confidence <= 1 for guess in guesses)
        assert all(better.confidence >= worse.confidence for better, worse in pairwise(guesses))
        assert sum(guess.confidence for guess in guesses) <= 1.0001
        assert len({guess.label for guess in guesses}) == len(guesses)


# Lone surrogates too: JSON can carry them.
anything = st.text(st.characters(exclude_categories=()), max_size=400)


@settings(max_examples=300, deadline=None)
@given(text=anything, title=anything)
def test_any_text_is_read(classifier: Classifier, text: str, title: str) -> None:
    check(classifier.read(text, title))


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "😀" * 50, "\ud800", "x" * 100_000, "yth " * 25_000, "ﷺ" * 100_000, "a@" * 50_000, "1-" * 50_000],
    ids=["empty", "blank", "nul", "emoji", "surrogate", "one word", "salutations", "ligatures", "addresses", "numbers"],
)
def test_strange_texts_are_read_in_time(classifier: Classifier, text: str) -> None:
    started = time.process_time()
    check(classifier.read(text))
    # Some milliseconds; anything that grows with the square would take minutes.
    assert time.process_time() - started < 20


def test_words_after_the_first_four_thousand_characters_are_not_read(classifier: Classifier) -> None:
    beginning = "air keruh dan bau sejak kemarin, mohon dicek. " * 87
    assert len(beginning) > 4000
    assert classifier.read(beginning + "paspor imigrasi " * 500) == classifier.read(beginning)


def test_a_text_without_words_gets_no_confident_office(classifier: Classifier) -> None:
    assert classifier.read("").functions[0].confidence < 0.2
    assert classifier.read("???").functions[0].confidence < 0.2


def test_a_title_is_read_too(classifier: Classifier) -> None:
    assert classifier.read("tolong segera dibantu", "Jalan rusak berlubang").functions[0].label == "pu"


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("pu", "jalan depan sekolah berlubang dan rusak parah"),
        ("dukcapil", "KTP elektronik saya sudah setahun belum jadi"),
        ("dlh", "sampah menumpuk di pinggir sungai dan bau sekali"),
        ("dinsos", "saya tidak pernah dapat bansos PKH padahal keluarga miskin"),
        ("pdam", "air PDAM mati sudah tiga hari"),
        ("dishub", "parkir liar bikin macet di depan pasar"),
        ("dinkes", "puskesmas tutup padahal masih jam kerja, pasien tidak dilayani"),
        ("disdik", "sekolah SD menarik iuran kepada siswa baru"),
        ("bpjs_kesehatan", "kartu BPJS kesehatan saya tidak aktif padahal iuran dibayar"),
        ("naker", "perusahaan tidak membayar upah lembur karyawan"),
    ],
)
def test_the_obvious_office_is_among_the_first_three(classifier: Classifier, function: str, text: str) -> None:
    assert function in [guess.label for guess in classifier.read(text).functions[:3]]


@pytest.mark.parametrize(
    "text",
    ["", "halo", "😀😀😀", "\0\0", "1671012345678901", "the bus was late again and nobody answers", "ya " * 40_000],
    ids=["empty", "one word", "emoji", "nul", "nik", "english", "long"],
)
def test_who_knows_nothing_asks(classifier: Classifier, text: str) -> None:
    assert classifier.read(text).band == "ask"


@pytest.mark.parametrize(
    "text", ["qwer", "asdf qwer", "xkjdhf sdkjfh wuerz", "lorem ipsum dolor sit amet", "ktp", "1671010101900001"]
)
def test_words_that_nobody_knows_and_single_ones_carry_little(classifier: Classifier, text: str) -> None:
    assert classifier.read(text).functions[0].confidence < 0.5
    assert classifier.read(text).band == "ask"


@given(texts=st.lists(st.tuples(anything, anything), max_size=6))
@settings(max_examples=50, deadline=None)
def test_many_are_read_as_one_by_one(classifier: Classifier, texts: list[tuple[str, str]]) -> None:
    together = classifier.read_many(texts)
    alone = [classifier.read(text, title) for text, title in texts]
    for one, other in zip(together, alone, strict=True):
        assert one.functions[0].confidence == pytest.approx(other.functions[0].confidence, abs=1e-4)
        assert one.band == other.band or abs(one.functions[0].confidence - classifier.sure_from) < 1e-4


@given(text=anything)
@settings(max_examples=100, deadline=None)
def test_reasons_lie_in_the_text(classifier: Classifier, text: str) -> None:
    reasons = classifier.why(text, "pu")
    assert all(0 <= reason.start < reason.end <= len(text) for reason in reasons)
    assert all(better.weight >= worse.weight > 0 for better, worse in pairwise(reasons))
    assert sum(reason.weight for reason in reasons) <= 1.0001


@given(text=st.text("abcde nyi2.,", max_size=120))
@settings(max_examples=200, deadline=None)
def test_what_words_share_adds_up_to_the_features(text: str) -> None:
    """The words explain the very numbers that the model reads."""
    rarities = np.linspace(1, 9, SIZE, dtype=np.float32)
    columns, weights, places = shares([word.form for word in words(text)], rarities)
    expected = np.zeros(SIZE, dtype=np.float64)
    known, values = features(normalise(text), rarities)
    np.add.at(expected, known, values)
    found = np.zeros(SIZE, dtype=np.float64)
    np.add.at(found, columns, weights)
    assert np.allclose(found, expected, atol=1e-5)
    assert set(places.tolist()) <= set(range(len(words(text))))


@pytest.mark.parametrize(
    ("function", "text", "said"),
    [
        ("pu", "Tlg pak, jln dpn rmh sy RUSAAAK parah", "RUSAAAK"),
        ("dukcapil", "e-KTP sy dak jadi2 dari taun kemaren", "KTP"),
        ("pdam", "banyu leding mati galo di 7 Ulu", "leding"),
    ],
)
def test_reasons_are_in_the_citizens_own_spelling(classifier: Classifier, function: str, text: str, said: str) -> None:
    assert any(said in text[reason.start : reason.end] for reason in classifier.why(text, function)[:3])


def test_a_function_that_nobody_knows_has_no_reasons(classifier: Classifier) -> None:
    assert classifier.why("jalan rusak", "dinas_antah_berantah") == ()


def test_threads_share_one_classifier(classifier: Classifier) -> None:
    texts = [f"lampu taman nomor {number} padam dan gelap {'sekali ' * number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(classifier.read, texts)) == [classifier.read(text) for text in texts]


def test_the_version_is_a_day_and_a_digest(classifier: Classifier) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d\.[0-9a-f]{8}", classifier.read("halo").model)


def test_loading_warns_of_nothing() -> None:
    code = "import classifier; classifier.load().read('halo')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")


@given(
    known=st.lists(st.sampled_from("jalan rusak parah lampu mati".split()), max_size=6),
    strange=st.lists(st.text("qxzwv", min_size=5, max_size=9), max_size=6),
)
@settings(max_examples=200, deadline=None)
def test_trust_grows_with_known_words(known: list[str], strange: list[str]) -> None:
    vocabulary = frozenset(word_hashes("jalan rusak parah lampu mati"))
    half = trust(" ".join(known + strange), vocabulary)
    assert 0 <= half <= 1
    assert (half == 0) == (not known)
    assert trust(" ".join([*known, "jalan", *strange]), vocabulary) >= half
    assert trust(" ".join([*known, *strange, "qqqqqqqqqq"]), vocabulary) <= half
