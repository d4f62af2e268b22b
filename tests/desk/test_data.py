"""Master data at the desk: who may open what, rows changed one by one and by sheets, channels, accounts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import starlette_admin
from babel.messages.pofile import read_po
from desking import GRANTS, signed_in
from fastapi import FastAPI
from jinja2 import Environment
from making import contact, file, rows, run, value

from api.house import House
from desk import data
from desk.data import catalogue, induk
from store import deliveries, imports, policy, sheets
from store.deliveries import NewDelivery
from store.policy import Grant

ADMIN = GRANTS[policy.ADMINISTRATOR]
KOMINFO = GRANTS[policy.ADMIN_INSTANSI]
PUPR = GRANTS[policy.PEJABAT]
EVERYWHERE = Grant(policy.ADMIN_INSTANSI)
ROWS = {
    "instansi": "16.71-pu",
    "hari-libur": "2026-01-01",
    "aturan-waktu": "close,2020-01-01",
    "kategori": "perhubungan",
}


async def audited(house: House, verb: str) -> list[tuple[Any, ...]]:
    found = await rows(
        house.engine, "SELECT object_kind, object_id, detail FROM audit WHERE verb = :verb ORDER BY id", verb=verb
    )
    return [tuple(each) for each in found]


# --- who may open what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", policy.ROLES)
async def test_every_page_is_open_to_those_whose_verb_it_is(app: FastAPI, role: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        for path, methods, verb in data.rules():
            if "GET" not in methods or "{" in path:
                continue
            # Rows that are there, so that only the rule can refuse.
            pk = next((found for name, found in ROWS.items() if f"/{name}/" in path), "16.71")
            answer = await client.get(path, params={"pk": pk, "jenis": "instansi"})
            allowed = policy.may([GRANTS[role]], verb)
            assert (answer.status_code != 403) is allowed, (path, answer.status_code)


def test_every_route_has_a_verb_and_the_admin_has_no_other_way_in() -> None:
    found = data.rules()
    assert {verb for _, _, verb in found} >= {"data.open", "data.edit", "templates.edit", "staff.edit", "channels.read"}
    assert len(found) == sum(len(module.router.routes) for module in data.MODULES)
    behind = {path.removeprefix("/data/induk") for path, _, _ in found if path.startswith("/data/induk/")}
    assert not any("import" in path or "inline-edit" in path or "relation-lookup" in path for path in behind)


async def test_nobody_gets_in_without_a_session(web: httpx.AsyncClient) -> None:
    for path in ("/desk/data", "/desk/data/induk/instansi/list", "/desk/data/induk/static/desk.css"):
        answer = await web.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/masuk")


@pytest.mark.parametrize(
    "way", ["import", "inline-edit?pk=16.71-pu&field=name", "relation-lookup", "action", "row-action"]
)
async def test_what_the_admin_has_beside_its_pages_is_shut(app: FastAPI, way: str) -> None:
    async with signed_in(app, ADMIN) as client:
        for method in ("GET", "POST"):
            assert (await client.request(method, f"/data/induk/_api/instansi/{way}")).status_code in (404, 405)


# --- its policy and its words --------------------------------------------------------------------------------


async def test_the_admin_has_a_policy_of_its_own_with_a_fresh_nonce(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        first, second = [await client.get("/data/induk/instansi/list") for _ in range(2)]
        assert "nonce" not in (await client.get("/data")).headers["content-security-policy"]
    said = first.headers["content-security-policy"]
    [script] = re.findall(r"script-src ([^;]*)", said)
    assert "unsafe" not in script
    assert "default-src 'none'" in said
    assert said != second.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", said)
    assert nonce
    assert set(re.findall(r"<(?:script|style) nonce=\"([^\"]*)\"", first.text)) == {nonce[1]}
    assert not re.search(
        r"<(script|style)>|\son[a-z]+=\"|https?://(?!test/desk/)", first.text.replace("http://www.w3.org", "")
    )


def test_no_template_of_the_admin_is_left_with_what_the_policy_forbids() -> None:
    loader, environment = induk.Fitted(), Environment(autoescape=True)
    names = loader.list_templates()
    assert len(names) > 50
    for name in names:
        source = loader.get_source(environment, name)[0]
        assert not re.search(r"<(script|style)>|\son(click|change|submit|input|load|error)=|@import|//cdn", source), (
            name
        )


def test_the_indonesian_catalogue_is_whole() -> None:
    theirs = Path(starlette_admin.__file__).parent / "translations/en/LC_MESSAGES/admin.po"
    with theirs.open("rb") as lines:
        wanted = {message.id: message for message in read_po(lines) if message.id}
    ours = {message.id: message for message in catalogue.read() if message.id}
    assert set(ours) == set(wanted)
    for key, message in ours.items():
        said = str(message.string[0] if isinstance(message.string, list | tuple) else message.string)
        source = str(key[1] if isinstance(key, list | tuple) else key)
        assert said.strip(), key
        places = r"%\(\w+\)[sd]|\{\w+\}"
        assert sorted(re.findall(places, said)) == sorted(re.findall(places, source)), key


@pytest.mark.parametrize(("language", "said"), [("id", "Instansi baru"), ("en", "New Agency")])
async def test_the_admin_speaks_the_officers_language(app: FastAPI, inside: House, language: str, said: str) -> None:
    async with signed_in(app, ADMIN) as client:
        await run(inside.engine, "UPDATE staff SET language = :language", language=language)
        answer = await client.get("/data/induk/instansi/create")
    assert f'lang="{language}"' in answer.text
    assert said in answer.text


# --- rows, one by one ----------------------------------------------------------------------------------------

NEW = {
    "code": "16.71-uji",
    "name": "Dinas Uji",
    "short": "Uji",
    "functions": ["pu", "dishub"],
    "region": "16.71",
    "level": "kabkota",
    "aliases": ["Uji Coba"],
    "valid_from": "2026-01-01",
    "source": "Perda 1/2026",
}


async def form_of(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """What a form of the admin would send as it was shown."""
    shown = (await client.get(path)).text
    seen = re.search(r'name="_seen" value="([^"]*)"', shown)
    assert seen
    return {"_seen": seen[1]}


async def test_an_agency_is_added_changed_and_ended(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        added = await client.post("/data/induk/instansi/create", data=NEW)
        assert added.status_code == 303, added.text
        assert (await client.get("/data/induk/instansi/detail?pk=16.71-uji")).status_code == 200
        edit = "/data/induk/instansi/edit?pk=16.71-uji"
        changed = {**NEW, "name": "Dinas Uji Baru", "valid_to": "2026-12-31", **await form_of(client, edit)}
        # The code is not changed, whatever is sent.
        changed["code"] = "16.71-lain"
        assert (await client.post(edit, data=changed)).status_code == 303
    [row] = await rows(inside.engine, "SELECT * FROM agencies WHERE code LIKE '16.71-uji' OR name = 'Dinas Uji Baru'")
    assert (row.code, row.name, row.functions, row.aliases) == (
        "16.71-uji",
        "Dinas Uji Baru",
        ["pu", "dishub"],
        ["Uji Coba"],
    )
    assert (row.valid_to, row.confirmed) == (date(2026, 12, 31), False)
    assert await audited(inside, "data.added") == [("agency", "16.71-uji", {})]
    assert await audited(inside, "data.changed") == [("agency", "16.71-uji", {"columns": ["name", "valid_to"]})]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "16.71-pu"}, "Sudah ada baris lain"),
        ({"code": "PU Kota"}, "Hanya huruf kecil"),
        ({"region": "99"}, "Tidak ada wilayah"),
        ({"functions": ["sihir"]}, "Urusan ini tidak dikenal"),
        ({"valid_to": "2025-01-01"}, "Lebih awal"),
        ({"source": " "}, "Wajib diisi"),
        ({"level": ""}, "wajib diisi"),
        ({"parent": "tidak-ada"}, "Tidak ada instansi"),
    ],
)
async def test_an_agency_that_cannot_be_is_said_why(
    app: FastAPI, inside: House, wrong: dict[str, Any], said: str
) -> None:
    before = await value(inside.engine, "SELECT count(*) FROM agencies")
    async with signed_in(app, ADMIN) as client:
        answer = await client.post("/data/induk/instansi/create", data={**NEW, **wrong})
    assert (answer.status_code, said in answer.text) == (422, True)
    assert 'value="Dinas Uji"' in answer.text, "what was typed is there"
    assert await value(inside.engine, "SELECT count(*) FROM agencies") == before
    assert await audited(inside, "data.added") == []


async def test_two_who_change_one_row_overwrite_nothing(app: FastAPI, inside: House) -> None:
    edit = "/data/induk/kategori/edit?pk=perhubungan.parkir-liar"
    async with signed_in(app, ADMIN) as client:
        first, second = await form_of(client, edit), await form_of(client, edit)
        row = {"name": "PARKIR LIAR", "parent": "perhubungan", "source": "[V] x"}
        assert (await client.post(edit, data={**row, **first, "name": "PARKIR"})).status_code == 303
        late = await client.post(edit, data={**row, **second, "name": "PARKIR SEMBARANGAN"})
        assert (late.status_code, "sudah diubah orang lain" in late.text) == (422, True)
        assert "PARKIR SEMBARANGAN" in late.text
        again = re.search(r'name="_seen" value="([^"]*)"', late.text)
        assert again
        assert (
            await value(inside.engine, "SELECT name FROM categories WHERE code = 'perhubungan.parkir-liar'") == "PARKIR"
        )
        kept = {**row, "_seen": again[1], "name": "PARKIR SEMBARANGAN"}
        assert (await client.post(edit, data=kept)).status_code == 303


async def test_nothing_is_removed_but_a_day_off(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        gone = await client.post("/data/induk/_api/hari-libur/row-action?name=delete&pk=2026-01-01")
        assert gone.status_code == 200, gone.text
    assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day = '2026-01-01'") == 0
    assert await audited(inside, "data.removed") == [("holiday", "2026-01-01", {})]


async def test_the_home_kominfo_cannot_be_ended(app: FastAPI, inside: House) -> None:
    [row] = await rows(inside.engine, "SELECT * FROM agencies WHERE code = '16-kominfo'")
    edit = "/data/induk/instansi/edit?pk=16-kominfo"
    async with signed_in(app, ADMIN) as client:
        sent = {"name": row.name, "short": row.short, "functions": row.functions, "region": "16", "level": "provinsi"}
        ended = {**sent, "source": row.source, "valid_to": "2020-01-01", **await form_of(client, edit)}
        answer = await client.post(edit, data=ended)
    assert (answer.status_code, "Kominfo provinsi" in answer.text) == (422, True)


async def test_templates_are_written_for_ones_own_only(app: FastAPI, inside: House) -> None:
    body = {"name": "Salam", "purpose": "answer", "body": "{tiket} selesai."}
    async with signed_in(app, KOMINFO) as client:
        for owner, status in (
            ({"region": "16.71"}, 303),
            ({"region": "16.06"}, 422),
            ({}, 422),
            ({"agency": "16.71-pu"}, 303),
        ):
            answer = await client.post("/data/induk/templat/create", data={**body, **owner})
            assert answer.status_code == status, owner
        listed = (await client.get("/data/induk/templat/list")).text
        assert "Salam" in listed
        assert "Minta foto" not in listed, "everybody's are not theirs to change"
        general = await value(
            inside.engine, "SELECT min(id) FROM answer_templates WHERE region IS NULL AND agency IS NULL"
        )
        assert (await client.get(f"/data/induk/templat/edit?pk={general}")).status_code == 404
    async with signed_in(app, PUPR) as client:
        assert (
            await client.post("/data/induk/templat/create", data={**body, "name": "A", "agency": "16.71-pu"})
        ).status_code == 303
        assert (
            await client.post("/data/induk/templat/create", data={**body, "name": "B", "agency": "16.71-dlh"})
        ).status_code == 422
        assert (
            await client.post("/data/induk/templat/create", data={**body, "name": "C", "region": "16.71"})
        ).status_code == 422
        own = await value(inside.engine, "SELECT id FROM answer_templates WHERE region = '16.71'")
        assert (await client.get(f"/data/induk/templat/edit?pk={own}")).status_code == 404
    async with signed_in(app, EVERYWHERE) as client:
        edit = f"/data/induk/templat/edit?pk={general}"
        assert (await client.post(edit, data={**body, "name": "D", **await form_of(client, edit)})).status_code == 303
    # Their names and words are not in the audit.
    assert "selesai" not in str(await audited(inside, "data.added")) + str(await audited(inside, "data.changed"))


# --- sheets --------------------------------------------------------------------------------------------------

HOLIDAYS = "Tanggal;Nama;Jenis\n2027-01-01;Tahun Baru 2027;nasional\n16/02/2026;Cuti Imlek;cuti_bersama\n"


async def look(client: httpx.AsyncClient, kind: str, content: bytes | str) -> httpx.Response:
    return await client.post("/data/impor", data={"kind": kind}, files={"file": ("data.csv", content)})


def agreed(shown: httpx.Response) -> dict[str, str]:
    """The hidden fields of a preview."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.text))


