"""The page of the audit trail: sentences, filters, seals, and that every verb that anybody writes has its sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from desking import GRANTS, SEKAYU, signed_in
from fastapi import FastAPI
from making import file

from api.house import House
from api.sealing import seal
from desk import words
from store import audit, policy
from store.complaints import Actor

ROOT = Path(__file__).parents[2]
OPERATOR = Actor("operator", "staff:1")


async def test_the_administrator_sees_everything_and_the_seals(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        await audit.write(connection, OPERATOR, "reports.exported", detail={"rows": 12, "format": "csv", "x": [True]})
        await audit.write(connection, OPERATOR, "a.verb.of.tomorrow", of=("thing", "<b>"))
    async with signed_in(app, GRANTS[policy.ADMINISTRATOR]) as client:
        assert "Belum ada segel." in (await client.get("/jejak")).text
        await seal(inside)
        answer = await client.get("/jejak")
    assert answer.status_code == 200
    assert "mengekspor laporan ke berkas" in answer.text
    assert "jumlah: 12" in answer.text
    assert "a.verb.of.tomorrow" in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "segel ke-1" in answer.text
    assert "0 catatan menunggu" in answer.text


async def test_an_overseer_sees_the_reports_of_the_region_only(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        here = (await file(connection, region="16.71.01")).ticket
        there = (await file(connection, region=SEKAYU)).ticket
        for ticket in (here, there):
            await audit.write(connection, OPERATOR, "report.disposed", of=("report", ticket))
        await audit.write(connection, OPERATOR, "reports.exported")
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        text = (await client.get("/jejak")).text
        asked = (await client.get("/jejak", params={"tiket": there})).text
    assert f'href="/desk/laporan/{here}"' in text
    assert there not in text
    assert ">mengekspor laporan ke berkas</td>" not in text
    assert "Tidak ada catatan yang cocok." in asked


async def test_filters_are_kept_and_pages_follow(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        for number in range(60):
            await audit.write(connection, OPERATOR, "reports.exported", detail={"rows": 1000 + number})
        await audit.write(connection, OPERATOR, "audit.exported")
    async with signed_in(app, GRANTS[policy.ADMINISTRATOR]) as client:
        first = (await client.get("/jejak", params={"tindakan": "reports.exported"})).text
        assert "1059" in first
        assert "1009" not in first
        onwards = first.partition('class="button" href="/desk/jejak?')[2].partition('"')[0].replace("&amp;", "&")
        assert "tindakan=reports.exported" in onwards
        second = (await client.get(f"/jejak?{onwards}")).text
    assert "1009" in second
    assert "1010" not in second


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("tiket=T-482-173-9056", "Nomor tiket tidak terbaca"),
        ("dari=kemarin", "Tanggal awal tidak terbaca."),
        ("sampai=9999-12-31", "Tanggal akhir tidak terbaca."),
        (f"petugas={quote(chr(0))}&sampai=2026-13-01", "Tanggal akhir tidak terbaca."),
        ("setelah=x", "tidak terbaca"),
        (f"setelah={2**63}", "tidak terbaca"),
    ],
)
async def test_what_cannot_be_read_is_said_in_a_sentence(app: FastAPI, asked: str, says: str) -> None:
    async with signed_in(app, GRANTS[policy.ADMINISTRATOR]) as client:
        answer = await client.get(f"/jejak?{asked}")
    assert answer.status_code == 422
    assert says in answer.text


async def test_any_other_words_find_nothing(app: FastAPI) -> None:
    async with signed_in(app, GRANTS[policy.ADMINISTRATOR]) as client:
        for asked in ("petugas=%25", "petugas=%00%27", "tindakan=x", "tiket=T-482-173-9051", "setelah=-1"):
            answer = await client.get(f"/jejak?{asked}")
            assert answer.status_code == 200
            assert "Tidak ada catatan yang cocok." in answer.text


def written() -> set[tuple[str, str]]:
    """Each verb that the source writes into the audit as a constant, with its file: as an argument of `audit.write`, or
    of a `_write` of a module that knows the audit."""
    found = set()
    for room in ("api", "desk"):
        for path in (ROOT / room).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(source)) if "audit.write" in source else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("audit.write", "_write")):
                    words = {each.value for each in node.args if isinstance(each, ast.Constant)}
                    verbs = {str(each) for each in words if re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", str(each))}
                    found |= {(verb, str(path.relative_to(ROOT))) for verb in verbs}
    return found


def test_every_verb_that_is_written_has_its_sentence() -> None:
    found = written()
    assert len(found) > 40
    # What is done to a report is often written down by the verb of its rule.
    found |= {(verb, "store/policy.py") for verb in policy.REPORT_VERBS if verb not in NEVER_WRITTEN}
    assert [(verb, path) for verb, path in sorted(found) if not words.knows(f"trail.verb.{verb}")] == []


# Reading alone is not written down, except of the name behind an Anonim.
NEVER_WRITTEN = ("report.read", "report.read_covered", "report.read_name", "report.read_trail", "report.export")
