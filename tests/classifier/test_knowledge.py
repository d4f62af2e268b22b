"""The written knowledge is whole: enough lines for every function, none twice, and none of the measuring lines."""

import os
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from classifier.examples import NEVER_PREDICTED, key_of, read_examples, read_second_readings
from classifier.knowledge import FOLDER, STYLES, TERMS, read_knowledge, read_spoken
from classifier.labels import read_names
from classifier.text import normalise

FUNCTIONS = sorted(set(read_names().functions) - NEVER_PREDICTED)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_forty_lines_and_its_terms(function: str) -> None:
    table = tomllib.loads((FOLDER / f"{function}.toml").read_text(encoding="utf-8"))
    assert sum(len(table.get(style, ())) for style in STYLES) >= 40
    assert len(table["palembang"]) >= 10
    for term in TERMS:
        assert table[term]
    assert set(table) <= {"function", *STYLES, *TERMS}


def test_no_line_stands_twice() -> None:
    lines = [example for example in read_knowledge() if example.channel in STYLES]
    assert [text for text, times in Counter(line.text for line in lines).items() if times > 1] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_line_has_words(function: str) -> None:
    table = tomllib.loads((FOLDER / f"{function}.toml").read_text(encoding="utf-8"))
    assert [line for style in STYLES for line in table.get(style, ()) if not normalise(line)] == []


def test_the_spoken_lines_are_not_in_the_knowledge() -> None:
    assert {line.text for line in read_spoken()}.isdisjoint(example.text for example in read_knowledge())


def runs(text: str) -> list[str]:
    """Every seven words in a row."""
    words = text.split()
    return [" ".join(words[place : place + 7]) for place in range(len(words) - 6)]


def test_no_line_was_copied_from_a_report() -> None:
    shared = os.environ.get("LAPOR_SHARED")
    if not shared:
        pytest.skip("LAPOR_SHARED does not name the folder with the training texts")
    reports = read_examples(Path(shared) / "data" / "complaints_train.csv", {})
    said = {run for report in reports for run in runs(report.text)}
    copied = [line.key for line in [*read_knowledge(), *read_spoken()] if not said.isdisjoint(runs(line.text))]
    assert copied == []


@pytest.mark.parametrize(
    ("content", "message"),
    [("function = 'pu'\nformal = [", "pu.toml"), ("formal = []", "function"), ("function = 'dlh'", "not this file's")],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pu.toml").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_knowledge(tmp_path)


def test_second_readings_name_functions() -> None:
    readings = read_second_readings()
    assert len(readings) > 1000
    assert {reading.function for reading in readings.values()} <= {"none", *FUNCTIONS}
    assert any(reading.overrides for reading in readings.values())


def test_a_key_tells_texts_apart_but_not_their_spaces() -> None:
    assert key_of("jalan rusak", "Jalan") == key_of(" jalan  rusak\n", "Jalan ")
    assert key_of("jalan rusak", "Jalan") != key_of("jalan rusak", "")
    assert len(key_of("\ud800")) == 16
