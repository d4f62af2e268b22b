"""The commands: train on a small invented file, measure, predict; bad rows are named by their line."""

import csv
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from classifier import load
from classifier.__main__ import main
from classifier.topics import read_topics

COLUMNS = ("id", "date", "report_class", "category", "title", "text", "function")
MATTERS = (
    ("pu", "Jalan Berlubang", "aspal terkelupas dan lubang dalam di tikungan"),
    ("dlh", "Sampah", "sampah tidak diangkut dan baunya menyengat"),
    ("kec_kel", "Tidak Ada", "kantor kecamatan tutup siang hari"),
)


def row(number: int, **changes: str) -> dict[str, str]:
    function, category, text = MATTERS[number % 3]
    return {
        "id": str(number),
        "date": f"202{1 + number // 60}-05-0{1 + number % 9}" if number % 5 else "",
        "report_class": ("Pengaduan Berkadar Pengawasan", "Aspirasi", "Permintaan Informasi", "")[number % 4],
        "category": category,
        "title": f"Laporan {number}",
        "text": f"{text} {'sekali ' * (number % 5)}",
        "function": function,
        **changes,
    }


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    categories = folder / "categories.csv"
    categories.write_text(
        "topic,name\nPEKERJAAN\xa0UMUM\xa0DAN\xa0PENATAAN\xa0RUANG,JALAN\xa0BERLUBANG\n"
        "LINGKUNGAN HIDUP DAN KEHUTANAN,SAMPAH\nCORONA VIRUS,SAMPAH\nPERHUBUNGAN,GANDA\nAGAMA,GANDA\n",
        encoding="utf-8",
    )
    path = folder / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, [row(number) for number in range(180)])


def test_training_writes_a_model_that_loads(tmp_path: Path, data: Path) -> None:
    assert main(["train", str(data), "--out", str(tmp_path), "--date", "2026-03-04"]) == 0
    reading = load(tmp_path / "model.skops").read("lubang di jalan beraspal")
    assert reading.model.startswith("2026-03-04.")
    assert [guess.label for guess in reading.functions] == ["pu", "dlh"]
    assert reading.topics[0].label == "PEKERJAAN UMUM DAN PENATAAN RUANG"
    facts = tomllib.loads((tmp_path / "model.toml").read_text(encoding="utf-8"))
    assert facts["reports"] == 180
    assert facts["functions"]["reports"] == 120
    assert facts["functions"]["measured_year"] == 2023


def test_training_twice_gives_the_same_files(tmp_path: Path, data: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        assert main(["train", str(data), "--out", str(folder), "--date", "2026-03-04"]) == 0
    for name in ("model.skops", "model.toml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_evaluating_prints_model_and_reference(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "2023" in printed
    assert printed.count("reference") == 3


@pytest.mark.parametrize(
    "changes",
    [{"date": "4 Mei"}, {"report_class": "Pujian"}, {"title": "", "text": ""}, {"function": "dinas_antah_berantah"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_bad_row_is_named_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    data = write(tmp_path, [row(0), row(1, **changes), row(2)])
    assert main(["train", str(data), "--out", str(tmp_path)]) == 2
    assert "line 3:" in capsys.readouterr().err
    assert not (tmp_path / "model.skops").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\n1,x\n", "no column date"),
        (b"date,report_class,category,title,text,function\n,,,a,b\n", "line 2: more or fewer fields"),
        (b"date,report_class,category,title,text,function\n,,,a,\xff,pu\n", "not UTF-8"),
        (b'date,report_class,category,title,text,function\n,,,a,"b,pu\n', "line 2: "),
        (b"", "no column date"),
    ],
    ids=["columns", "fields", "encoding", "quotes", "empty"],
)
def test_a_broken_file_is_explained(
    data: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    data.write_bytes(content)
    assert main(["evaluate", str(data)]) == 2
    assert message in capsys.readouterr().err


def test_too_few_reports_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(write(tmp_path, [row(1), row(2)])), "--out", str(tmp_path)]) == 2
    assert "two labels with" in capsys.readouterr().err


def test_a_missing_file_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none.csv")]) == 2
    assert "categories.csv" in capsys.readouterr().err


def test_a_category_under_two_topics_has_none(data: Path) -> None:
    topics = read_topics(data.with_name("categories.csv"))
    assert "ganda" not in topics
    assert topics["sampah"] == "LINGKUNGAN HIDUP DAN KEHUTANAN"
    assert topics["jalan berlubang"] == "PEKERJAAN UMUM DAN PENATAAN RUANG"
    assert topics["perhubungan"] == "PERHUBUNGAN"


def predict(monkeypatch: pytest.MonkeyPatch, lines: bytes) -> int:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    return main(["predict"])


def test_predicting_keeps_the_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[dict[str, Any]] = [
        {"id": 7, "title": "", "text": "jalan rusak berlubang"},
        {"id": "b", "title": None, "text": "KTP belum jadi"},
        {"id": "c", "text": "\ud83d"},
    ]
    assert predict(monkeypatch, "\n\n".join(map(json.dumps, asked)).encode()) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in answers] == [7, "b", "c"]
    assert [set(answer) for answer in answers] == [{"id", "functions", "topics", "class"}] * 3
    assert answers[0]["functions"][0]["label"] == "pu"
    assert answers[1]["functions"][0]["label"] == "dukcapil"
    assert answers[1]["class"] == "pengaduan"


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff",
        b"[]",
        b'{"text": "x"}',
        b'{"id": 1}',
        b'{"id": 1, "text": 2}',
        b'{"id": 1, "text": "x", "title": 2}',
    ],
)
def test_a_bad_line_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: bytes) -> None:
    assert predict(monkeypatch, b'{"id": 1, "text": "x"}\n' + line + b"\n") == 2
    assert "line 2:" in capsys.readouterr().err


def test_a_refused_model_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--model", str(tmp_path / "model.skops")]) == 1
    assert "missing" in capsys.readouterr().err


def test_a_wrong_command_exits_with_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["guess"])
    assert stopped.value.code == 2
