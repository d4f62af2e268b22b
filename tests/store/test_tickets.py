"""A ticket number survives a telephone: every spelling is read, every slip is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import tickets

TICKETS = st.builds(tickets.new)
GAPS = st.text(" .-\t", max_size=3)


def digits_of(ticket: str) -> str:
    return re.sub("[^0-9]", "", ticket)


def written(digits: str) -> str:
    return f"T-{digits[:3]}-{digits[3:6]}-{digits[6:]}"


@given(TICKETS)
def test_a_new_ticket_has_the_written_form(ticket: str) -> None:
    assert re.fullmatch(r"T-[0-9]{3}-[0-9]{3}-[0-9]{4}", ticket)


@given(TICKETS, st.sampled_from(["T", "t", ""]), GAPS, GAPS, GAPS, st.text(" \n\t", max_size=2))
def test_every_spelling_of_a_ticket_is_read(ticket: str, letter: str, one: str, two: str, three: str, end: str) -> None:
    digits = digits_of(ticket)
    assert tickets.read(f"{end}{letter}{one}{digits[:3]}{two}{digits[3:6]}{three}{digits[6:]}{end}") == ticket


@given(TICKETS)
def test_every_single_wrong_digit_is_refused(ticket: str) -> None:
    digits = digits_of(ticket)
    wrong = [
        digits[:at] + digit + digits[at + 1 :] for at in range(10) for digit in "0123456789" if digit != digits[at]
    ]
    assert [each for each in wrong if tickets.read(written(each)) is not None] == []


@given(TICKETS)
def test_every_swap_of_neighbours_is_refused(ticket: str) -> None:
    digits = digits_of(ticket)
    swapped = {digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :] for at in range(9)} - {digits}
    assert [each for each in swapped if tickets.read(written(each)) is not None] == []


@pytest.mark.parametrize("words", ["", "T", "T-", "12345", "1234567890123", "halo", "T-482-173-905", "T-abc-def-ghij"])
def test_what_is_no_ticket_is_none(words: str) -> None:
    assert tickets.read(words) is None


@given(st.text())
def test_any_words_get_an_answer(words: str) -> None:
    assert tickets.read(words) is None or tickets.find(words) is not None


@given(TICKETS)
def test_digits_of_another_script_are_no_ticket_of_ours(ticket: str) -> None:
    arabic = ticket.translate({ord(digit): 0x0660 + int(digit) for digit in "0123456789"})
    assert tickets.read(arabic) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Bagaimana laporan {} saya?",
        "Saya melapor tanggal 12-03-2026, nomornya {}.",
        "RT 05 RW 012: {}",
        "status {}, tolong",
        "T-000-000-0001 itu salah, yang benar {}",
        "({})",
    ],
)
@given(TICKETS)
def test_a_ticket_is_found_in_a_sentence(sentence: str, ticket: str) -> None:
    assert tickets.find(sentence.format(ticket)) == ticket
    assert tickets.find(sentence.format(ticket.lower().replace("-", " "))) == ticket


@given(st.integers(10**15, 10**16 - 1))
def test_a_citizens_identity_number_holds_no_ticket(number: int) -> None:
    assert tickets.find(f"NIK saya {number}, tolong dibantu") is None
