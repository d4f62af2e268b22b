"""The door of Telegram and the spine behind it: who may knock, what is kept, what is answered, exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hours import in_office_hours, on_sunday
from making import eventually, rows, run, value
from own_server import Server
from peers.bot_api import Citizen, FakeBotApi, Update

from api.app import build
from api.house import House
from api.settings import Settings
from api.suggesting import Suggester
from classifier import Classifier
from classifier.labels import read_names

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
SECRET = "a-secret-of-this-test"  # that of the fixture telegram_settings
HEADER = "X-Telegram-Bot-Api-Secret-Token"
Said = list[tuple[str, dict[str, Any]]]


async def knows_its_name(app: FastAPI) -> bool:
    return bool(app.state.house.bot_link)


@asynccontextmanager
async def opened(settings: Settings, url: str) -> AsyncIterator[FastAPI]:
    """The app, once it knows its own name at Telegram."""
    app = build(settings, url)
    async with app.router.lifespan_context(app):
        await eventually(lambda: knows_its_name(app))
        yield app


@pytest.fixture
async def app(telegram_settings: Settings, database: str) -> AsyncIterator[FastAPI]:
    """The app, with Telegram's door."""
    async with opened(telegram_settings, database) as app:
        in_office_hours(app.state.house)
        yield app


@pytest.fixture
def citizen(telegram_api: FakeBotApi) -> Citizen:
    return telegram_api.citizen(77, "Siti Aminah")


async def knock(web: httpx.AsyncClient, update: Any, secret: str = SECRET) -> httpx.Response:
    """Post something to the webhook, as it is or as JSON."""
    content = update if isinstance(update, bytes) else json.dumps(update).encode()
    return await web.post("/webhooks/telegram", content=content, headers={HEADER: secret})


async def said(house: House) -> Said:
    """What is said in answer; after this the citizen has heard it."""
    found = await rows(house.engine, "SELECT says FROM deliveries WHERE sent_at IS NULL ORDER BY id")
    await run(house.engine, "UPDATE deliveries SET claimed_at = now(), sent_at = now() WHERE sent_at IS NULL")
    return [(key, params) for [says] in found for key, params in says]


async def talk(web: httpx.AsyncClient, house: House, update: Update) -> list[str]:
    """One update of a citizen; the text keys of the answer."""
    answer = await knock(web, update)
    assert answer.status_code == 200, answer.text
    return [key for key, _ in await said(house)]


FILED = ["filed", "receipt", "filed_next"]
SHORTEST = ("tidak ada", "biasa saja", "ya")  # no photo, nothing hidden, send it


async def filed(
    web: httpx.AsyncClient, house: House, citizen: Citizen, story: str = STORY, answers: Sequence[str] = SHORTEST
) -> Any:
    """A complaint, told and sent; its row."""
    for words in (story, *answers):
        last = await talk(web, house, citizen.text(words))
    assert last == FILED
    [row] = await rows(house.engine, "SELECT * FROM complaints ORDER BY id DESC LIMIT 1")
    return row


async def counts(house: House) -> dict[str, int]:
    """How many rows there are of what a message leaves."""
    statement = """
        SELECT (SELECT count(*) FROM inbox) AS inbox, (SELECT count(*) FROM contacts) AS contacts,
               (SELECT count(*) FROM deliveries) AS deliveries, (SELECT count(*) FROM complaints) AS complaints
    """
    [row] = await rows(house.engine, statement)
    return dict(row._mapping)


NOTHING = {"inbox": 0, "contacts": 0, "deliveries": 0, "complaints": 0}


# --- who may knock ---------------------------------------------------------------------------------------


