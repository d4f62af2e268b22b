"""A complaint over Telegram's webhook: told, filed, moved by an operator, and the answer comes back."""

from __future__ import annotations

from peers.bot_api import FakeBotApi
from running import Running

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."


async def test_from_first_word_to_the_answer(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(4001, "Siti")
    await telegram_api.deliver(citizen.text(STORY))
    first = await citizen.reply()
    assert "diteruskan ke SP4N-LAPOR!" in first.text
    assert "resmi" not in first.text
    await telegram_api.deliver(citizen.text("tidak ada"))
    asked = await citizen.reply()
    assert "Anonim" in asked.text
    await telegram_api.deliver(citizen.tap(asked.choices[3], asked))
    summary = await citizen.reply()
    assert "Musi Banyuasin" in summary.text
    assert "sejak bulan lalu" in summary.text
    await telegram_api.deliver(citizen.text("ya"))
    filed = await citizen.reply()
    assert "Tercatat" in filed.text

    listed = (await running.api.get("/complaints")).json()
    assert [item["status"] for item in listed["items"]] == ["Belum Terverifikasi"]
    ticket = listed["items"][0]["ticket"]
    assert ticket in filed.text
    whole = (await running.api.get(f"/complaints/{ticket}")).json()
    assert whole["text"] == STORY
    assert whole["region"].startswith("16.06")
    assert (whole["anonymous"], whole["secret"], whole["pelapor"]) == (True, True, None)
    promised = whole["suggestion"]
    assert promised["model"]
    assert promised["reading"]["likely"][0] == whole["function"] == "pu"
    assert promised["reading"]["band"] in {"auto", "ask"}
    assert promised["reading"]["office"] == {"certain": False, "why": "road_status_unknown"}

    move = {"status": "Ditindaklanjuti oleh Instansi", "note": "Sudah kami tambal kemarin.\nTerima kasih."}
    moved = await running.api.post(f"/complaints/{ticket}/moves", json=move)
    assert moved.status_code == 200, moved.text
    news = await citizen.reply()
    assert ticket in news.text
    assert "Sudah kami tambal kemarin.\nTerima kasih." in news.text

    await telegram_api.deliver(citizen.text("status"))
    status = await citizen.reply()
    assert "Sudah dijawab oleh" in status.text
