"""The commands: train on a small invented file, measure, predict; bad rows are named by their line."""

import csv
import io
import json
import random
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from classifier import load
from classifier.__main__ import main
from classifier.topics import read_topics

COLUMNS = ("id", "date", "report_class", "category", "title", "text", "function")
MATTERS = (
    ("pu", "Jalan Berlubang", "aspal terkelupas lubang dalam tikungan jembatan retak trotoar beton ambles".split()),
    ("dlh", "Sampah", "sampah tidak diangkut bau menyengat menumpuk lalat truk terlambat limbah".split()),
    ("kec_kel", "Tidak Ada", "kantor kecamatan tutup siang petugas pulang loket kosong antre sepi".split()),
)


def story(number: int) -> str:
    """Some words of the matter among some that no other report has: no two are near-duplicates."""
    chance = random.Random(number)  # noqa: S311
    own = ["".join(chance.choices("abdegiklmnoprstu", k=8)) for _ in range(5)]
    return " ".join(chance.sample(MATTERS[number % 3][2], 4) + own)


def row(number: int, **changes: str) -> dict[str, str]:
    function, category, _ = MATTERS[number % 3]
    return {
        "id": str(number),
        "date": f"202{1 + number // 60}-05-0{1 + number % 9}" if number % 5 else "",
        "report_class": ("Pengaduan Berkadar Pengawasan", "Aspirasi", "Permintaan Informasi", "")[number % 4],
        "category": category,
        "title": f"Laporan {number}",
        "text": story(number),
        "function": function,
        **changes,
    }


KNOWLEDGE = """\
function = "{function}"
services = ["{line}"]
documents = []
objects = []
formal = ["{line} setiap hari", "mohon {line} diperiksa"]
informal = ["{line} gmn nih"]
palembang = ["{line} nian"]
other = []
"""


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    (folder / "knowledge").mkdir(exist_ok=True)
    for function, line in (("pu", "trotoar pecah"), ("dlh", "selokan bau limbah")):
        content = KNOWLEDGE.format(function=function, line=line)
        (folder / "knowledge" / f"{function}.toml").write_text(content, encoding="utf-8")
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


def train(data: Path, out: Path) -> int:
    """Run the command as on the real data, with a small knowledge of its own."""
    folder = str(data.with_name("knowledge"))
    fixed = ["--knowledge", folder, "--quiet", "--date", "2026-03-04"]
    return main(["train", str(data), "--out", str(out), *fixed])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, [row(number) for number in range(180)])


def test_training_writes_a_model_that_loads(tmp_path: Path, data: Path) -> None:
    assert train(data, tmp_path) == 0
    reading = load(tmp_path / "model.skops").read("lubang di jalan beraspal")
    assert reading.model.startswith("2026-03-04.")
    assert [guess.label for guess in reading.functions] == ["pu", "dlh"]
    assert reading.topics[0].label == "PEKERJAAN UMUM DAN PENATAAN RUANG"
    facts = tomllib.loads((tmp_path / "model.toml").read_text(encoding="utf-8"))
    assert facts["reports"] == 180
    assert facts["lines"] == 10
    assert facts["functions"]["rows"] == 130
    (trial,) = facts["trial"]
    assert trial["held"] == "2023"
    assert trial["local"]["rows"] == 32
    value, low, high = trial["local"]["accuracy"]
    assert low <= value <= high
    assert trial["label"]["pu"]["rows"] + trial["label"]["dlh"]["rows"] == 32


def test_training_twice_gives_the_same_files(tmp_path: Path, data: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        assert train(data, folder) == 0
    for name in ("model.skops", "model.toml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_makes_a_function_worse_is_refused(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The corrections call most of the waste roads, and are wrong: the old model is right about the rest."""
    assert train(data, tmp_path) == 0
    old = (tmp_path / "model.skops").read_bytes()
    numbers = [number for number in range(600, 1500) if number % 3 < 2]
    wrong = [row(number, date="2024-02-01", id=f"k{number}") for number in numbers]
    for one in wrong:
        if one["function"] == "dlh" and int(one["id"][1:]) % 10:
            one["function"] = "pu"
    (tmp_path / "more").mkdir()
    corrections = write(tmp_path / "more", wrong)
    again = ["--out", str(tmp_path), "--knowledge", str(tmp_path / "knowledge"), "--quiet"]
    capsys.readouterr()
    assert main(["train", str(data), str(corrections), *again]) == 3
    printed = capsys.readouterr()
    assert "Compared with 2026-03-04." in printed.out
    assert "not replaced: the new model is worse at dlh" in printed.err
    assert (tmp_path / "model.skops").read_bytes() == old
    assert main(["train", str(data), str(corrections), *again, "--force"]) == 0
    assert (tmp_path / "model.skops").read_bytes() != old


def test_right_corrections_are_learned(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(data, tmp_path) == 0
    (tmp_path / "more").mkdir()
    new = [row(number, date="2024-02-01", id=f"k{number}") for number in range(600, 720)]
    corrections = write(tmp_path / "more", new)
    again = ["--out", str(tmp_path), "--knowledge", str(tmp_path / "knowledge"), "--quiet", "--date", "2026-03-05"]
    capsys.readouterr()
    assert main(["train", str(data), str(corrections), *again]) == 0
    assert "2 functions with 20 reports or more to judge by" in capsys.readouterr().out
    assert load(tmp_path / "model.skops").version.startswith("2026-03-05.")


def test_learning_the_same_again_replaces_the_model(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path) == 0
    capsys.readouterr()
    assert train(data, tmp_path) == 0
    assert "Compared with 2026-03-04." in capsys.readouterr().out


def test_evaluating_prints_every_figure_with_its_interval(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path) == 0
    capsys.readouterr()
    assert main(["evaluate", str(data), "--model", str(tmp_path / "model.skops"), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "has learned from 180 of them" in printed
    for name in ("accuracy", "macro_f1", "top3", "calibration_error", "coverage90", "size90", "auto_share"):
        assert re.search(rf"  {name} +[\d.]+ \([\d.]+ to [\d.]+\)", printed), name
    assert re.search(r"^pu +60 ", printed, re.MULTILINE)


def test_a_card_is_written(tmp_path: Path, data: Path) -> None:
    assert train(data, tmp_path) == 0
    assert main(["card", "--out", str(tmp_path)]) == 0
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Held out: 2023" in card
    assert "| accuracy (first guess right) | " in card
    assert "| palembang | 150 | " in card
    assert "{{" not in card


@pytest.mark.parametrize(
    "changes",
    [{"date": "4 Mei"}, {"report_class": "Pujian"}, {"title": "", "text": ""}, {"function": "dinas_antah_berantah"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_bad_row_is_named_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    data = write(tmp_path, [row(0), row(1, **changes), row(2)])
    assert train(data, tmp_path) == 2
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
    assert train(write(tmp_path, [row(1), row(2)]), tmp_path) == 2
    assert "nothing to hold out" in capsys.readouterr().err


def test_a_missing_file_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


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
    assert [set(answer) for answer in answers] == [{"id", "functions", "topics", "class", "set", "band"}] * 3
    assert all(answer["set"][0] == answer["functions"][0]["label"] for answer in answers)
    assert [answer["band"] for answer in answers] in (
        ["auto", "auto", "ask"],
        ["auto", "ask", "ask"],
        ["ask", "auto", "ask"],
    )
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
