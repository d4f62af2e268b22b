"""A sketch of what lies around a pin: points by distance and direction, for a drawing of our own. Pure.

No map of anybody else's: a tile that a browser fetches tells its host where a citizen's report is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from store.dossiers import Near

REACH = 500.0
"""Metres from the pin to the edge of the sketch."""
SIDE = 240
"""Width and height of the drawing, in its own units; the pin is in the middle."""
RINGS = (100, 250, 500)
_MOST = 12
_DIRECTIONS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


@dataclass(frozen=True, slots=True)
class Spot:
    """A neighbour as it is drawn: its number, its place in the drawing, its distance and the key of its direction."""

    number: int
    ticket: str
    title: str
    metres: int
    direction: str
    x: float
    y: float


def spots(pin: tuple[float, float], others: Iterable[Near]) -> list[Spot]:
    """The nearest of the others, numbered; a flat picture is true enough for half a kilometre."""
    found = []
    for number, each in enumerate(list(others)[:_MOST], 1):
        east, north = _offset(pin, each.pin)
        found.append(
            Spot(
                number,
                each.ticket,
                each.title,
                round(each.metres),
                direction(east, north),
                round(SIDE / 2 + _scaled(east), 1),
                round(SIDE / 2 - _scaled(north), 1),
            )
        )
    return found


def direction(east: float, north: float) -> str:
    """The key of the direction of a point that lies so far to the east and north: n, ne, e, …; "" for here."""
    if math.hypot(east, north) < 1:
        return ""
    return _DIRECTIONS[round(math.degrees(math.atan2(east, north)) / 45) % 8]


def ring(metres: float) -> float:
    """The radius of a ring in the drawing's units."""
    return round(_scaled(metres), 1)


def _scaled(metres: float) -> float:
    return metres * (SIDE / 2 - 16) / REACH


def _offset(pin: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Metres to the east and to the north."""
    degree = math.radians(1) * 6_371_000
    return (
        (other[1] - pin[1]) * degree * math.cos(math.radians(pin[0])),
        (other[0] - pin[0]) * degree,
    )
