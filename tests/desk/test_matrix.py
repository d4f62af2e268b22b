"""Who may what, on every route that there is: read off the app, asked for by real requests, compared with the policy.

A new route of the desk is in here by itself. One without a rule fails, and so does a new door of the house that is open
to all and that nobody has listed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from conftest import API_KEY
from fastapi import FastAPI
from making import rows, value
from routes import Answer, Found, ask, desk_of, filled, found
from scenes import (
    ADDRESS,
    ASSISTANT,
    COUNTER,
    COVERED,
    DRAFT_REACH,
    DRAFT_WORDS,
    NAME,
    REACH,
    VOLUNTEER,
    Person,
    Report,
    Scene,
    staged,
)

from api.app import build
from api.house import House
from api.rest.complaints import client
from api.settings import Settings
from desk import words
from desk.access import HalfRule, HouseRule, PublicRule, ReportRule
from store import policy, staff
from store.policy import Subject

# What of the house is open to all, and why. The REST API asks for a key, the desk for a session.
PUBLIC = {
    "/": "leads to the chat",
    "/healthz": "for who watches over the processes; tells nothing",
    "/readyz": "for who watches over the processes; tells what is missing",
    "/metrics": "counts only; a proxy keeps the outside away from it",
    "/chat": "the chat page of citizens, who have their own cookie",
    "/chat/messages": "a citizen's chat, by the cookie",
    "/chat/files": "a citizen's chat, by the cookie",
    "/chat/files/{id_}": "a citizen's own file, by the cookie",
    "/chat/lampiran/{id_}": "a file that was sent to this chat, by the cookie",
    "/chat/leave": "a citizen's chat, by the cookie",
    "/chat/events": "a citizen's chat, by the cookie",
    "/chat/static/{name}": "scripts and styles",
    "/chat/loket": "a service counter, by its cookie; without it an explanation",
    "/chat/loket/warga": "a service counter, by its cookie",
    "/chat/loket/selesai": "empties the screen of a service counter, by its cookie",
    "/chat/loket/belum": "the question before something is lost at a service counter, by its cookie",
    "/chat/loket/masih": "a sign of life of a service counter, by its cookie",
    "/chat/tanda-terima": "the receipt that was told in this chat, by the cookie",
    "/periksa": "whether a receipt is genuine: whoever has it has the code",
    "/periksa/static/{name}": "scripts and styles",
    "/webhooks/telegram": "asks for the secret that only Telegram has",
    "/api/v1/openapi.json": "what the API looks like, without any data",
    # Other channels have keys of their own, and what a key sees is tests/api/test_open311.py's.
    "/open311/v2/discovery.{form}": "what the server is, without any data",
    "/open311/v2/services.{form}": "the categories, as SP4N-LAPOR! publishes them",
    "/open311/v2/services/{code}.{form}": "what a category asks for",
    "/open311/v2/requests.{form}": "filing asks for a key, and so does reading unless OPEN311_PUBLIC says otherwise",
    "/open311/v2/requests/{number}.{form}": "asks for a key unless OPEN311_PUBLIC says otherwise",
    "/open311/v2/tokens/{token}.{form}": "asks for a key unless OPEN311_PUBLIC says otherwise",
    "/open311/v2/{rest:path}": "what is not there, in the words of the standard",
}
# Of the desk: what is open to all.
DESK_PUBLIC = {
    "/masuk": "whoever signs in is nobody yet",
    "/masuk/oidc": "leads to the provider",
    "/masuk/oidc/kembali": "comes back from the provider, whose answer is checked",
    "/undangan/{token}": "whoever is invited is nobody yet; the token is the key",
}
MOUNTS = {"/static": "scripts and styles, no data"}


# --- the routes --------------------------------------------------------------------------------------


@pytest.fixture
def whole(settings: Settings, database: str) -> FastAPI:
    """The app with all its doors."""
    told = {
        "telegram_token": "1:a",
        "telegram_webhook_secret": "a-secret-of-this-test",
        "public_url": "https://lapor.example",
    }
    return build(Settings.model_validate(settings.model_dump() | told), database)


def test_every_route_of_the_desk_has_one_rule(whole: FastAPI) -> None:
    routes = list(found(desk_of(whole).routes))
    assert len(routes) > 50
    wrong = [
        f"{each} has {len(each.rules)} rules" for each in routes if each.method != "MOUNT" and len(each.rules) != 1
    ]
    assert wrong == []
    assert {each.path for each in routes if each.method == "MOUNT"} == set(MOUNTS)


def test_only_the_listed_routes_of_the_desk_are_open_to_all(whole: FastAPI) -> None:
    routes = [each for each in found(desk_of(whole).routes) if each.method != "MOUNT"]
    assert {each.path for each in routes if isinstance(each.rule, PublicRule)} == set(DESK_PUBLIC)


def test_a_rule_on_a_report_stands_where_there_is_one(whole: FastAPI) -> None:
    routes = [each for each in found(desk_of(whole).routes) if each.method != "MOUNT"]
    assert [str(each) for each in routes if isinstance(each.rule, ReportRule) != ("ticket" in each.names)] == []


def test_the_rest_of_the_house_asks_for_a_key_or_is_listed(whole: FastAPI) -> None:
    routes = list(found(whole.routes))
    assert {each.path for each in routes if each.method == "MOUNT"} == {"/desk"}
    others = [each for each in routes if each.method != "MOUNT"]
    keyed = {each.path for each in others if client in each.calls}
    assert {each.path for each in others} - keyed == set(PUBLIC)
    assert all(path.startswith("/api/v1/") for path in keyed)


async def test_the_rest_api_answers_nobody_without_a_key(app: FastAPI) -> None:
    routes = [each for each in found(app.routes) if client in each.calls]
    assert len(routes) > 10
    for each in routes:
        path = filled(each, {"ticket": "T-482-173-9051"})
        for headers in ({}, {"x-api-key": API_KEY + "x"}, {"x-api-key": ""}):
            answer = await ask(app, each.method, path, headers={"content-type": "application/json", **headers})
            assert answer.status == 401, f"{each}: {answer.status}"


# --- the matrix --------------------------------------------------------------------------------------


@pytest.fixture
async def scene(app: FastAPI, inside: House) -> Scene:
    """Reports of every kind, and somebody of every role."""
    return await staged(app, inside)


REACHED, FORBIDDEN, MISSING, SIGN_IN = "reached", "forbidden", "missing", "to the door"


def observed(answer: Answer) -> str:
    """What came of a request."""
    if answer.status == 401:
        return SIGN_IN
    if answer.status == 303 and re.match(r"/desk/masuk(/kode)?($|\?)", answer.headers["location"]):
        return SIGN_IN
    if answer.status in (403, 404):
        return FORBIDDEN if answer.status == 403 else MISSING
    return REACHED if answer.status < 400 or answer.status in (400, 409, 422, 429) else f"status {answer.status}"


def expected(person: Person, route: Found, report: Report | None) -> set[str]:
    """What the policy says of it. What does not exist may be missing for whoever may look for it."""
    rule = route.rule
    if isinstance(rule, PublicRule):
        return {REACHED, SIGN_IN, MISSING}
    if person.staff_id is None:
        return {SIGN_IN}
    if isinstance(rule, HalfRule):
        return {REACHED, SIGN_IN}  # who leaves is led to the door
    if not person.verified:
        return {SIGN_IN}
    if isinstance(rule, HouseRule):
        return {REACHED, MISSING} if policy.may(person.grants, rule.verb) else {FORBIDDEN}
    assert report is not None
    if policy.may(person.grants, rule.verb, report.subject):
        return {REACHED}
    return {FORBIDDEN} if policy.may(person.grants, "report.read", report.subject) else {MISSING}


def cases(scene: Scene) -> Iterator[tuple[Person, Found, str, Report | None]]:
    """Every route, with everybody and every report that it may be about."""
    for route in found(desk_of(scene.app).routes):
        if route.method == "MOUNT":
            continue
        for person in scene.people:
            about = scene.reports.items() if "ticket" in route.names else [("", None)]
            for kind, report in about:
                yield person, route, kind, report


# What a request may leave behind that nobody else sees: signs of life, counted guesses, words that are kept for
# whoever must sign in again.
OWN_TRACES = {"staff_sessions", "kept_forms", "guesses", "heartbeats", "deliveries_id_seq"}


async def contents(house: House) -> dict[str, str]:
    """A digest of every table that a request must not have touched."""
    tables = [
        row.name
        for row in await rows(
            house.engine, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        if row.name not in OWN_TRACES and not row.name.startswith("procrastinate")
    ]
    digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    return {name: await value(house.engine, digest.format(name)) for name in tables}


async def test_everybody_reaches_what_the_policy_allows_and_nothing_else(scene: Scene) -> None:
    wrong, counted = list[str](), Counter[str]()
    refused = [case for case in cases(scene) if REACHED not in expected(case[0], case[1], case[3])]
    allowed = [case for case in cases(scene) if REACHED in expected(case[0], case[1], case[3])]
    before = await contents(scene.house)
    for number, (person, route, kind, report) in enumerate((*refused, *allowed)):
        if number == len(refused):
            # Whoever was refused has changed nothing at all.
            assert await contents(scene.house) == before
        try:
            answer = await scene.send(person, route, report)
            came = observed(answer)
            wrong += [f"{person.name}: {route} ({kind}) tells {word}" for word in told(person, route, answer)]
        except Exception as error:
            came = f"{type(error).__name__}"
        counted[came] += 1
        if came not in (wanted := expected(person, route, report)):
            wrong.append(f"{person.name}: {route} ({kind}): {came}, not {' or '.join(sorted(wanted))}")
    print(f"\n{sum(counted.values())} requests: {dict(counted)}")
    if wrong:
        pytest.fail("\n".join(wrong))


def told(person: Person, route: Found, answer: Answer) -> list[str]:
    """What an answer tells that this person must not read there.

    An operator may read covered words of the own region; the name behind Anonim only by the act that writes it down.
    """
    hidden = {NAME, *NAME.split(), ADDRESS, COVERED}
    if any(grant.role == policy.ADMIN_INSTANSI for grant in person.grants):
        hidden = {ADDRESS} if route.path.endswith("/nama") else hidden - {COVERED}
    hidden |= assisted(person, route)
    return [word for word in sorted(hidden) if word.casefold() in answer.text.casefold()]


def assisted(person: Person, route: Found) -> set[str]:
    """What this person must not read there of residents who were assisted: who assisted them, how they are reached, and
    a draft that was given to the desk."""
    where = Subject("16.71.01")
    hidden = {ASSISTANT, REACH, DRAFT_WORDS, DRAFT_REACH}
    if route.path.startswith("/kawan/draf/{draft_id}") and policy.may(person.grants, "assisted_draft.settle", where):
        return hidden - {DRAFT_WORDS, DRAFT_REACH}
    if re.match(r"/kawan(?!/draf)", route.path) and policy.may(person.grants, "volunteer.read", where):
        return hidden - {ASSISTANT}
    return hidden


async def test_whoever_assists_has_no_part_in_the_desk(scene: Scene) -> None:
    """The cookies of a volunteer's chat and of a counter's tablet are worth nothing here, and the officer of a counter
    reads no report and no draft."""
    people = {each.name: each for each in scene.people}
    assert policy.LOKET in people
    for name in (VOLUNTEER, COUNTER):
        assert people[name].cookies
        for route in found(desk_of(scene.app).routes):
            if route.method != "MOUNT" and not isinstance(route.rule, PublicRule):
                report = scene.reports["assisted"] if "ticket" in route.names else None
                assert observed(await scene.send(people[name], route, report)) == SIGN_IN, f"{name}: {route}"
    for route in found(desk_of(scene.app).routes):
        if "ticket" in route.names:
            answer = await scene.send(people[policy.LOKET], route, scene.reports["assisted"])
            assert observed(answer) == MISSING, str(route)
        if "draft_id" in route.names:
            assert observed(await scene.send(people[policy.LOKET], route, None)) == FORBIDDEN, str(route)


async def test_a_ticket_that_does_not_exist_looks_like_one_that_is_not_yours(scene: Scene) -> None:
    """The same status and the same words, whatever the route: nobody learns which tickets there are."""
    other = scene.reports["other region"]
    nowhere = replace(other, ticket="T-482-173-9051")
    misspelt = replace(other, ticket="%00' OR 1=1")
    officer = next(each for each in scene.people if each.name == policy.ADMIN_INSTANSI)
    for route in found(desk_of(scene.app).routes):
        if "ticket" not in route.names:
            continue
        answers = [await scene.send(officer, route, report) for report in (other, nowhere, misspelt)]
        assert {answer.status for answer in answers} == {404}, str(route)
        assert len({answer.text for answer in answers}) == 1, str(route)


async def test_what_is_hidden_stands_on_no_page(scene: Scene) -> None:
    """The name behind Anonim, the chat's address, and words under a cover: searched in every page that anybody gets."""
    leaks, pages = list[str](), 0
    # They are there to be found: an operator reads what is covered.
    operator = next(each for each in scene.people if each.name == policy.ADMIN_INSTANSI)
    [route] = [each for each in found(desk_of(scene.app).routes) if str(each) == "GET /laporan/{ticket}"]
    assert COVERED in (await scene.send(operator, route, scene.reports["own"])).text
    [route] = [each for each in found(desk_of(scene.app).routes) if str(each) == "GET /kawan/draf/{draft_id}"]
    read = (await scene.send(operator, route, None)).text
    assert DRAFT_WORDS in read
    assert DRAFT_REACH in read
    assert await value(scene.house.engine, "SELECT count(*) FROM assistances WHERE reach_words = :w", w=REACH) == 1
    assert await value(scene.house.engine, "SELECT count(*) FROM contacts WHERE address = :a", a=ADDRESS) == 1
    for person, route, kind, report in cases(scene):
        if route.method == "GET" and person.staff_id is not None and REACHED in expected(person, route, report):
            asked = {"q": "lampu", "tiket": scene.reports["Anonim"].ticket} if report is None else {}
            for query in ({}, asked) if asked else ({},):
                answer = await scene.send(person, route, report, query=query)
                pages += answer.status == 200
                leaks += [f"{person.name}: {route} ({kind}) {query}: {word}" for word in told(person, route, answer)]
    print(f"\n{pages} pages searched")
    assert pages > 100
    if leaks:
        pytest.fail("\n".join(sorted(set(leaks))))


