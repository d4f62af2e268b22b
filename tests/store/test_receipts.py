"""Codes that can be read aloud, and what whoever holds a ticket and its code may see."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, STORY, file, rows, run
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from store import complaints, moves, receipts
from store.receipts import ALPHABET, Shown, check, new_code, read_code

CODE = "7K4M-W2XR"
codes = st.text(ALPHABET, min_size=8, max_size=8)


def test_a_new_code_is_read_as_it_is() -> None:
    drawn = {new_code() for _ in range(200)}
    assert len(drawn) == 200
    assert all(read_code(code) == code for code in drawn)
    assert all(len(code) == 9 and code[4] == "-" for code in drawn)


def test_no_two_characters_look_or_sound_alike() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET)
    for alike in ("0OQ", "1IL7", "2Z", "5S", "6G", "8B", "UV", "TDP", "CJ", "MN", "KH"):
        assert len(set(alike) & set(ALPHABET)) <= 1, alike


@given(codes, st.data())
def test_however_it_is_typed_it_is_the_same_code(code: str, data: st.DataObject) -> None:
    typed = "".join(
        data.draw(st.sampled_from(["", " ", "-", "–", ". ", "\u00a0", "\n"]))
        + data.draw(st.sampled_from([c, c.lower()]))
        for c in code
    )
    assert read_code(f" {typed} ") == f"{code[:4]}-{code[4:]}"


@given(st.text(max_size=30))
def test_words_are_a_code_in_its_written_form_or_none(words: str) -> None:
    found = read_code(words)
    assert found is None or read_code(found) == found


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7k4n-w2xr", CODE),
        ("1H4MWZXR", CODE),
        ("７K4M－W2XR", CODE),
        ("“7K4M-W2XR”.", CODE),
        ("S8G5-VVVV", "5865-UUUU"),
    ],
)
def test_what_looks_or_sounds_alike_is_read_as_meant(typed: str, meant: str) -> None:
    assert read_code(typed) == meant


@pytest.mark.parametrize(
    "words", ["", "7K4M-W2X", "7K4M-W2XR2", "0K4M-W2XR", "telegram", "T-482-173-9056", "7K4M?W2XR", "-" * 5000]
)
def test_other_words_are_no_code(words: str) -> None:
    assert read_code(words) is None


# --- what is shown -----------------------------------------------------------------------------------


async def filed(engine: AsyncEngine, **details: Any) -> str:
    async with engine.begin() as connection:
        return (await file(connection, **{"code": CODE, "region": "16.06", **details})).ticket


async def move(engine: AsyncEngine, ticket: str, status: str, note: str | None = None) -> None:
    found = moves.read(status)
    assert found is not None
    async with engine.begin() as connection:
        await complaints.move(connection, ticket, found, OPERATOR, reason=None, note=note)


async def looked_up(engine: AsyncEngine, ticket: str, code: str) -> Shown | None:
    async with engine.connect() as connection:
        return await check(connection, ticket, code)


async def test_ticket_and_code_show_how_far_it_is(engine: AsyncEngine) -> None:
    ticket = await filed(engine, agency=(await agency_of(engine)).code)
    first = await looked_up(engine, ticket, CODE)
    assert first is not None
    assert (first.ticket, first.status, first.region) == (ticket, "belum_terverifikasi", "16.06")
    assert first.filed_at == first.changed_at
    await move(engine, ticket, "Terdisposisi")
    then = await looked_up(engine, ticket, CODE)
    assert then is not None
    assert then.status == "terdisposisi"
    assert then.status_at > first.status_at
    assert then.filed_at == first.filed_at
    async with engine.begin() as connection:
        await complaints.route(
            connection, ticket, OPERATOR, function=None, agency=None, category="Jalan Berlubang", reason=None
        )
    again = await looked_up(engine, ticket, CODE)
    assert again is not None
    assert again.status_at == then.status_at
    assert again.changed_at > then.changed_at


async def test_nothing_of_the_story_is_shown_to_whoever_is_shown_the_receipt(engine: AsyncEngine) -> None:
    answer = "Yth. Bapak Budi, jalan di depan rumah Bapak ditambal."
    for secret in (False, True):
        ticket = await filed(
            engine,
            place="Depan rumah Pak Budi",
            happened="kemarin",
            secret=secret,
            agency=(await agency_of(engine)).code,
        )
        await move(engine, ticket, "Ditindaklanjuti oleh Instansi", answer)
        shown = await looked_up(engine, ticket, CODE)
        assert shown is not None
        words = json.dumps(asdict(shown), default=str)
        for private in (STORY, "Sekayu", "Budi", "kemarin", "ditambal"):
            assert private not in words
        assert shown.secret is secret


async def test_of_a_secret_complaint_not_even_the_agency_is_shown(engine: AsyncEngine) -> None:
    agency = await agency_of(engine)
    for secret in (False, True):
        shown = await looked_up(engine, await filed(engine, secret=secret, agency=agency.code), CODE)
        assert shown is not None
        assert (shown.agency, shown.region) == ((None, None) if secret else (agency.name, "16.06"))


async def agency_of(engine: AsyncEngine) -> Any:
    """Some agency, with code and name."""
    return (await rows(engine, "SELECT code, name FROM agencies ORDER BY code LIMIT 1"))[0]


async def test_every_status_can_be_shown(engine: AsyncEngine) -> None:
    ticket = await filed(engine)
    for status in moves.STATUSES:
        await run(engine, "UPDATE complaints SET status = :status", status=status.name)
        shown = await looked_up(engine, ticket, CODE)
        assert shown is not None
        assert shown.status == status.key


async def test_wrong_ticket_and_wrong_code_are_the_same_nothing_in_the_same_steps(engine: AsyncEngine) -> None:
    ticket, uncoded = await filed(engine), await filed(engine, code=None)
    other = new_code()
    steps: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        steps.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    taken = []
    for asked in ((ticket, other), ("T-000-000-0000", CODE), (uncoded, CODE), (ticket, CODE[:8] + "A")):
        steps.clear()
        assert await looked_up(engine, *asked) is None
        taken.append(list(steps))
    assert all(each == taken[0] for each in taken)
    assert len(taken[0]) == len({receipts._CODE.text, receipts._SHOWN.text})
