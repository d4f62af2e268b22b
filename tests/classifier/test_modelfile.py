"""Only the expected model file is loaded, and nobody can read a citizen's words in it."""

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from classifier import load, modelfile
from classifier.modelfile import Model, ModelRefused, pack, seal, unpack
from classifier.text import normalise


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return modelfile.PATH.read_bytes()


@pytest.fixture(scope="module")
def model(shipped: bytes) -> Model:
    return unpack(shipped)


def place(folder: Path, data: bytes, digest: str | None = None) -> Path:
    path = folder / "model.skops"
    path.write_bytes(data)
    facts = f'sha256 = "{digest or seal(data)}"\ntrained = "2026-01-02"\n'
    path.with_suffix(".toml").write_text(facts, encoding="utf-8")
    return path


def tree(data: bytes) -> dict[str, Any]:
    content: dict[str, Any] = skops.io.loads(data, trusted=[])
    return content


def test_the_shipped_file_is_small(shipped: bytes) -> None:
    assert len(shipped) < 16 * 2**20


def test_a_copy_with_its_facts_is_loaded(tmp_path: Path, shipped: bytes) -> None:
    assert load(place(tmp_path, shipped)).read("halo").model == f"2026-01-02.{seal(shipped)[:8]}"


def test_equal_models_give_equal_bytes(model: Model) -> None:
    data = pack(model)
    assert pack(unpack(data)) == data


@pytest.mark.parametrize("where", [0.0, 0.3, 0.99])
def test_a_changed_byte_is_refused(tmp_path: Path, shipped: bytes, where: float) -> None:
    changed = bytearray(shipped)
    changed[int(where * len(changed))] ^= 1
    with pytest.raises(ModelRefused, match="SHA-256"):
        load(place(tmp_path, bytes(changed), seal(shipped)))


def test_a_missing_file_is_refused(tmp_path: Path, shipped: bytes) -> None:
    path = place(tmp_path, shipped)
    path.unlink()
    with pytest.raises(ModelRefused, match="missing"):
        load(path)


@pytest.mark.parametrize("facts", [None, "", "sha256 = ", 'trained = "2026-01-02"', "\0"])
def test_missing_or_broken_facts_are_refused(tmp_path: Path, shipped: bytes, facts: str | None) -> None:
    path = place(tmp_path, shipped)
    path.with_suffix(".toml").unlink()
    if facts is not None:
        path.with_suffix(".toml").write_text(facts, encoding="utf-8")
    with pytest.raises(ModelRefused, match="facts"):
        load(path)


@pytest.mark.parametrize("stranger", [LogisticRegression(), np.float32(1), {1, 2}, os.path.join, Path])
def test_a_file_with_an_unexpected_type_is_refused(tmp_path: Path, shipped: bytes, stranger: object) -> None:
    data = skops.io.dumps({**tree(shipped), "stranger": stranger})
    with pytest.raises(ModelRefused, match="expected types"):
        load(place(tmp_path, data))


def test_a_file_that_lacks_a_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="expected types"):
        load(place(tmp_path, skops.io.dumps({"format": 1, "labels": ["a"]})))


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04K\x01."], ids=["empty", "zip head", "pickle"])
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelRefused, match="not a skops archive"):
        load(place(tmp_path, data))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"bands": [0.1, 0.2]},
        {"bands": [0.1, 0.2, float("nan")]},
        {"seen": np.zeros(3, dtype=np.int64)},
        {"vocabulary": np.zeros(3, dtype=np.int64)},
        {"rarities": np.zeros(3, dtype=np.float32)},
        {"rarities": np.array(["x", None], dtype=object)},
        {"topics": {"labels": ["a", "b"]}},
        {"functions": []},
    ],
    ids=["format", "two bands", "no band", "seen", "vocabulary", "shape", "objects", "missing numbers", "list"],
)
def test_right_types_with_wrong_contents_are_refused(tmp_path: Path, shipped: bytes, change: dict[str, Any]) -> None:
    with pytest.raises(ModelRefused):
        load(place(tmp_path, skops.io.dumps({**tree(shipped), **change})))


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": float("nan")}, {"doubt": 1.0}, {"doubt": "x"}])
def test_an_impossible_calibration_is_refused(tmp_path: Path, shipped: bytes, wrong: dict[str, Any]) -> None:
    content = tree(shipped)
    content["topics"].update(wrong)
    with pytest.raises(ModelRefused):
        load(place(tmp_path, skops.io.dumps(content)))


def test_numbers_that_are_none_are_refused(tmp_path: Path, shipped: bytes) -> None:
    content = tree(shipped)
    content["rarities"][7] = np.nan
    with pytest.raises(ModelRefused):
        load(place(tmp_path, skops.io.dumps(content)))


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def strings(node: Any) -> Iterator[str]:
    """Yield every value that the schema spells out."""
    if isinstance(node, dict):
        if node.get("__loader__") == "JsonNode" and isinstance(json.loads(node["content"]), str):
            yield json.loads(node["content"])
        for child in node.values():
            yield from strings(child)
    elif isinstance(node, list):
        for child in node:
            yield from strings(child)


def test_the_only_words_in_the_file_are_its_labels(shipped: bytes, model: Model) -> None:
    parts = members(shipped)
    labels = {label for head in model.heads.values() for label in head.labels}
    schema = parts.pop("schema.json")
    assert set(strings(json.loads(schema))) == labels
    known = " ".join(labels)
    assert [word for word in re.findall(r"[A-Za-z]{12,}", schema.decode()) if word not in known] == []
    common = (b"jalan", b"mohon", b"tolong", b"bapak", b"kepada", b"terima", b"rumah", b"warga", b"nomornik")
    for content in parts.values():
        assert re.findall(rb"[A-Za-z]{12,}", content) == []
        assert [word for word in common if word in content.lower()] == []


def test_no_long_word_of_the_training_texts_is_in_the_file(shipped: bytes, model: Model) -> None:
    shared = os.environ.get("LAPOR_SHARED")
    if not shared:
        pytest.skip("LAPOR_SHARED does not name the folder with the training texts")
    labels = " ".join(label for head in model.heads.values() for label in head.labels).lower()
    words: set[str] = set()
    with (Path(shared) / "data" / "complaints_train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            words.update(re.findall(r"[a-z]{9,}", normalise(row["text"], row["title"])))
    content = b"\n".join(members(shipped).values()).lower()
    present = set(re.findall(r"[a-z]{9,}", content.decode("latin-1")))
    assert {word for word in words & present if word not in labels} <= {"report_class", "functions", "temperature"}
