"""ClamAV over its socket: what it says is believed, and where it says nothing, nothing is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers.clamd import EICAR, SIGNATURE, FakeClamd, Fault
from running import free_port

from api.media.scanning import Limits, ScannerAway, infection

QUICK = Limits(connect=0.5, total=0.5)


@pytest.fixture(params=["port", "socket"])
async def clamd(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FakeClamd]:
    """A clamd on a port, and one on a Unix socket."""
    async with FakeClamd(tmp_path / "clamd.sock" if request.param == "socket" else None) as running:
        yield running
        assert running.problems == []


async def test_what_it_finds_is_named(clamd: FakeClamd) -> None:
    assert await infection(clamd.where, EICAR) == SIGNATURE
    assert await infection(clamd.where, b"%PDF-1.4" + EICAR + b"%%EOF") == SIGNATURE
    assert await infection(clamd.where, b"a photo") is None


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=1200))
async def test_it_is_given_every_byte(clamd: FakeClamd, piece: bytes, times: int) -> None:
    content = piece * times
    assert await infection(clamd.where, content) is None
    assert clamd.streams.pop() == content


@pytest.mark.parametrize("fault", ["silent", "hangs up", "too large", "nonsense", "endless"])
@pytest.mark.parametrize("size", [0, 10, 4_000_000])
async def test_of_what_it_has_not_looked_at_nothing_is_known(clamd: FakeClamd, fault: Fault, size: int) -> None:
    clamd.faults.append(fault)
    with pytest.raises(ScannerAway):
        await infection(clamd.where, bytes(size), QUICK)
    assert await infection(clamd.where, bytes(size)) is None, "the next file is looked at"


@pytest.mark.parametrize("where", ["127.0.0.1:{port}", "[::1]:{port}", "/nowhere/clamd.sock", "127.0.0.1:nil", ":1:2"])
async def test_where_nobody_is_nothing_is_known(where: str) -> None:
    with pytest.raises(ScannerAway):
        await infection(where.format(port=free_port()), b"a photo", QUICK)


async def test_where_nobody_is_named_nobody_is_asked() -> None:
    assert await infection("", EICAR) is None
