"""The nightly tidying knows letters."""

from __future__ import annotations

import os

from making import run

from api import retention
from api.house import House
from api.unit import unit
from store import letters


async def test_letters_are_no_orphans_and_go_in_their_time(house: House) -> None:
    ours, others = house.shelf.put(b"surat"), house.shelf.put(b"bukan siapa-siapa")
    for name in (ours, others):
        os.utime(house.shelf._path(name), (1, 1))
    async with unit(house) as work:
        await letters.add(work.connection, key="k", reference_id=None, sha256=ours, size=5)
    await retention.retain(house)
    assert house.shelf.get(ours) == b"surat"
    assert not house.shelf._path(others).exists()
    await run(house.engine, "UPDATE letters SET received_at = now() - make_interval(days => 91)")
    await retention.retain(house)
    assert not house.shelf._path(ours).exists()
