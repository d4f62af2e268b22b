"""What the simulator remembers: one SQLite file, so that a restart forgets nothing.

Every verb is a transaction of its own and begins with what the clocks have done meanwhile. Times in it are seconds
since 1970.
"""

from __future__ import annotations

import random
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import RLock

from bridges.simulator import statuses
from bridges.simulator.catalogue import Unit, named, topics, units
from bridges.simulator.clocks import Clocks
from bridges.simulator.reports import Attachment, Line, Report, Submission
from bridges.simulator.statuses import DEEDS, DISPOSED, ENDED, UNVERIFIED

# What is stored of a report and of later words, in characters; the rest is dropped without a word.
TEXT, WORDS = 3000, 10_000
FIRST_ID = 9_200_000
WIDEST_GAP = 40
EXPIRED = "Laporan diarsipkan oleh Sistem karena sudah mencapai batas kadaluarsa pengaduan."
WISHED = "Laporan diarsipkan sesuai dengan keinginan Pelapor."
ADMIN = "Admin Instansi"

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS reports (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tracking_id TEXT UNIQUE, token TEXT NOT NULL UNIQUE, numbered_at REAL NOT NULL, received_at REAL NOT NULL,
        classification INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, final_text TEXT NOT NULL,
        happened_on TEXT, province TEXT, city TEXT, district TEXT, village TEXT, place_words TEXT,
        latitude REAL, longitude REAL, category_id TEXT, wanted_unit TEXT,
        anonymous INTEGER NOT NULL, secret INTEGER NOT NULL, name TEXT, source TEXT NOT NULL,
        status TEXT NOT NULL, status_at REAL NOT NULL, verified_at REAL, unit_id TEXT, disposed_at REAL,
        spoken_at REAL, answers INTEGER NOT NULL DEFAULT 0, reason TEXT
    );
    CREATE TABLE IF NOT EXISTS log (
        id INTEGER PRIMARY KEY AUTOINCREMENT, report_id INTEGER NOT NULL REFERENCES reports (id), at REAL NOT NULL,
        status TEXT NOT NULL, note TEXT NOT NULL, words TEXT, by TEXT
    );
    CREATE INDEX IF NOT EXISTS log_report ON log (report_id, id);
    CREATE TABLE IF NOT EXISTS files (
        id INTEGER PRIMARY KEY AUTOINCREMENT, report_id INTEGER NOT NULL REFERENCES reports (id), at REAL NOT NULL,
        name TEXT NOT NULL, content_type TEXT NOT NULL, content BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS files_report ON files (report_id, id);
"""


class NoReport(Exception):
    """There is no report of that number."""


class NotNow(Exception):
    """It cannot be done with a report of its present status, or not like that; says why in a sentence."""


class Storage:
    """The reports in one file. `numbers_after`: seconds from a submission until the report has its tracking id; `now`
    tells the time."""

    def __init__(
        self,
        file: Path,
        clocks: Clocks | None = None,
        *,
        numbers_after: float = 0.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.clocks, self.now = clocks or Clocks(), now
        self._numbers_after = numbers_after
        self._lock = RLock()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Leave the file."""
        with self._lock:
            self._connection.close()

    # --- what the outside does ------------------------------------------------------------------------------------

    def submit(self, given: Submission, files: Sequence[Attachment] = ()) -> Report:
        """Take a report, once more each time; what is beyond 3,000 characters of its text is lost."""
        with self._transaction() as now:
            text = given.text[:TEXT]
            cursor = self._connection.execute(
                "INSERT INTO reports (token, numbered_at, received_at, classification, title, text, final_text,"
                " happened_on, province, city, district, village, place_words, latitude, longitude, category_id,"
                " wanted_unit, anonymous, secret, name, source, status, status_at)"
                " VALUES (:token, :numbered_at, :now, :classification, :title, :text, :text, :happened_on, :province,"
                " :city, :district, :village, :place_words, :latitude, :longitude, :category_id, :unit, :anonymous,"
                " :secret, :name, :source, :status, :now)",
                {
                    "token": f"A-{secrets.token_hex(8)}",
                    "numbered_at": now + self._numbers_after,
                    "now": now,
                    "classification": given.classification,
                    "title": given.title,
                    "text": text,
                    "happened_on": given.happened_on.isoformat() if given.happened_on else None,
                    "province": given.province,
                    "city": given.city,
                    "district": given.district,
                    "village": given.village,
                    "place_words": given.place_words,
                    "latitude": given.latitude,
                    "longitude": given.longitude,
                    "category_id": given.category_id if given.category_id in topics() else None,
                    "unit": given.unit,
                    "anonymous": given.anonymous,
                    "secret": given.secret,
                    "name": given.name,
                    "source": given.source,
                    "status": UNVERIFIED,
                },
            )
            report_id = int(cursor.lastrowid or 0)
            self._write(report_id, now, UNVERIFIED, "Laporan diterima")
            for file in files:
                self._keep(report_id, now, file)
            self._number(now)
            return self._get("id", report_id)

    def attach(self, tracking_id: str, file: Attachment) -> Report:
        """Keep a file of an open report. Raises `NoReport` and `NotNow`."""
        with self._transaction() as now:
            report = self._open(tracking_id)
            self._keep(report.id, now, file)
            return self._get("id", report.id)

    def reply(self, tracking_id: str, words: str) -> Report:
        """Take words of the pelapor. Raises `NoReport` and `NotNow`."""
        with self._transaction() as now:
            report = self._open(tracking_id)
            becomes = statuses.after_reply(report.deed_status)
            self._become(report, becomes, now)
            self._connection.execute("UPDATE reports SET spoken_at = ? WHERE id = ?", (now, report.id))
            self._write(report.id, now, becomes, "Tanggapan dari Pelapor", words[:WORDS], "Pelapor")
            return self._get("id", report.id)

    def leave(self, tracking_id: str, words: str = "") -> Report:
        """The pelapor wants no more of it, and may say why: it is closed, or archived while nobody had dealt with it.
        Raises `NoReport` and `NotNow`."""
        with self._transaction() as now:
            report = self._open(tracking_id)
            becomes = statuses.after_leaving(report.deed_status)
            archived = becomes == statuses.ARCHIVED_BY_REPORTER
            self._become(report, becomes, now, WISHED if archived else None)
            note = WISHED if archived else "Laporan ditutup oleh Pelapor"
            self._write(report.id, now, becomes, note, words.strip()[:WORDS] or None, "Pelapor")
            return self._get("id", report.id)

    # --- what an officer does -------------------------------------------------------------------------------------

    def do(self, tracking_id: str, deed: str, words: str = "", unit_id: str = "") -> Report:
        """Do one of the deeds (statuses.DEEDS) with its words and the id of its institution. Raises `NoReport` and
        `NotNow`."""
        wanted, words, unit = DEEDS.get(deed), words.strip()[:WORDS], units().get(unit_id)
        with self._transaction() as now:
            report = self._get("tracking_id", tracking_id)
            if wanted is None or report.deed_status not in wanted.of:
                raise NotNow("Tindakan ini tidak berlaku untuk laporan dengan status sekarang.")
            if wanted.says and not words:
                raise NotNow("Tulis dahulu keterangannya.")
            if wanted.names_unit and unit is None:
                raise NotNow("Pilih dahulu instansinya.")
            if deed == "verifikasi" and report.verified_at is not None:
                raise NotNow("Laporan ini sudah diverifikasi.")
            self._become(report, wanted.becomes, now, words if deed == "arsip" else None)
            _AFTER.get(deed, Storage._nothing)(self, report, now, unit)
            self._write(report.id, now, wanted.becomes, *_told(deed, report, words, unit))
            return self._get("id", report.id)

    def _nothing(self, report: Report, now: float, unit: Unit | None) -> None:
        """Nothing beside its status changes."""

    def _verified(self, report: Report, now: float, unit: Unit | None) -> None:
        # Officers put the words of two thirds of the reports into "smart case", which also folds their lines.
        final = report.text if report.id % 3 == 0 else smart_case(report.text)
        self._connection.execute(
            "UPDATE reports SET verified_at = coalesce(verified_at, ?), final_text = ? WHERE id = ?",
            (now, final, report.id),
        )

    def _disposed(self, report: Report, now: float, unit: Unit | None) -> None:
        if report.verified_at is None:
            self._verified(report, now, None)
        self._connection.execute(
            "UPDATE reports SET unit_id = ?, disposed_at = ? WHERE id = ?", (unit.id if unit else None, now, report.id)
        )

    def _answered(self, report: Report, now: float, unit: Unit | None) -> None:
        self._connection.execute(
            "UPDATE reports SET spoken_at = ?, answers = answers + 1 WHERE id = ?", (now, report.id)
        )

    def _returned(self, report: Report, now: float, unit: Unit | None) -> None:
        self._connection.execute(
            "UPDATE reports SET unit_id = NULL, disposed_at = NULL, verified_at = NULL WHERE id = ?", (report.id,)
        )

    # --- what is seen ---------------------------------------------------------------------------------------------

    def get(self, tracking_id: str) -> Report:
        """One report with its log. Raises `NoReport`."""
        with self._transaction():
            return self._get("tracking_id", tracking_id)

    def by_token(self, token: str) -> Report:
        """One report by what was given before its number. Raises `NoReport`."""
        with self._transaction():
            return self._get("token", token)

    def listed(
        self, *, newest_first: bool = True, skip: int = 0, most: int | None = None, open_only: bool = False
    ) -> list[Report]:
        """Reports without their log."""
        order = "DESC" if newest_first else "ASC"
        ended = ",".join("?" * len(ENDED))
        where = f"WHERE status NOT IN ({ended})" if open_only else ""
        with self._transaction():
            rows = self._connection.execute(
                f"SELECT * FROM reports {where} ORDER BY id {order} LIMIT ? OFFSET ?",  # noqa: S608 (words of ours)
                (*(ENDED if open_only else ()), -1 if most is None else most, skip),
            )
            return [_report(row) for row in rows]

    def count(self) -> int:
        """How many reports there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM reports").fetchone()[0])

    def file(self, tracking_id: str, number: int) -> Attachment:
        """The file of that number (from 1) of a report. Raises `NoReport`."""
        with self._transaction():
            row = self._connection.execute(
                "SELECT f.* FROM files f JOIN reports r ON r.id = f.report_id WHERE r.tracking_id = ?"
                " ORDER BY f.id LIMIT 1 OFFSET ?",
                (tracking_id, max(number - 1, 0)),
            ).fetchone()
        if row is None:
            raise NoReport
        return Attachment(row["name"], row["content_type"], row["content"])

    def due(self, report: Report) -> tuple[str, datetime] | None:
        """What is to happen next by the clocks, as a sentence for officers, and until when; None: nothing."""
        clocks, status = self.clocks, report.deed_status
        if status == UNVERIFIED and report.verified_at is None:
            return "Verifikasi paling lambat", clocks.due(report.status_at, clocks.verify)
        if status == statuses.INCOMPLETE:
            return "Diarsipkan oleh Sistem", clocks.due(report.status_at, clocks.complete)
        if status == DISPOSED:
            return "Tindak lanjut paling lambat", clocks.due(report.disposed_at or report.status_at, clocks.follow_up)
        if status in statuses.CLOSES_SILENTLY:
            return "Ditutup oleh Sistem", clocks.due(report.spoken_at or report.status_at, clocks.close)
        return None

    def tick(self) -> None:
        """Do what the clocks want, though nobody asks for anything."""
        with self._transaction():
            pass

    # --- underneath -----------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[float]:
        """One after the other; yields the time, after what the clocks have done until then."""
        with self._lock:
            now = self.now().timestamp()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._number(now)
                self._settle(now)
                yield now
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _number(self, now: float) -> None:
        """Give their tracking ids to reports that have waited long enough: growing, with gaps."""
        waiting = self._connection.execute(
            "SELECT id FROM reports WHERE tracking_id IS NULL AND numbered_at <= ? ORDER BY id", (now,)
        ).fetchall()
        for row in waiting:
            newest = self._connection.execute("SELECT max(CAST(tracking_id AS INTEGER)) FROM reports").fetchone()[0]
            number = (newest or FIRST_ID) + random.randint(1, WIDEST_GAP)  # noqa: S311  # nosec B311 (no secret)
            self._connection.execute("UPDATE reports SET tracking_id = ? WHERE id = ?", (str(number), row["id"]))

    def _settle(self, now: float) -> None:
        """Close and archive what the clocks have run out for, at the moment when they did."""
        waiting = (statuses.INCOMPLETE, *statuses.CLOSES_SILENTLY)
        marks = ",".join("?" * len(waiting))
        found_rows = self._connection.execute(f"SELECT * FROM reports WHERE status IN ({marks})", waiting)  # noqa: S608
        rows = found_rows.fetchall()
        for report in map(_report, rows):
            found = self.due(report)
            if found is None or found[1].timestamp() > now:
                continue
            at = found[1].timestamp()
            if report.deed_status == statuses.INCOMPLETE:
                self._become(report, statuses.ARCHIVED_BY_SYSTEM, at, EXPIRED)
                self._write(report.id, at, statuses.ARCHIVED_BY_SYSTEM, EXPIRED)
            else:
                self._become(report, statuses.CLOSED_BY_SYSTEM, at)
                self._write(report.id, at, statuses.CLOSED_BY_SYSTEM, "Laporan ditutup oleh Sistem")

    def _open(self, tracking_id: str) -> Report:
        report = self._get("tracking_id", tracking_id)
        if report.deed_status in ENDED:
            raise NotNow("Laporan ini sudah ditutup atau diarsipkan.")
        return report

    def _get(self, column: str, value: object) -> Report:
        row = self._connection.execute(f"SELECT * FROM reports WHERE {column} = ?", (value,)).fetchone()  # noqa: S608
        if row is None:
            raise NoReport
        log = self._connection.execute("SELECT * FROM log WHERE report_id = ? ORDER BY id", (row["id"],))
        lines = tuple(Line(_time(each["at"]), each["status"], each["note"], each["words"], each["by"]) for each in log)
        names = self._connection.execute("SELECT name FROM files WHERE report_id = ? ORDER BY id", (row["id"],))
        return _report(row, lines, tuple(each["name"] for each in names))

    def _become(self, report: Report, status: str, now: float, reason: str | None = None) -> None:
        self._connection.execute(
            "UPDATE reports SET status = ?, status_at = CASE WHEN status = ? THEN status_at ELSE ? END,"
            " reason = coalesce(?, reason) WHERE id = ?",
            (status, status, now, reason, report.id),
        )

    def _write(
        self, report_id: int, now: float, status: str, note: str, words: str | None = None, by: str | None = None
    ) -> None:
        unit = self._connection.execute("SELECT unit_id FROM reports WHERE id = ?", (report_id,)).fetchone()["unit_id"]
        shown = f"{DISPOSED} ke {units()[unit].name}" if status == DISPOSED and unit in units() else status
        self._connection.execute(
            "INSERT INTO log (report_id, at, status, note, words, by) VALUES (?, ?, ?, ?, ?, ?)",
            (report_id, now, shown, note, words, by),
        )

    def _keep(self, report_id: int, now: float, file: Attachment) -> None:
        self._connection.execute(
            "INSERT INTO files (report_id, at, name, content_type, content) VALUES (?, ?, ?, ?, ?)",
            (report_id, now, file.name, file.content_type, file.content),
        )


# What changes with a deed beside the status.
_AFTER: dict[str, Callable[[Storage, Report, float, Unit | None], None]] = {
    "verifikasi": Storage._verified,
    "disposisi": Storage._disposed,
    "jawab": Storage._answered,
    "selesai": Storage._answered,
    "bukan-wewenang": Storage._returned,
}


def _told(deed: str, report: Report, words: str, unit: Unit | None) -> tuple[str, str | None, str | None]:
    """The line of the log for a deed: what happened, what was said to the pelapor, and by whom."""
    admin = parent_of(report)
    by = report.at_unit.name if report.at_unit else admin
    if deed == "verifikasi":
        return f"Laporan diverifikasi oleh {admin}", None, admin
    if deed == "disposisi" and unit is not None:
        return f"Laporan didisposisikan ke {unit.name} oleh {unit.above or admin}", None, unit.above or admin
    if deed == "tunda":
        return f"Laporan ditunda oleh {by}", words, by
    if deed == "bukan-wewenang":
        return f"Bukan wewenang {by}; laporan dikembalikan untuk verifikasi", words, by
    if deed == "arsip":
        return f"Laporan diarsipkan oleh {admin}", words, admin
    if deed == "blokir":
        return "Konten laporan diblokir", None, admin
    if deed == "tutup":
        return f"Laporan ditutup oleh {admin}", words or None, admin
    return f"Tindak lanjut dari {by}", words, by


def parent_of(report: Report) -> str:
    """Whose administrators deal with a report: those of its unit's government, of its region's, or of the nation."""
    unit = report.at_unit or named(report.unit)
    if unit is not None:
        return unit.above or unit.name
    for where in (report.city, report.province):
        plain = (where or "").casefold()
        found = next(
            (
                each
                for each in units().values()
                if each.name.startswith("Pemerintah ")
                and not each.kind
                and plain
                and each.where.casefold().endswith(plain)
            ),
            None,
        )
        if found is not None:
            return found.name
    return "Admin Nasional"


def smart_case(text: str) -> str:
    """A text as SP4N's button of that name leaves it: lower case, sentences with a capital, one blank between words."""
    folded = " ".join(text.split()).lower()
    return re.sub(r"(?:^|[.!?]\s+)\w", lambda found: found.group().upper(), folded)


def _report(row: sqlite3.Row, log: tuple[Line, ...] = (), files: tuple[str, ...] = ()) -> Report:
    def at(column: str) -> datetime | None:
        return None if row[column] is None else _time(row[column])

    return Report(
        classification=row["classification"],
        title=row["title"],
        text=row["text"],
        source=row["source"],
        happened_on=date.fromisoformat(row["happened_on"]) if row["happened_on"] else None,
        province=row["province"],
        city=row["city"],
        district=row["district"],
        village=row["village"],
        place_words=row["place_words"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        category_id=row["category_id"],
        unit=row["wanted_unit"],
        anonymous=bool(row["anonymous"]),
        secret=bool(row["secret"]),
        name=row["name"],
        id=row["id"],
        tracking_id=row["tracking_id"],
        token=row["token"],
        received_at=_time(row["received_at"]),
        final_text=row["final_text"],
        deed_status=row["status"],
        status_at=_time(row["status_at"]),
        verified_at=at("verified_at"),
        at_unit=units().get(row["unit_id"] or ""),
        disposed_at=at("disposed_at"),
        spoken_at=at("spoken_at"),
        answers=row["answers"],
        reason=row["reason"],
        files=files,
        log=log,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