async def test_a_search_does_not_find_by_what_the_searcher_may_not_read(scene: Scene) -> None:
    """Whoever may not read a word must not learn by asking for it that it stands there."""
    [route] = [each for each in found(desk_of(scene.app).routes) if str(each) == "GET /cari"]
    readers = [each for each in scene.people if policy.reach(each.grants, "report.read") and each.staff_id]
    learned = list[str]()
    for person in readers:
        if any(grant.role == policy.ADMIN_INSTANSI for grant in person.grants):
            continue
        for asked in (COVERED, NAME, ADDRESS, NAME.split()[1], ASSISTANT, REACH, DRAFT_WORDS):
            answer = await scene.send(person, route, None, query={"q": asked})
            learned += [
                f"{person.name}, {asked}: {kind}" for kind, each in scene.reports.items() if each.ticket in answer.text
            ]
        ordinary = await scene.send(person, route, None, query={"q": "lampu pasar"})
        assert scene.reports["own"].ticket in ordinary.text
    assert learned == []


async def test_an_export_gives_nobody_what_is_hidden(scene: Scene) -> None:
    for person in scene.people:
        if not policy.may(person.grants, "reports.export"):
            continue
        async with scene.house.engine.begin() as connection:
            assert person.staff_id is not None
            token = await staff.open_session(connection, person.staff_id, datetime.now(UTC), verified=True)
        answer = await ask(scene.app, "POST", "/desk/unduh", token=token, form=[("format", "csv")])
        assert answer.status == 200
        if person.verified:
            assert "text/csv" in answer.headers["content-type"]
        for secret in (NAME, ADDRESS, COVERED, ASSISTANT, REACH, DRAFT_WORDS, DRAFT_REACH):
            assert secret not in answer.text


