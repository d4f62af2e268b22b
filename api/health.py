"""Whether the process lives (/healthz), whether the house can work (/readyz), and what is counted (/metrics)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client import REGISTRY as OWN
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
from api.media import scanning
from desk import ailments
from store import channels
from store.migrate import head

router = APIRouter(tags=["health"])
ALIVE_SECONDS = 30

_STATE = text("""
    SELECT (SELECT version_num FROM alembic_version LIMIT 1) AS version,
           (SELECT count(*) FROM procrastinate_workers
            WHERE last_heartbeat > now() - make_interval(secs => :alive)) AS workers,
           (SELECT count(*) FROM heartbeats
            WHERE kind = 'speaker' AND beat_at > now() - make_interval(secs => :alive)) AS speakers
""")
# What is held waits for its citizen to write, and for no speaker.
_LEDGER = text("""
    SELECT channel, count(*) FILTER (WHERE failed_at IS NULL AND held_at IS NULL) AS pending,
           count(*) FILTER (WHERE failed_at IS NULL AND held_at IS NOT NULL) AS held,
           count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed,
           coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE failed_at IS NULL AND held_at IS NULL)), 0)
           AS age
    FROM deliveries WHERE sent_at IS NULL GROUP BY channel
""")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Something is missing; the body says what"}})
async def readyz(request: Request) -> JSONResponse:
    """Database, migrations, worker and speaker, each by name; beside them the classifier, its labels, the channels
    and, where one is named, ClamAV.

    A channel in trouble makes nobody unready: its messages wait, and somebody must do what the sentence says.
    """
    house: House = request.app.state.house
    checks: dict[str, Any] = {"database": "down", "migrations": "unknown", "worker": "unknown", "speaker": "unknown"}
    checks["channels"] = dict.fromkeys(house.settings.channels, "unknown")
    try:
        async with house.engine.connect() as connection:
            row = (await connection.execute(_STATE, {"alive": ALIVE_SECONDS})).one()
            if row.version == head():
                checks["channels"] |= await _channels(connection, house)
        checks["database"] = "ok"
        checks["migrations"] = "ok" if row.version == head() else f"at {row.version}, this code needs {head()}"
        checks["worker"] = "ok" if row.workers else "none gave a sign of life in 30 seconds"
        checks["speaker"] = "ok" if row.speakers else "none gave a sign of life in 30 seconds"
    except Exception as error:
        checks["database"] = type(error).__name__
    checks["classifier"] = (
        "ok" if house.suggester and house.suggester.works else "refused; complaints are filed unrouted"
    )
    checks["labels"] = str(house.gaps)
    if house.settings.clamd_host:
        checks["scanner"] = await _scanner(house.settings.clamd_host)
    needed = ("database", "migrations", "worker", "speaker")
    ready = all(checks[name] == "ok" for name in needed)
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


async def _scanner(where: str) -> str:
    """Whether ClamAV looks at what it is sent."""
    try:
        await scanning.infection(where, b"", scanning.Limits(connect=1.0, total=2.0))
    except scanning.ScannerAway:
        return "away; files wait until it answers"
    return "ok"


async def _channels(connection: AsyncConnection, house: House) -> dict[str, str]:
    """How each channel is, in a line: "ok", or what ails it and what to do."""
    health = await channels.health(connection)
    return {
        name: ailments.sentence("en", name, health.get(name), await channels.templates(connection, name))
        for name in house.settings.channels
    }


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """This process's counters, and the state of the ledger, which all processes share."""
    house: House = request.app.state.house
    registry = CollectorRegistry()
    try:
        async with house.engine.connect() as connection:
            registry.register(_Gauges(await _ledger(connection, house.settings.channels)))
    except Exception:
        registry.register(_Gauges([_gauge("lapor_database_up", "Whether the database answers", {"": 0.0})]))
    return Response(generate_latest(OWN) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _ledger(connection: AsyncConnection, opened: Sequence[str]) -> list[GaugeMetricFamily]:
    rows = (await connection.execute(_LEDGER)).all()
    health = await channels.health(connection)
    up = {name: float(name not in health or health[name].ails is None) for name in opened}
    return [
        _gauge("lapor_database_up", "Whether the database answers", {"": 1.0}),
        _gauge("lapor_deliveries_pending", "Messages not spoken yet", {row.channel: row.pending for row in rows}),
        _gauge(
            "lapor_deliveries_held", "Messages that wait for their citizen to write", {r.channel: r.held for r in rows}
        ),
        _gauge("lapor_channel_up", "Whether nothing is known that ails the channel", up),
        _gauge("lapor_deliveries_failed", "Messages that cannot be spoken", {row.channel: row.failed for row in rows}),
        _gauge("lapor_deliveries_oldest_seconds", "Age of the oldest due message", {r.channel: r.age for r in rows}),
    ]


def _gauge(name: str, words: str, values: dict[str, Any]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, words, labels=["channel"])
    for channel, value in values.items():
        gauge.add_metric([channel], float(value))
    return gauge


class _Gauges:
    """What was read from the database just now, in the form that the registry collects."""

    def __init__(self, gauges: list[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges
