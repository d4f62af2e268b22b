"""How many questions a citizen is asked until the summary: real texts, replayed as first messages.

`python -m bench.questions DATA.csv --n 100 --seed 7` plays each text against the pure engine and answers what the bot
asks as somebody would who knows the answers. Half of the texts are an agency's own reports, half are public ones.
The texts are from other regions than ours, so that the place is nearly always asked; a region that was read out of one
by itself is worth a look.

`--out FILE` writes for every text what was read out of it, one JSON object a line, to be checked by eye. It holds
citizens' words and so must lie outside the repository.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(1, str(ROOT / "tests"))

from talking import Chat  # noqa: E402

SOURCES = ("regency_export", "national_crawl")
SHORTEST, LONGEST = 40, 3000
# An engine that asks longer than this never comes to the point.
PATIENCE = 20

CLASSES = {
    "aspirasi": "aspirasi",
    "permintaan informasi": "permintaan_informasi",
}
"""What the citizen wants, by the label in the data; all else, also no label, is a complaint."""

STREETS = ("Jalan Merdeka", "Lorong Sepakat", "Jalan Kolonel Wahid Udin", "Simpang Lima", "Gang Melati")
WORDS = {"region": "Musi Banyuasin", "time": "sejak minggu lalu", "photos": "tidak ada"}
"""What the citizen says, by the question's name; place and class depend on the text."""


@dataclass(frozen=True, slots=True)
class Report:
    """A text of the data, with the class that the citizen means."""

    id: str
    source: str
    text: str
    report_class: str
    labelled: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """One text played: the questions asked in order, whether a summary came, and what the story told by itself."""

    report: Report
    questions: tuple[str, ...]
    reached: bool
    read: dict[str, Any]

    @property
    def place(self) -> str:
        """The words for the place that were read."""
        return str((self.read.get("place") or {}).get("text") or "")

    @property
    def region(self) -> str:
        """The code of the region that was read."""
        return str((self.read.get("place") or {}).get("region") or "")


def read_reports(path: Path) -> list[Report]:
    """The texts of a fitting length. Raises KeyError where a column is missing."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Report(
                id=row["id"],
                source=row["source"],
                text=row["text"].strip(),
                report_class=CLASSES.get(row["report_class"].strip().casefold(), "pengaduan"),
                labelled=bool(row["report_class"].strip()),
            )
            for row in csv.DictReader(file)
            if SHORTEST <= len(row["text"].strip()) <= LONGEST
        ]


def sample(reports: Sequence[Report], number: int, seed: int) -> list[Report]:
    """So many of the texts, half from each source; the same for the same seed. Raises ValueError if there are fewer."""
    dice = random.Random(seed)
    halves = (number - number // 2, number // 2)
    return [
        report
        for source, half in zip(SOURCES, halves, strict=True)
        for report in dice.sample([each for each in reports if each.source == source], half)
    ]


def replay(report: Report) -> Replay:
    """Play one text as the first message, and answer until the summary or until patience ends."""
    chat = Chat()
    chat.say(report.text)
    read = _read(chat)
    questions: list[str] = []
    while not _summary_shown(chat) and len(questions) < PATIENCE:
        question = chat.asking or ""
        questions.append(question or "nothing")
        _answer(chat, question, report)
    return Replay(report, tuple(questions), _summary_shown(chat), read)


def _summary_shown(chat: Chat) -> bool:
    return chat.asking == "confirm" or any(key.split(".")[0] == "summary" for key in chat.keys)


def _read(chat: Chat) -> dict[str, Any]:
    """What the first message has answered, by question; the story itself is no news."""
    draft = chat.conversation.draft
    if draft is None:
        return {}
    found = {name: answer.value for name, answer in draft.answers.items() if name != "story"}
    return {name: value for name, value in found.items() if value is not None}


def _answer(chat: Chat, question: str, report: Report) -> None:
    """Say or tap what a cooperative citizen would; what nobody foresaw is skipped, or gets the first choice."""
    choices = {choice.rpartition(":")[2]: choice for choice in chat.buttons.values()}
    street = STREETS[sum(report.id.encode()) % len(STREETS)]
    match question:
        case "place":
            chat.say(f"di {street}, Sekayu")
        case "class" if report.report_class in choices:
            chat.choose(choices[report.report_class])
        case "class":
            chat.say(report.report_class.replace("_", " "))
        case "photos" if "none" in choices:
            chat.choose(choices["none"])
        case "story" | "":
            chat.say(report.text)
        case _ if question in WORDS:
            chat.say(WORDS[question])
        case _ if choices:
            chat.choose(choices.get("skip") or next(iter(choices.values())))
        case _:
            chat.say("tidak tahu")


def tell(replays: Sequence[Replay]) -> None:
    """Print the figures."""
    counts = sorted(len(each.questions) for each in replays if each.reached)
    print(f"{len(replays)} texts; the summary appeared for {len(counts)}")
    if len(counts) > 1:
        p90 = statistics.quantiles(counts, n=10, method="inclusive")[-1]
        print(f"questions: median {statistics.median(counts):g}, mean {statistics.mean(counts):.2f}, p90 {p90:g}")
        fewer = [sum(name != "region" for name in each.questions) for each in replays if each.reached]
        print(f"without the region: median {statistics.median(fewer):g}, mean {statistics.mean(fewer):.2f}")
    histogram = Counter(counts)
    for number in range(max(histogram, default=-1) + 1):
        print(f"  {number:2} {histogram[number]:4} {'#' * round(60 * histogram[number] / len(counts))}")
    print("asked:")
    for name, times in Counter(name for each in replays for name in each.questions).most_common():
        print(f"  {name:10} {times:4}  in {sum(name in each.questions for each in replays)} texts")
    print("read out of the story:")
    shares = {
        "place": [bool(each.place) for each in replays],
        "region": [bool(each.region) for each in replays],
        "time": ["time" in each.read for each in replays],
        "class": ["class" in each.read for each in replays],
        "place, time and class": [bool(each.place) and {"time", "class"} <= set(each.read) for each in replays],
    }
    for name, share in shares.items():
        print(f"  {name:22} {sum(share):4}  {statistics.mean(share):.0%}")
    labelled = [each for each in replays if each.report.labelled and "class" in each.read]
    right = sum(each.read["class"] == each.report.report_class for each in labelled)
    print(f"  the class that was read is the label's in {right} of {len(labelled)}")


def write(replays: Sequence[Replay], path: Path) -> None:
    """Write what was read out of each text, one JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for each in replays:
            line = {
                "id": each.report.id,
                "source": each.report.source,
                "place": each.place,
                "region": each.region,
                "time": each.read.get("time"),
                "class": each.read.get("class"),
                "label": each.report.report_class if each.report.labelled else None,
                "read": each.read,
                "questions": each.questions,
                "text": each.report.text,
            }
            file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


def outside(path: str) -> Path:
    """A path that is not inside the repository. Raises ArgumentTypeError for one that is."""
    if Path(path).resolve().is_relative_to(ROOT):
        raise argparse.ArgumentTypeError("this file will hold citizens' words: it must lie outside the repository")
    return Path(path)


def main() -> None:
    """Play the texts and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="CSV with id, source, report_class and text")
    parser.add_argument("--n", type=int, default=100, help="how many texts")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=outside, help="JSON lines, outside the repository")
    options = parser.parse_args()
    reports = sample(read_reports(options.data), options.n, options.seed)
    replays = [replay(report) for report in tqdm(reports, file=sys.stderr, disable=None)]
    tell(replays)
    if options.out:
        write(replays, options.out)


if __name__ == "__main__":
    main()