async def test_without_the_secret_nothing_is_kept(web: httpx.AsyncClient, inside: House, citizen: Citizen) -> None:
    for secret in (None, "", "wrong", SECRET.upper(), SECRET + "x", "é"):
        headers = {} if secret is None else {HEADER.encode(): secret.encode()}
        answer = await web.post("/webhooks/telegram", json=citizen.text(STORY), headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert await counts(inside) == NOTHING


async def test_a_body_that_is_no_json_is_refused(web: httpx.AsyncClient, inside: House) -> None:
    for body in (b"", b"{", b"\xff", b"halo", b"[" * 100_000):
        answer = await knock(web, body)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert await counts(inside) == NOTHING


async def test_a_body_that_is_too_large_is_refused(web: httpx.AsyncClient, inside: House) -> None:
    assert (await knock(web, b'"' + b"x" * 1024 * 1024 + b'"')).status_code == 413
    assert await counts(inside) == NOTHING


async def test_without_a_token_there_is_no_door(settings: Settings, database: str) -> None:
    app = build(settings, database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
        assert (await knock(web, {})).status_code == 404


# --- once ---------------------------------------------------------------------------------------------------


async def test_an_update_that_comes_again_changes_nothing(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text(STORY)
    assert await talk(web, inside, update) != []
    before = await counts(inside)
    assert await talk(web, inside, update) == []
    assert await counts(inside) == before


async def test_an_update_that_comes_many_times_at_once_is_handled_once(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text(STORY)
    answers = await asyncio.gather(*(knock(web, update) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await counts(inside) == {"inbox": 1, "contacts": 1, "deliveries": 1, "complaints": 0}


async def test_a_yes_that_comes_again_files_once(web: httpx.AsyncClient, inside: House, citizen: Citizen) -> None:
    for words in (STORY, "tidak ada", "biasa saja"):
        await talk(web, inside, citizen.text(words))
    yes = citizen.text("ya")
    await asyncio.gather(*(knock(web, yes) for _ in range(10)))
    assert (await counts(inside))["complaints"] == 1
    assert [key for key, _ in await said(inside)] == FILED


async def status_of(web: httpx.AsyncClient, update: Update) -> int:
    return (await knock(web, update)).status_code


async def test_while_the_store_is_away_nothing_is_said_and_the_same_update_counts_later(
    own_server: Server, telegram_settings: Settings, telegram_api: FakeBotApi
) -> None:
    citizen = telegram_api.citizen(77)
    async with opened(telegram_settings, own_server.url) as app:
        house: House = app.state.house
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
            await talk(web, house, citizen.text("halo"))
            own_server.stop()
            update = citizen.text(STORY)
            for _ in range(3):
                answer = await knock(web, update)
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert telegram_api.sent(77) == []
            own_server.start()
            await eventually(lambda: status_of(web, update), 200)
            assert (await knock(web, update)).status_code == 200
        assert (await counts(house))["inbox"] == 2
        assert len([key for key, _ in await said(house) if key.startswith("ask.")]) == 1


# --- what cannot be read ---------------------------------------------------------------------------------------


async def test_an_update_that_names_no_chat_is_kept_as_it_came(web: httpx.AsyncClient, inside: House) -> None:
    update = {"update_id": 5, "poll": {"id": "1"}}
    assert await talk(web, inside, update) == []
    assert await rows(inside.engine, "SELECT message_id, address, payload FROM inbox") == [("5", None, update)]


async def test_what_is_no_update_at_all_is_kept_once(web: httpx.AsyncClient, inside: House) -> None:
    odd: list[Any] = [[], "text", 5, None, {}, {"update_id": "x"}, {"message": {}}]
    for update in odd * 2:
        assert (await knock(web, update)).status_code == 200
    assert await counts(inside) == NOTHING | {"inbox": len(odd)}


async def test_an_unknown_kind_of_message_is_kept_and_answered(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text("x")
    update["hologram"] = update.pop("message")
    assert await talk(web, inside, update) == ["unsupported.other"]
    assert await value(inside.engine, "SELECT payload FROM inbox") == update


async def test_a_message_that_fits_no_description_is_kept_and_answered(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text("x")
    update["message"] |= {"text": ["not", "words"], "entities": 7}
    assert await talk(web, inside, update) == ["unsupported.other"]


async def test_a_sticker_is_answered_and_the_question_stays(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    asked = (await talk(web, inside, citizen.text(STORY)))[-1]
    assert await talk(web, inside, citizen.sticker()) == ["unsupported.sticker", asked]


async def test_characters_that_cannot_be_stored_do_not_stop_a_complaint(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text(STORY)
    update["message"]["text"] = "nol \x00 setengah \ud83d " + STORY
    await talk(web, inside, update)
    assert (await filed(web, inside, citizen, "Lagi pula lampunya mati")).text.startswith("nol")


# --- stories -------------------------------------------------------------------------------------------------------


async def test_a_story_becomes_a_complaint_with_its_words_place_and_agency(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    row = await filed(web, inside, citizen)
    assert (row.text, row.channel, row.report_class) == (STORY, "telegram", "pengaduan")
    assert row.region.startswith("16.06")
    assert row.agency.startswith("16.06-")
    assert (row.anonymous, row.secret) == (False, False)
    assert await value(inside.engine, "SELECT name FROM citizens") == "Siti Aminah"


async def test_the_receipt_holds_the_code_that_is_kept(web: httpx.AsyncClient, inside: House, citizen: Citizen) -> None:
    for words in (STORY, *SHORTEST[:-1]):
        await talk(web, inside, citizen.text(words))
    await knock(web, citizen.text("ya"))
    told = dict(await said(inside))
    [row] = await rows(inside.engine, "SELECT ticket, code FROM complaints")
    assert told["filed"] == {"ticket": row.ticket}
    assert told["receipt"] == {"code": row.code, "link": f"{inside.settings.public_url}/periksa"}


async def test_outside_office_hours_it_is_said_when_somebody_reads(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    on_sunday(inside)
    for words in (STORY, *SHORTEST[:-1]):
        await talk(web, inside, citizen.text(words))
    await knock(web, citizen.text("ya"))
    told = await said(inside)
    assert [key for key, _ in told] == [*FILED, "reads_next"]
    moment = datetime.fromisoformat(told[-1][1]["when"]["moment"])
    assert moment > inside.now()
    assert moment.isoweekday() not in {6, 7}
    assert moment.utcoffset() == timedelta(hours=7)
    assert await talk(web, inside, citizen.text("bantu petugas")) == ["human_called", "reads_next"]


async def test_a_long_story_is_kept_in_full_and_the_citizen_told(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    story = STORY + " Lubangnya dalam dan motor sering jatuh." * 100
    assert len(story) > 3000
    assert "long_text" in await talk(web, inside, citizen.text(story))
    for words in SHORTEST:
        await talk(web, inside, citizen.text(words))
    assert await value(inside.engine, "SELECT text FROM complaints") == story


class Failing(Classifier):
    """A classifier with a defect."""

    def __init__(self) -> None:
        pass

    def read(self, text: str, title: str = "") -> Any:
        raise ZeroDivisionError(text)


@pytest.mark.parametrize("classifier", [Failing(), None], ids=["failing", "missing"])
async def test_without_a_classifier_a_complaint_is_filed_and_kominfo_decides(
    web: httpx.AsyncClient,
    inside: House,
    citizen: Citizen,
    classifier: Classifier | None,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    inside.suggester = Suggester(classifier, read_names())
    row = await filed(web, inside, citizen, answers=("keluhan", *SHORTEST))
    assert (row.agency, row.function, row.category) == ("16.06-kominfo", None, None)
    assert await rows(inside.engine, "SELECT model, suggested FROM routings") == [(None, None)]
    printed = capfd.readouterr()
    assert "SMP 1" not in printed.out + printed.err + caplog.text


async def test_what_was_promised_is_kept_with_the_routing(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    """The model, its set and its band, and whether the office was certain: figures of the words, never the words."""
    await filed(web, inside, citizen)
    assert inside.suggester is not None
    assert inside.suggester.facts is not None
    [[model, kept]] = await rows(inside.engine, "SELECT model, suggested FROM routings")
    said = inside.suggester.suggest(STORY)
    assert said is not None
    assert model == inside.suggester.facts.version
    assert (kept["likely"], kept["band"]) == (list(said.likely), said.band)
    assert (kept["danger"], kept["chatter"]) == (None, None)
    assert kept["office"] == {"certain": False, "why": "road_status_unknown"}
    assert "motor" not in json.dumps(kept)


# --- dangers --------------------------------------------------------------------------------------------------------

FIRE = "Tolong, rumah tetangga saya kebakaran sekarang, apinya besar, di Plaju"


async def dangers(desk: httpx.AsyncClient) -> list[tuple[str, str, str | None]]:
    """Kind, channel and ticket of the matters that wait for a person, and that no word of anybody is among them."""
    answer = await desk.get("/attention")
    assert "tetangga" not in answer.text
    return [(each["detail"], each["channel"], each["ticket"]) for each in answer.json()["items"]]


async def test_a_present_danger_is_a_persons_matter_at_once(
    web: httpx.AsyncClient, desk: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    first = citizen.text(FIRE)
    await talk(web, inside, first)
    assert await dangers(desk) == [("fire", "telegram", None)]
    for update in (first, citizen.text("Apinya makin besar, cepat tolong"), citizen.edited(first, FIRE + " Ulu")):
        await talk(web, inside, update)
    assert await value(inside.engine, "SELECT count(*) FROM attention") == 1


async def test_a_danger_that_was_dealt_with_is_not_raised_again_by_the_same_complaint(
    web: httpx.AsyncClient, desk: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    await talk(web, inside, citizen.text(FIRE))
    [matter] = (await desk.get("/attention")).json()["items"]
    assert matter["kind"] == "danger"
    assert (await desk.post(f"/attention/{matter['id']}/close")).status_code == 200
    answers = {
        "offer": "ya",
        "class": "keluhan",
        "time": "tadi malam",
        "photos": "tidak ada",
        "privacy": "biasa saja",
        "confirm": "ya",
    }
    for _ in answers:
        if asking := await value(inside.engine, "SELECT conversation->>'asking' FROM contacts"):
            await talk(web, inside, citizen.text(answers[asking]))
    assert await value(inside.engine, "SELECT suggested->>'danger' FROM routings") == "fire"
    assert await dangers(desk) == []


async def test_a_danger_that_is_told_after_filing_has_its_ticket(
    web: httpx.AsyncClient, desk: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text(STORY)
    for each in (update, *map(citizen.text, SHORTEST)):
        await talk(web, inside, each)
    assert await dangers(desk) == []
    assert await talk(web, inside, citizen.edited(update, f"{FIRE}. {STORY}")) == ["danger.fire", "after.reply.done"]
    ticket = await value(inside.engine, "SELECT ticket FROM complaints")
    assert await dangers(desk) == [("fire", "telegram", ticket)]


async def test_a_danger_is_raised_without_a_model_too(
    web: httpx.AsyncClient, desk: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    inside.suggester = Suggester(None, read_names())
    await talk(web, inside, citizen.text(FIRE))
    assert await dangers(desk) == [("fire", "telegram", None)]


async def test_a_danger_is_kept_with_its_turn_or_not_at_all(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    await run(inside.engine, "ALTER TABLE deliveries ADD CONSTRAINT broken CHECK (channel <> 'telegram')")
    await knock(web, citizen.text(FIRE))
    assert await rows(inside.engine, "SELECT kind FROM attention") == [("message_not_handled",)]
    await run(inside.engine, "ALTER TABLE deliveries DROP CONSTRAINT broken")
    await talk(web, inside, citizen.text(FIRE))
    assert await rows(inside.engine, "SELECT kind FROM attention ORDER BY id") == [
        ("message_not_handled",),
        ("danger",),
    ]


async def test_an_edited_story_is_filed_as_it_reads_now(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text("Jalan di depan SMP 1 Sekayu rusak sejak bulan lalu")
    await talk(web, inside, update)
    assert "noted.edit" in await talk(web, inside, citizen.edited(update, STORY))
    for words in SHORTEST:
        await talk(web, inside, citizen.text(words))
    assert await value(inside.engine, "SELECT text FROM complaints") == STORY


async def test_an_edit_after_filing_is_added_for_the_operators(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    update = citizen.text(STORY)
    await talk(web, inside, update)
    for words in SHORTEST:
        await talk(web, inside, citizen.text(words))
    assert await talk(web, inside, citizen.edited(update, "Maksud saya SMP 2")) == ["after.reply.done"]
    notes = await rows(inside.engine, "SELECT note, actor_kind FROM complaint_history WHERE event = 'replied'")
    assert notes == [("Maksud saya SMP 2", "citizen")]
    assert await value(inside.engine, "SELECT text FROM complaints") == STORY


async def test_the_status_is_that_of_the_own_complaints_alone(
    web: httpx.AsyncClient, inside: House, telegram_api: FakeBotApi
) -> None:
    one, other = telegram_api.citizen(1), telegram_api.citizen(2)
    ticket = (await filed(web, inside, one)).ticket
    assert await talk(web, inside, one.text("status")) == ["status.line"]
    assert await talk(web, inside, one.text(f"status {ticket.lower()}")) == ["status.line"]
    assert await talk(web, inside, other.text("status")) == ["status.none"]
    assert await talk(web, inside, other.text(f"status {ticket}")) == ["status.unknown"]


# --- people beside --------------------------------------------------------------------------------------------------


async def test_who_calls_for_a_human_is_on_the_list(
    web: httpx.AsyncClient, desk: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    for _ in range(2):
        assert await talk(web, inside, citizen.text("bantu petugas")) == ["human_called"]
    [matter] = (await desk.get("/attention")).json()["items"]
    assert (matter["kind"], matter["channel"]) == ("call_for_human", "telegram")


async def test_who_blocks_us_is_unreachable_until_the_next_word(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    reason = "SELECT unreachable_reason FROM contacts"
    assert await talk(web, inside, citizen.block()) == []
    assert await value(inside.engine, reason) == "blocked_by_user"
    await talk(web, inside, citizen.text("halo"))
    assert await value(inside.engine, reason) is None


async def test_in_a_group_only_the_way_to_us_is_said_and_nothing_of_it_is_kept(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    answer = await knock(web, citizen.group_text("@lapor_uji_bot rahasia keluarga saya"))
    assert answer.status_code == 200
    assert await said(inside) == [("group", {"link": "https://t.me/lapor_uji_bot"})]
    assert await talk(web, inside, citizen.group_text("rahasia lain, tidak untuk bot")) == []
    for statement in ("SELECT * FROM inbox", "SELECT * FROM contacts", "SELECT * FROM deliveries"):
        assert "rahasia" not in str(await rows(inside.engine, statement))


async def test_a_tap_is_answered_in_the_webhooks_own_answer(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, telegram_api: FakeBotApi
) -> None:
    await talk(web, inside, citizen.text(STORY))
    message = {"chat": citizen._chat(), "message_id": 2, "date": 0}
    query = {"id": "99", "from": citizen._user(), "message": message, "chat_instance": "-77", "data": "1:photos:none"}
    answer = await knock(web, telegram_api.make_update(callback_query=query))
    assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "99"}
    assert [key for key, _ in await said(inside)] == ["ask.privacy"]


async def test_a_photo_before_any_word_begins_a_draft_and_goes_with_the_complaint(
    web: httpx.AsyncClient, inside: House, citizen: Citizen
) -> None:
    assert "ask.story_photo" in await talk(web, inside, citizen.photo())
    for words in (STORY, "biasa saja", "ya"):
        await talk(web, inside, citizen.text(words))
    complaint = await value(inside.engine, "SELECT id FROM complaints")
    assert await rows(inside.engine, "SELECT complaint_id, state FROM media") == [(complaint, "waiting")]
    assert await value(inside.engine, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'fetch_media'") == 1