async def test_what_was_written_down_in_all_this_has_its_sentences(scene: Scene) -> None:
    """Real acts of everybody on every route: each verb that they leave in the audit can be read there."""
    for person, route, _, report in cases(scene):
        if route.method == "POST" and person.verified and REACHED in expected(person, route, report):
            version = await _version(scene, report)
            await _act(scene, person, route, report, version)
    verbs = {row.verb for row in await rows(scene.house.engine, "SELECT DISTINCT verb FROM audit")}
    assert verbs
    assert sorted(verb for verb in verbs if not words.knows(f"trail.verb.{verb}")) == []


async def _version(scene: Scene, report: Report | None) -> int:
    if report is None:
        return 0
    statement = "SELECT version FROM complaints WHERE ticket = :ticket"
    return int(await value(scene.house.engine, statement, ticket=report.ticket))


# What a form of the desk may ask for, filled in plausibly.
FILLED = {
    "agency": "16.71-pu",
    "agencies": "16.71-pu",
    "lead": "16.71-pu",
    "words": "Sudah kami periksa.",
    "note": "Catatan.",
    "reason": "unclear",
    "title": "Lampu jalan mati",
    "report_class": "aspirasi",
    "masked_text": "Lampu jalan mati.",
}


async def _act(scene: Scene, person: Person, route: Found, report: Report | None, version: int) -> None:
    form = [("version", str(version)), ("format", "csv"), *FILLED.items()]
    await scene.go(person, route, report, form=form)