async def test_what_was_previewed_is_applied_and_only_that(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        shown = await look(client, "hari-libur", HOLIDAYS)
        assert shown.status_code == 200
        assert "1 ditambahkan, 1 diubah, 0 diakhiri" in shown.text
        assert "Tahun 2027 belum punya hari libur" in shown.text
        assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day = '2027-01-01'") == 0
        done = await client.post("/data/impor/terapkan", data=agreed(shown))
        assert done.status_code == 303, done.text
        assert (await client.get(done.headers["location"].removeprefix("/desk"))).status_code == 200
        assert await value(inside.engine, "SELECT name FROM holidays WHERE day = '2026-02-16'") == "Cuti Imlek"
        assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day > '2026-12-31'") == 1
        # Sent twice, it is told that nothing is left to do.
        again = await client.post("/data/impor/terapkan", data=agreed(shown))
        assert (again.status_code, "tidak mengubah apa pun" in again.text) == (409, True)
    assert [each[:2] for each in await audited(inside, "data.added")] == [("holiday", "2027-01-01")]
    [(_, _, detail)] = await audited(inside, "data.imported")
    assert (detail["added"], detail["changed"], detail["kind"]) == (1, 1, "hari-libur")


async def test_rows_that_changed_meanwhile_are_shown_again(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        shown = await look(client, "hari-libur", HOLIDAYS)
        await run(inside.engine, "UPDATE holidays SET name = 'Lain' WHERE day = '2026-02-16'")
        late = await client.post("/data/impor/terapkan", data=agreed(shown))
        assert (late.status_code, "Data sudah berubah" in late.text) == (409, True)
        assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day = '2027-01-01'") == 0
        assert (await client.post("/data/impor/terapkan", data=agreed(late))).status_code == 303
    assert await value(inside.engine, "SELECT name FROM holidays WHERE day = '2026-02-16'") == "Cuti Imlek"


async def test_a_file_with_a_bad_row_names_it_and_cannot_be_applied(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        shown = await look(client, "hari-libur", HOLIDAYS + "besok;Libur;nasional\n")
        assert shown.status_code == 422
        assert agreed(shown) == {}, "there is nothing to agree to"
        assert re.search(r"<td[^>]*>4</td><td[^>]*>A4</td>", shown.text)
        assert "bukan tanggal" in shown.text
        forged = {"kind": "hari-libur", "file": "0" * 64, "plan": "0" * 64}
        assert (await client.post("/data/impor/terapkan", data=forged)).status_code == 422
        assert (await client.post("/data/impor/terapkan", data={**forged, "file": "../../etc"})).status_code == 422
    assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day > '2026-12-31'") == 0


async def test_a_file_that_no_preview_has_shown_is_said_to_be_no_sheet(app: FastAPI, inside: House) -> None:
    digest = inside.shelf.put(b"\x89PNG, a photo that somebody has sent")
    async with signed_in(app, ADMIN) as client:
        sent = {"kind": "instansi", "file": digest, "plan": "x"}
        assert (await client.post("/data/impor/terapkan", data=sent)).status_code == 422


async def test_nothing_is_half_done(app: FastAPI, inside: House) -> None:
    """The database itself refuses a row: none of the others is there."""
    await run(inside.engine, "ALTER TABLE holidays ADD CHECK (name <> 'Terlarang')")
    async with signed_in(app, ADMIN) as client:
        shown = await look(client, "hari-libur", HOLIDAYS + "2027-05-01;Terlarang;nasional\n")
        assert (await client.post("/data/impor/terapkan", data=agreed(shown))).status_code == 500
    assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day > '2026-12-31'") == 0
    assert await audited(inside, "data.added") == []


@pytest.mark.parametrize("kind", list(imports.kinds()))
@pytest.mark.parametrize("form", list(sheets.TYPES))
async def test_an_export_of_what_is_shipped_changes_nothing(app: FastAPI, kind: str, form: str) -> None:
    async with signed_in(app, ADMIN) as client:
        out = await client.get(f"/data/ekspor/{kind}.{form}")
        assert out.status_code == 200
        shown = await look(client, kind, out.content)
    assert (shown.status_code, "0 ditambahkan, 0 diubah, 0 diakhiri" in shown.text) == (200, True), shown.text[-3000:]
    assert "tidak mengubah apa pun" in shown.text


@pytest.mark.parametrize("kind", list(imports.kinds()))
async def test_an_empty_template_can_be_taken_and_is_understood(app: FastAPI, kind: str) -> None:
    async with signed_in(app, ADMIN) as client:
        for form in sheets.TYPES:
            out = await client.get(f"/data/impor/templat/{kind}.{form}")
            assert out.status_code == 200
            shown = await look(client, kind, out.content)
            assert (shown.status_code, "tidak ada baris data" in shown.text) == (422, True)
        assert (await client.get(f"/data/impor/templat/{kind}.exe")).status_code == 404
        assert (await client.get("/data/ekspor/staf.csv")).status_code == 404


async def test_new_regions_and_categories_come_in_with_their_children(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        regions = (
            "Kode,Nama,Jenis,Wilayah induk,Zona waktu\n16.99.01,Uji,kecamatan,16.99,Asia/Jakarta\n"
            "16.99,Kota Uji,kota,16,Asia/Jakarta\n"
        )
        for kind, content in (
            ("wilayah", regions),
            ("kategori", "Kode,Nama,Topik induk,Sumber\na.b,B,a,x\na,A,,x\na.b.c,C,a.b,x\n"),
        ):
            shown = await look(client, kind, content)
            assert (await client.post("/data/impor/terapkan", data=agreed(shown))).status_code == 303, shown.text
    assert await value(inside.engine, "SELECT count(*) FROM regions WHERE code LIKE '16.99%'") == 2
    assert await value(inside.engine, "SELECT count(*) FROM categories WHERE code IN ('a', 'a.b', 'a.b.c')") == 3


async def test_no_file_and_too_large_a_file_are_said(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        none = await client.post("/data/impor", data={"kind": "wilayah"}, files={"file": ("", b"")})
        assert (none.status_code, "Belum ada berkas" in none.text) == (422, True)
        large = await look(client, "wilayah", b"x" * (sheets.LARGEST + (1 << 17)))
        assert (large.status_code, "lebih dari 5 MB" in large.text) == (422, True)


# --- channels ------------------------------------------------------------------------------------------------


async def undelivered(house: House, address: str, region: str) -> int:
    """A message about a report of that region that has failed; its number."""
    async with house.engine.begin() as connection:
        contact_id = await contact(connection, address)
        await file(connection, contact_id=contact_id, draft=1, region=region)
        says = [("push.moved", {"note": "kata rahasia petugas"})]
        await deliveries.add(connection, NewDelivery(contact_id, "telegram", address, says, "id"))
    await run(
        house.engine,
        "UPDATE deliveries SET failed_at = now(), problem = 'blocked', complaint_id = (SELECT max(id) FROM complaints) "
        "WHERE address = :address",
        address=address,
    )
    return int(await value(house.engine, "SELECT id FROM deliveries WHERE address = :address", address=address))


async def test_messages_are_tried_again_by_those_who_may_read_the_report(app: FastAPI, inside: House) -> None:
    here, there = await undelivered(inside, "7", "16.71"), await undelivered(inside, "8", "16.06")
    tickets = [row.ticket for row in await rows(inside.engine, "SELECT ticket FROM complaints ORDER BY id")]
    async with signed_in(app, KOMINFO) as client:
        page = (await client.get("/data/saluran")).text
        assert (tickets[0] in page, tickets[1] in page) == (True, False)
        assert "kata rahasia" not in page
        answer = await client.post("/data/saluran/pesan", data={"id": [str(here), str(there), "9999", "x"]})
        assert answer.headers["location"] == "/desk/data/saluran?again=1&left=2"
        assert "1 dicoba lagi" in (await client.get("/data/saluran?again=1&left=2")).text
    assert await rows(inside.engine, "SELECT address FROM deliveries WHERE failed_at IS NOT NULL") == [("8",)]
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/data/saluran")).text
        assert tickets[1] not in page, "an administrator reads no report"
        assert "sebuah laporan" in page
        assert (await client.post("/data/saluran/pesan", data={"one": str(there)})).status_code == 303
    assert await value(inside.engine, "SELECT count(*) FROM deliveries WHERE failed_at IS NOT NULL") == 0
    assert [each[1] for each in await audited(inside, "delivery.again")] == [str(here), str(there)]


async def test_a_chat_that_is_gone_is_said_and_another_is_offered(app: FastAPI, inside: House) -> None:
    number = await undelivered(inside, "7", "16.71")
    await run(inside.engine, "UPDATE contacts SET unreachable_since = now()")
    async with signed_in(app, KOMINFO) as client:
        page = (await client.get("/data/saluran")).text
        assert "tidak bisa dijangkau lagi" in page
        assert "tidak punya chat lain" in page
        assert f'value="{number}"' not in page
        left = await client.post("/data/saluran/pesan", data={"one": str(number)})
        assert left.headers["location"].endswith("again=0&left=1")
        await run(
            inside.engine,
            "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
            "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person) WHERE address = '7' RETURNING 1) "
            "INSERT INTO contacts (channel, address, citizen_id) SELECT 'webchat', 'page', id FROM person",
        )
        assert f'value="{number}:webchat"' in (await client.get("/data/saluran")).text
        assert (await client.post("/data/saluran/pesan", data={"one": f"{number}:webchat"})).status_code == 303
    assert await rows(inside.engine, "SELECT channel, failed_at FROM deliveries") == [("webchat", None)]


async def test_jobs_are_run_again_by_administrators(app: FastAPI, inside: House) -> None:
    await run(
        inside.engine, "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', 'retain', 'failed')"
    )
    job = await value(inside.engine, "SELECT id FROM procrastinate_jobs")
    async with signed_in(app, KOMINFO) as client:
        assert "Menghapus yang sudah lewat" in (await client.get("/data/saluran")).text
        assert (await client.post("/data/saluran/pekerjaan", data={"one": str(job)})).status_code == 403
    async with signed_in(app, ADMIN) as client:
        answer = await client.post("/data/saluran/pekerjaan", data={"one": str(job)})
        assert answer.headers["location"].endswith("again=1&left=0")
    assert await value(inside.engine, "SELECT CAST(status AS text) FROM procrastinate_jobs") == "todo"
    assert await audited(inside, "job.again") == [("job", str(job), {})]


async def test_an_administrator_who_answers_for_an_agency_reads_no_other_ticket(app: FastAPI, inside: House) -> None:
    await undelivered(inside, "7", "16.71")
    async with signed_in(app, ADMIN, GRANTS[policy.PEJABAT]) as client:
        page = (await client.get("/data/saluran")).text
    assert await value(inside.engine, "SELECT ticket FROM complaints") not in page
    assert "sebuah laporan" in page


@pytest.mark.parametrize("number", ["\u00b2", "\u0663", "\x00", "9" * 30, ""])
async def test_what_is_no_number_is_tried_by_nobody(app: FastAPI, number: str) -> None:
    async with signed_in(app, ADMIN) as client:
        for page in ("pekerjaan", "pesan"):
            assert (await client.post(f"/data/saluran/{page}", data={"one": number})).status_code == 303


# --- accounts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ani\x00", "A\x1bni", "", "\n"])
async def test_a_name_that_cannot_be_written_is_refused(app: FastAPI, inside: House, name: str) -> None:
    before = await value(inside.engine, "SELECT count(*) FROM staff")
    async with signed_in(app, ADMIN) as client:
        assert (await client.post("/data/staf", data={"login": "ani", "name": name})).status_code == 422
    assert await value(inside.engine, "SELECT count(*) FROM staff") == before + 1


async def test_an_account_from_its_beginning_to_its_end(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        added = await client.post("/data/staf", data={"login": " Ani@Palembang.go.id ", "name": "Ani"})
        assert added.status_code == 303
        at = added.headers["location"].removeprefix("/desk")
        assert (await client.post("/data/staf", data={"login": "ani@palembang.go.id", "name": "B"})).status_code == 422
        assert (await client.post("/data/staf", data={"login": "a b", "name": "B"})).status_code == 422

        for role, where, status in (
            ("admin_instansi", {"region": "16.71"}, 303),
            ("admin_instansi", {"region": "16.71"}, 422),
            ("pejabat_penghubung", {}, 422),
            ("pejabat_penghubung", {"agency": "tidak-ada"}, 422),
            ("pejabat_penghubung", {"agency": "16.71-pu", "region": "16.71"}, 303),
            ("raja", {}, 422),
        ):
            assert (await client.post(f"{at}/peran", data={"role": role, **where})).status_code == status, (role, where)
        invited = await client.post(f"{at}/undangan")
        link = re.search(r"/desk/undangan/([\w-]+)", invited.text)
        assert link
        assert (await client.get(f"/undangan/{link[1]}")).status_code == 200
        assert link[1] not in (await client.get(at)).text, "it is shown once"

        page = (await client.get(at)).text
        grant = re.search(r'name="grant" value="(\d+)"', page)
        assert grant
        assert (await client.post(f"{at}/akhiri-peran", data={"grant": grant[1]})).status_code == 303
        assert (await client.post(f"{at}/akhiri-peran", data={"grant": grant[1]})).status_code == 422
        for act in ("faktor", "akhiri-sesi", "nonaktif"):
            assert (await client.post(f"{at}/{act}")).status_code == 303
        assert (await client.post(f"{at}/undangan")).status_code == 409
        assert (await client.post(f"{at}/aktif")).status_code == 303
        assert (await client.post(f"{at}/hapus")).status_code == 404
        assert (await client.post("/data/staf/999999/aktif")).status_code == 404
    written = await rows(inside.engine, "SELECT verb, detail FROM audit ORDER BY id")
    verbs = [row.verb for row in written]
    assert verbs[:3] == ["account.add", "grant.give", "grant.give"]
    assert verbs[-5:] == [
        "grant.end",
        "factor.forget",
        "session.end",
        "account.disable",
        "account.enable",
    ]
    assert "ani" not in str([row.detail for row in written]).lower()
    assert link[1] not in str(written)


async def test_administrators_cannot_shut_themselves_out(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        at = f"/data/staf/{client.headers['x-staff']}"
        grant = await value(inside.engine, "SELECT max(id) FROM staff_grants")
        for act, sent in (("nonaktif", {}), ("faktor", {}), ("akhiri-peran", {"grant": str(grant)})):
            answer = await client.post(f"{at}/{act}", data=sent)
            assert (answer.status_code, "akun sendiri" in answer.text) == (422, True), act
        assert (await client.post(f"{at}/akhiri-sesi")).status_code == 303
        assert (await client.get(at)).status_code == 200, "this session goes on"
