"""What one cell of the benchmark counts, and how a process tells it: JSON lines on standard output."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """One cell to run: so many citizens, who think so long, for so long, on that channel."""

    citizens: int
    think: float
    warmup: float
    seconds: float
    port: int = 0
    path: str = "/"
    channel: str = "telegram"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an order. Times are milliseconds; `turns` and `complaints` are those of the measured seconds.

    `lost` citizens wait in vain for a reply, `doubled` replies nobody waited for, `astray` conversations had to go
    on after their last turn, `refused` requests were not answered with 200 and had to be repeated, `hung_up`
    connections were closed instead of an answer. `receipts` are all ticket numbers that citizens have read, and
    `receipt_turns` the turns that they took, the warm-up's included.
    """

    turns: int
    complaints: int
    p50: float
    p95: float
    p99: float
    p50_by_turn: list[float]
    posted: int
    lost: int = 0
    doubled: int = 0
    astray: int = 0
    refused: int = 0
    hung_up: int = 0
    receipt_turns: int = 0
    receipts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Latencies of the measured turns, in seconds, by the turn's place in its complaint."""

    measuring: bool = False
    complaints: int = 0
    latencies: dict[int, list[float]] = field(default_factory=dict)

    def turn(self, place: int, seconds: float) -> None:
        """A reply was seen."""
        if self.measuring:
            self.latencies.setdefault(place, []).append(seconds)

    def receipt(self) -> None:
        """A ticket number was read."""
        self.complaints += self.measuring

    def result(self, **counts: Any) -> Result:
        """Everything counted so far, with the counts that the process kept itself."""
        every = sorted(each for turn in self.latencies.values() for each in turn)
        return Result(
            turns=len(every),
            complaints=self.complaints,
            p50=percentile(every, 0.50),
            p95=percentile(every, 0.95),
            p99=percentile(every, 0.99),
            p50_by_turn=[percentile(sorted(turn), 0.5) for _, turn in sorted(self.latencies.items())],
            **counts,
        )


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of ordered seconds, in milliseconds; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)


def tell(event: str, content: Any = None) -> None:
    """Tell the parent process that something happened."""
    print(json.dumps({"event": event, "content": content}), flush=True)


def tell_result(result: Result) -> None:
    """Tell the parent process what came of its order."""
    tell("done", asdict(result))
