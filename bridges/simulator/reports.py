"""A report as it is handed in, and as SP4N has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bridges.simulator.catalogue import Unit, topics
from bridges.simulator.statuses import DISPOSED


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a report: its bytes, what they are, its name."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody hands in. `classification`: 1 pengaduan, 2 permintaan informasi, 3 aspirasi; `unit` the name or id
    of an institution that is suggested; coordinates in degrees."""

    classification: int
    title: str
    text: str
    source: str
    happened_on: date | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    village: str | None = None
    place_words: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    category_id: str | None = None
    unit: str | None = None
    anonymous: bool = False
    secret: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a report's log: what happened, the status then, what was said to or by the pelapor, and by whom."""

    at: datetime
    status: str
    note: str
    words: str | None
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Submission):
    """A report as SP4N has it. `tracking_id` is None while it waits for one; `text` is as it came (`final_text` as an
    officer left it), `status` in SP4N's words; `deed_status` the same without the unit."""

    id: int
    tracking_id: str | None
    token: str
    received_at: datetime
    final_text: str
    deed_status: str
    status_at: datetime
    verified_at: datetime | None
    at_unit: Unit | None
    disposed_at: datetime | None
    spoken_at: datetime | None
    answers: int
    reason: str | None
    files: tuple[str, ...] = ()
    log: tuple[Line, ...] = ()

    @property
    def status(self) -> str:
        """The status as SP4N shows it."""
        if self.deed_status == DISPOSED and self.at_unit is not None:
            return f"{DISPOSED} ke {self.at_unit.name}"
        return self.deed_status

    @property
    def category(self) -> str | None:
        """The name of its category."""
        topic = topics().get(self.category_id or "")
        return topic.name if topic else None

    @property
    def flags(self) -> str:
        """ "Anonim|Rahasia", as the export has it."""
        return "|".join(name for name, set_ in (("Anonim", self.anonymous), ("Rahasia", self.secret)) if set_)
