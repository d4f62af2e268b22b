"""The statuses are SP4N's own, each can be reached, and what has ended stays ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.texts import knows
from store import moves

# Domain specification 2.6, in its order.
NAMES = [
    "Belum Terverifikasi",
    "Menunggu Kelengkapan Informasi",
    "Terdisposisi",
    "Ditindaklanjuti oleh Instansi",
    "Ditanggapi oleh Pelapor",
    "Selesai otomatis dalam 10 hari",
    "Ditutup oleh Sistem",
    "Ditutup oleh Admin",
    "Ditutup oleh Pelapor",
    "Diarsipkan oleh Admin",
    "Diarsipkan oleh Sistem",
    "Diarsipkan oleh Pelapor",
    "Konten Terblokir",
]
ENDED = NAMES[6:]


def reachable(start: str) -> set[str]:
    found: set[str] = set()
    fresh = [start]
    while fresh:
        name = fresh.pop()
        if name not in found:
            found.add(name)
            fresh += moves.allowed(name)
    return found


def test_the_names_are_those_of_sp4n() -> None:
    assert [status.name for status in moves.STATUSES] == NAMES


def test_every_status_is_reached_from_the_first() -> None:
    assert reachable(moves.FIRST) == set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ENDED)))
def test_every_open_complaint_can_still_end(name: str) -> None:
    assert reachable(name) & set(ENDED)


@pytest.mark.parametrize("status", moves.STATUSES, ids=lambda status: status.key)
def test_exactly_the_ends_have_no_successor(status: moves.Status) -> None:
    assert status.ends == (status.name in ENDED)
    assert (moves.allowed(status.name) == ()) == status.ends


def test_the_table_names_only_statuses_and_none_twice() -> None:
    for name, successors in moves.MOVES.items():
        assert name in NAMES
        assert set(successors) <= set(NAMES)
        assert len(successors) == len(set(successors))


def test_nothing_silent_is_taken_for_the_citizens_own_content() -> None:
    """A complaint nobody has answered cannot be closed as finished, only archived."""
    closed = {"Ditutup oleh Sistem", "Ditutup oleh Admin", "Ditutup oleh Pelapor"}
    assert not closed & set(moves.allowed("Belum Terverifikasi"))


@pytest.mark.parametrize("status", moves.STATUSES, ids=lambda status: status.key)
def test_every_status_has_words_for_citizens(status: moves.Status) -> None:
    assert moves.key(status.name) == status.key
    assert knows(f"state.{status.key}")


@pytest.mark.parametrize("status", moves.STATUSES, ids=lambda status: status.key)
@pytest.mark.parametrize("spell", [str, str.upper, str.lower, lambda name: f"  {name.replace(' ', '   ')}\n"])
def test_a_name_is_read_however_it_is_written(status: moves.Status, spell: type[str]) -> None:
    assert moves.read(spell(status.name)) == status


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Terdisposisi ke Dinas PU Bina Marga", "Terdisposisi"),
        ("TERDISPOSISI KE Dinas Sosial", "Terdisposisi"),
        ("Menunggu Kelengkapan Informasi (tunda)", "Menunggu Kelengkapan Informasi"),
    ],
)
def test_the_longer_spellings_of_sp4n_are_read(written: str, name: str) -> None:
    found = moves.read(written)
    assert found is not None
    assert found.name == name


@given(st.text())
def test_any_other_name_is_unknown_and_has_no_successor(name: str) -> None:
    if name not in NAMES:
        assert moves.allowed(name) == ()
        found = moves.read(name)
        assert found is None or found in moves.STATUSES
