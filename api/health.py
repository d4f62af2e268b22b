"""Whether the process lives (/healthz), whether the house can work (/readyz), and what is counted (/metrics)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client import REGISTRY as OWN
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
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
_LEDGER = text("""
    SELECT channel, count(*) FILTER (WHERE failed_at IS NULL) AS pending, count(*) FILTER (WHERE failed_at IS NOT NULL)
           AS failed, coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE failed_at IS NULL)), 0) AS age
    FROM deliveries WHERE sent_at IS NULL GROUP BY channel
""")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Something is missing; the body says what"}})
async def readyz(request: Request) -> JSONResponse:
    """Database, migrations, worker and speaker, each by name; beside them the classifier and its labels."""
    house: House = request.app.state.house
    checks = {"database": "down", "migrations": "unknown", "worker": "unknown", "speaker": "unknown"}
    try:
        async with house.engine.connect() as connection:
            row = (await connection.execute(_STATE, {"alive": ALIVE_SECONDS})).one()
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
    needed = ("database", "migrations", "worker", "speaker")
    ready = all(checks[name] == "ok" for name in needed)
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """This process's counters, and the state of the ledger, which all processes share."""
    house: House = request.app.state.house
    registry = CollectorRegistry()
    try:
        async with house.engine.connect() as connection:
            registry.register(_Gauges(await _ledger(connection)))
    except Exception:
        registry.register(_Gauges([_gauge("lapor_database_up", "Whether the database answers", {"": 0.0})]))
    return Response(generate_latest(OWN) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _ledger(connection: AsyncConnection) -> list[GaugeMetricFamily]:
    rows = (await connection.execute(_LEDGER)).all()
    return [
        _gauge("lapor_database_up", "Whether the database answers", {"": 1.0}),
        _gauge("lapor_deliveries_pending", "Messages not spoken yet", {row.channel: row.pending for row in rows}),
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
