"""What an officer asks for reaches the complaint, and whoever calls for a human gets an answer."""

from __future__ import annotations

from peers.bot_api import FakeBotApi
from running import Running

STORY = "Lampu jalan mati di depan Pasar Plaju Palembang sejak kemarin malam"


async def test_words_that_an_officer_waits_for_are_added(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(4101, "Siti")
    for words in (STORY, "tidak ada", "biasa saja", "ya"):
        await citizen.say(words)
        await citizen.reply()
    [item] = (await running.api.get("/complaints")).json()["items"]
    path = f"/complaints/{item['ticket']}"
    move = {"status": "Menunggu Kelengkapan Informasi", "note": "Nomor tiangnya berapa?"}
    for _ in range(2):  # repeated under one key it is done once
        moved = await running.api.post(f"{path}/moves", json=move, headers={"Idempotency-Key": "one"})
        assert moved.status_code == 200, moved.text
    assert "Nomor tiangnya berapa?" in (await citizen.reply()).text
    await citizen.say("Nomor tiangnya 12, dekat warung Bu Ida")
    assert item["ticket"] in (await citizen.reply()).text
    history = (await running.api.get(path)).json()["history"]
    assert [row["event"] for row in history] == ["filed", "moved", "replied"]
    assert history[-1]["note"] == "Nomor tiangnya 12, dekat warung Bu Ida"
    assert history[-1]["actor"] == "citizen"


async def test_a_call_for_a_human_is_answered_in_the_chat(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(4102, "Budi")
    await citizen.say("bantu petugas")
    await citizen.reply()
    [matter] = (await running.api.get("/attention")).json()["items"]
    assert matter["kind"] == "call_for_human"
    answered = await running.api.post(f"/attention/{matter['id']}/replies", json={"text": "Silakan, ada apa?"})
    assert answered.status_code == 201, answered.text
    assert "Silakan, ada apa?" in (await citizen.reply()).text
    assert (await running.api.post(f"/attention/{matter['id']}/close")).status_code == 200
    assert (await running.api.get("/attention")).json()["items"] == []
    assert (await running.api.post(f"/attention/{matter['id']}/close")).status_code == 404
