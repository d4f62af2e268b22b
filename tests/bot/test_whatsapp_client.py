"""The WhatsApp channel: what it sends and fetches over real HTTP, and what it makes of failures."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import socket
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from making import in_this_loop
from peers import cloud_api
from peers.bot_api import JPEG
from peers.cloud_api import ACCOUNT_ID, PHONE_ID, TOKEN, FakeCloudApi, Fault, refused
from peers.cloud_people import NUMBER

from bot.channels.sending import FILE_TRIES, Limits
from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp.errors import judge, meanings
from bot.messages import (
    AILMENTS,
    Address,
    Button,
    Channel,
    File,
    Outgoing,
    TemplateNews,
    TemplateRefused,
    TryLater,
    Undeliverable,
    WindowClosed,
)
from bot.messages import Template as Approved

BUDI = Address("whatsapp", "6281234567890")
QUICK = Limits(connect=0.3, total=0.5, upload=0.2, download=0.5)
SECRET = "Laporan rahasia saya tentang jembatan"
LETTER = File("document", b"%PDF-1.4 surat", "application/pdf", "Berita acara – “tahap 2”.pdf")
PHOTO = File("photo", JPEG, "image/jpeg", "sesudah ditambal.jpg")
FILES = (PHOTO, LETTER)
MISSING = "Ada berkas yang tidak bisa dikirim."
ANSWER = Outgoing(BUDI, SECRET, (Button("Sudah", "resolved"),), files=FILES, missing=MISSING)


@pytest.fixture
async def api() -> AsyncIterator[FakeCloudApi]:
    async with FakeCloudApi() as api:
        api.window_hours = None
        yield api
        assert api.problems == []


@pytest.fixture
async def channel(api: FakeCloudApi) -> AsyncIterator[WhatsApp]:
    async with WhatsApp(TOKEN, PHONE_ID, api.base_url, account_id=ACCOUNT_ID) as channel:
        yield channel


@pytest.fixture
async def hasty(api: FakeCloudApi) -> AsyncIterator[WhatsApp]:
    """A channel that waits for nothing long."""
    async with WhatsApp(TOKEN, PHONE_ID, api.base_url, account_id=ACCOUNT_ID, limits=QUICK) as channel:
        yield channel


def assert_discreet(error: Exception) -> None:
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
    for secret in (TOKEN, SECRET, BUDI.user, NUMBER):
        assert secret not in told


def kinds(api: FakeCloudApi, user: str = BUDI.user) -> list[str]:
    return [each.kind for each in api.sent(user)]


# --- saying ------------------------------------------------------------------------------------


async def test_it_is_a_channel(api: FakeCloudApi, channel: WhatsApp) -> None:
    speaker: Channel = channel
    said = await speaker.send(Outgoing(BUDI, "Halo, Pak Budi 🙏"))
    [sent] = api.sent(BUDI.user)
    assert (sent.kind, sent.text, (sent.wamid,)) == ("text", "Halo, Pak Budi 🙏", said.ids)
    assert speaker.name == "whatsapp"


async def test_each_kind_of_message_arrives(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.add_template("lapor_kabar", "id", "Ada kabar untuk laporan {{1}}. Balas untuk membacanya.", "Baca")
    choices = tuple(Button(f"Pilihan {at}", f"c:{at}") for at in range(12))
    ids = [
        wamid
        for message in (
            Outgoing(BUDI, "Benar?", choices[:2]),
            Outgoing(BUDI, "Yang mana?", choices[:5]),
            Outgoing(BUDI, "Yang mana?", choices),
            Outgoing(BUDI, "Di mana?", asks="place"),
            Outgoing(BUDI, "", template=Approved("lapor_kabar", "id", ("T-482-173-9056",), "status")),
            ANSWER,
        )
        for wamid in (await channel.send(message)).ids
    ]
    sent = api.sent(BUDI.user)
    assert [each.wamid for each in sent] == ids
    plain = ["button", "list", "text", "location_request_message", "template"]
    assert [each.kind for each in sent] == [*plain, "image", "document", "button"]
    assert [len(each.buttons) for each in sent] == [2, 5, 0, 0, 1, 0, 0, 1]
    assert sent[2].numbers["Pilihan 11"] == "12"
    assert sent[4].text == "Ada kabar untuk laporan T-482-173-9056. Balas untuk membacanya."
    assert [each.content for each in sent[5:7]] == [file.content for file in FILES]
    assert sent[6].body["document"]["filename"] == LETTER.name


async def test_who_hides_the_number_is_reached(api: FakeCloudApi, channel: WhatsApp) -> None:
    sari = api.citizen(None, "ID.13491208655302741918")
    await channel.send(Outgoing(Address("whatsapp", "ID.13491208655302741918"), "Halo"))
    assert [each.text for each in api.sent(sari)] == ["Halo"]
    assert api.dropped == []


async def test_half_an_emoji_is_no_reason_to_fail(api: FakeCloudApi, channel: WhatsApp) -> None:
    await channel.send(Outgoing(BUDI, "Halo \ud83d"))
    assert len(api.sent(BUDI.user)) == 1


async def test_what_cannot_be_sent_is_not_tried(api: FakeCloudApi, channel: WhatsApp) -> None:
    for message, gone in (
        (Outgoing(BUDI, " \n "), False),
        (Outgoing(BUDI, "?", (Button("a", ""),)), False),
        (replace(ANSWER, address=Address("whatsapp", "@budi")), True),
    ):
        with pytest.raises(Undeliverable) as caught:
            await channel.send(message)
        assert caught.value.gone == gone
    assert api.calls == []


# --- failing -----------------------------------------------------------------------------------

ALL: dict[str, tuple[int, ...]] = {
    "token": (0, 3, 10, 190, 200, 299, 131005),
    "number": (33, 133010),
    "account": (368, 130497, 131031),
    "payment": (131042,),
    "spam": (131048,),
    "crowded": (4, 80007, 130429),
    "person": (131056,),
    "later": (1, 2, 131000, 131016, 131057),
    "window": (131047,),
    "gone": (131026,),
    "template": (132000, 132001, 132005, 132007, 132012, 132015, 132016),
    "withheld": (131049, 130472),
    "never": (131021, 131051, 131052, 131053, 131008, 131009, 100),
}


@pytest.mark.parametrize(("meaning", "code"), [(meaning, code) for meaning, codes in ALL.items() for code in codes])
async def test_each_code_has_its_meaning(api: FakeCloudApi, channel: WhatsApp, meaning: str, code: int) -> None:
    api.faults.add(refused(code, f"Param text {SECRET!r} to {BUDI.user} with {TOKEN}"))
    with pytest.raises((TryLater, Undeliverable)) as caught:
        await channel.send(Outgoing(BUDI, SECRET))
    trouble: Exception = caught.value
    assert isinstance(trouble, TryLater | Undeliverable)
    assert_discreet(trouble)
    assert str(code) in trouble.reason
    if isinstance(trouble, TryLater):
        seen = (trouble.whole_channel, trouble.ails, trouble.after is not None)
        other = {"crowded": (True, None, True), "person": (False, None, True), "later": (False, None, False)}
        assert seen == other.get(meaning, (True, meaning, False))
    else:
        assert trouble.gone == (meaning == "gone")
        special = {"window": WindowClosed, "template": TemplateRefused, "withheld": TemplateRefused}
        assert type(trouble) is special.get(meaning, Undeliverable)
        assert meaning in ("window", "gone", "template", "withheld", "never")
        if isinstance(trouble, TemplateRefused):
            assert trouble.person == (meaning == "withheld")
    await channel.send(Outgoing(BUDI, SECRET))
    assert len(api.sent(BUDI.user)) == 1


async def test_a_number_of_ours_that_is_unknown_is_the_channels_trouble(api: FakeCloudApi) -> None:
    async with WhatsApp(TOKEN, "999", api.base_url) as channel:
        with pytest.raises(TryLater) as caught:
            await channel.send(Outgoing(BUDI, SECRET))
    assert (caught.value.whole_channel, caught.value.ails) == (True, "number")


@pytest.mark.parametrize(
    ("fault", "after", "whole"),
    [
        (cloud_api.too_many(17), 17, True),
        (Fault(429, "<html>429</html>"), 10, True),
        (Fault(429, "", headers={"Retry-After": "99999999999"}), 3600, True),
        (Fault(429, "", headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), 10, True),
        (cloud_api.broken(), None, False),
        (cloud_api.bad_gateway(), None, False),
        (Fault(500, {"error": {"code": 987654, "message": SECRET}}), None, False),
        (Fault(400, {"error": {"code": 987654, "is_transient": True}}), None, False),
        (Fault(200, {"error": {"code": 131000}}), None, False),
        (Fault(400, f"<html>{TOKEN} {SECRET}</html>"), None, False),
        (Fault(403, {"error": "of another shape"}), None, False),
        (Fault(302, "", headers={"Location": "http://127.0.0.1:1/"}), None, False),
        (cloud_api.silence(), None, False),
        (cloud_api.silence(delivered=True), None, False),
        (cloud_api.reset(), None, False),
        (cloud_api.reset(delivered=True), None, False),
    ],
)
async def test_what_may_pass_is_tried_later(
    api: FakeCloudApi, channel: WhatsApp, hasty: WhatsApp, fault: Fault, after: float | None, whole: bool
) -> None:
    api.faults.add(fault)
    with pytest.raises(TryLater) as caught:
        await (hasty if fault.silent else channel).send(Outgoing(BUDI, SECRET))
    assert (caught.value.after, caught.value.whole_channel, caught.value.ails) == (after, whole, None)
    assert_discreet(caught.value)
    assert (await channel.send(Outgoing(BUDI, SECRET))).ids, "and it goes well the next time"
    assert len(api.sent(BUDI.user)) == 1 + fault.delivered


async def test_a_code_that_nobody_knows_is_shown_to_operators(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.faults.add(Fault(400, {"error": {"code": 987654, "message": SECRET}}))
    with pytest.raises(Undeliverable, match="987654") as caught:
        await channel.send(Outgoing(BUDI, SECRET))
    assert not caught.value.gone
    assert_discreet(caught.value)


async def test_a_dead_token_is_seen_without_meta_saying_so(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.faults.add(Fault(401, "<html>Unauthorized</html>"))
    with pytest.raises(TryLater) as caught:
        await channel.send(Outgoing(BUDI, SECRET))
    assert (caught.value.whole_channel, caught.value.ails) == (True, "token")


async def test_a_provider_that_is_down_is_the_channels_trouble() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with WhatsApp(TOKEN, PHONE_ID, f"http://127.0.0.1:{taken.getsockname()[1]}", limits=QUICK) as channel:
            with pytest.raises(TryLater) as caught:
                await channel.send(Outgoing(BUDI, SECRET))
            assert (caught.value.whole_channel, caught.value.ails) == (True, "unreachable")
            assert_discreet(caught.value)
            await channel.mark_read("wamid.x", typing=True)
            for call in (channel.fetch("100"), channel.templates()):
                with pytest.raises((TryLater, Undeliverable)):
                    await call


async def test_a_provider_that_lets_nobody_in_is_the_channels_trouble() -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for earlier in (first, second):  # they fill the queue that nobody serves
            earlier.setblocking(False)
            earlier.connect_ex(deaf.getsockname())
        async with WhatsApp(TOKEN, PHONE_ID, f"http://127.0.0.1:{deaf.getsockname()[1]}", limits=QUICK) as channel:
            with pytest.raises(TryLater) as caught:
                await channel.send(Outgoing(BUDI, SECRET))
    assert (caught.value.whole_channel, caught.value.ails) == (True, "unreachable")


@pytest.mark.parametrize("answer", ["", "<html></html>", "[]", {"messages": [{}]}, {"messages": 1}, {"messages": [7]}])
async def test_a_taken_message_is_not_sent_again_for_an_odd_answer(
    api: FakeCloudApi, channel: WhatsApp, answer: dict[str, Any] | str
) -> None:
    api.faults.add(Fault(200, answer, delivered=True))
    assert (await channel.send(Outgoing(BUDI, "Halo"))).ids == ()


async def test_a_message_is_not_repeated_behind_our_back(api: FakeCloudApi, channel: WhatsApp) -> None:
    await channel.send(Outgoing(BUDI, "Halo"))  # so that there is a connection to be cut
    api.faults.add(cloud_api.reset(delivered=True))
    with pytest.raises(TryLater):
        await channel.send(Outgoing(BUDI, "Nomor laporan Anda"))
    assert len(api.sent(BUDI.user)) == 2


async def test_the_token_follows_no_redirect(api: FakeCloudApi, channel: WhatsApp) -> None:
    async with stranger() as (url, seen):
        for call, method in ((channel.send(Outgoing(BUDI, "Halo")), "messages"), (channel.templates(), "templates")):
            api.faults.add(Fault(307, "", headers={"Location": url}), method=method)
            with pytest.raises(TryLater):
                await call
    assert seen == []


async def test_no_log_tells_the_token_or_a_text(api: FakeCloudApi, caplog: pytest.LogCaptureFixture) -> None:
    media_id = api.add_media(b"x", "image/jpeg")
    with caplog.at_level(logging.DEBUG):
        async with WhatsApp(TOKEN, PHONE_ID, api.base_url) as channel:
            await channel.send(Outgoing(BUDI, SECRET))
            await channel.fetch(media_id)
            api.faults.add(cloud_api.dead_token())
            with pytest.raises(TryLater):
                await channel.send(Outgoing(BUDI, SECRET))
    for secret in (TOKEN, SECRET, BUDI.user, "/attachments/"):
        assert secret not in caplog.text


@given(
    st.dictionaries(
        st.sampled_from(["code", "error_subcode", "is_transient", "message"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["131047", 10**400, [], {}]),
    ),
    st.none() | st.integers(100, 599),
)
def test_no_error_raises_whatever_it_holds(error: dict[str, Any], status: int | None) -> None:
    trouble = judge(error, status)
    assert isinstance(trouble, TryLater | Undeliverable)
    assert len(trouble.reason) < 100


def test_the_meanings_can_be_used() -> None:
    kinds = {"channel", "crowded", "address", "later", "window", "template", "withheld", "gone", "never"}
    assert {each.becomes for each in meanings().values()} == kinds
    for each in meanings().values():
        assert (each.ails in AILMENTS) == (each.becomes == "channel")
        assert (each.after is not None) == (each.becomes in ("crowded", "address"))
    assert isinstance(judge({"code": "131047"}), WindowClosed), "as a string, too"
    assert isinstance(judge({"code": 100, "error_subcode": 33}, 400), TryLater)
    assert isinstance(judge({"code": 100, "error_subcode": 34}, 400), Undeliverable)
    assert isinstance(judge({}), Undeliverable), "a notice without a code: that it failed is known"


# --- a message of several parts ----------------------------------------------------------------


@pytest.mark.parametrize("fails", [1, 2, 3])
async def test_a_message_goes_on_where_it_was_stopped(api: FakeCloudApi, channel: WhatsApp, fails: int) -> None:
    api.faults.choose = lambda _: cloud_api.dead_token() if api.counts["messages"] == fails else None
    long = Outgoing(BUDI, "kata " * 1800, (Button("Ya", "yes"),), asks="place")
    with pytest.raises(TryLater):
        await channel.send(long)
    other = replace(long, address=Address("whatsapp", "6281234567891"))
    assert len((await channel.send(other)).ids) == 5, "what has gone to one has not gone to another"
    said = await channel.send(long)
    sent = api.sent(BUDI.user)
    assert tuple(each.wamid for each in sent) == said.ids
    assert [each.kind for each in sent] == ["text", "text", "text", "button", "location_request_message"]
    assert " ".join(each.text for each in sent[:3]).split() == long.text.split()
    await channel.send(long)
    assert len(api.sent(BUDI.user)) == 10, "the same words later are another message"


async def test_another_message_of_the_same_words_begins_at_its_beginning(api: FakeCloudApi, channel: WhatsApp) -> None:
    """Where the first was stopped here and ended by another process."""
    api.faults.choose = lambda _: cloud_api.dead_token() if api.counts["messages"] == 2 else None
    long = Outgoing(BUDI, "kata " * 1500, key="1.0")
    with pytest.raises(TryLater):
        await channel.send(long)
    said = await channel.send(replace(long, key="2.0"))
    assert tuple(each.wamid for each in api.sent(BUDI.user)[1:]) == said.ids
    assert len(said.ids) == 2


async def test_what_is_refused_in_the_middle_begins_anew(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.faults.choose = lambda _: cloud_api.closed() if api.counts["messages"] == 2 else None
    long = Outgoing(BUDI, "kata " * 1500)
    with pytest.raises(WindowClosed):
        await channel.send(long)
    assert len((await channel.send(long)).ids) == 2
    assert len(api.sent(BUDI.user)) == 3


MISHAPS = st.lists(
    st.sampled_from(["well", "refused", "later", "crowded", "person", "token", "odd", "lost"]), max_size=20
)


async def test_whatever_goes_wrong_each_part_comes_once_and_in_order(api: FakeCloudApi) -> None:
    channel = WhatsApp(TOKEN, PHONE_ID, api.base_url)
    faults = {
        "refused": refused(131053),
        "later": cloud_api.broken(),
        "crowded": cloud_api.too_many(1),
        "person": cloud_api.too_many_to_one(),
        "token": cloud_api.dead_token(),
        "odd": cloud_api.bad_gateway(),
        "lost": cloud_api.reset(),
    }
    words = "kata " * 900
    chats = itertools.count(62_800_000)

    @given(MISHAPS)
    @settings(max_examples=50, deadline=None)
    async def check(mishaps: list[str]) -> None:
        user = str(next(chats))
        left = iter(mishaps)

        def choose(call: cloud_api.Call) -> Fault | None:
            mishap = next(left, "well")
            is_words = call.method == "messages" and call.body["type"] in ("text", "interactive")
            return None if mishap == "refused" and is_words else faults.get(mishap)

        api.faults.choose = choose
        files = tuple(replace(file, content=file.content + user.encode()) for file in FILES)
        message = replace(ANSWER, address=Address("whatsapp", user), text=words, files=files)
        ids: tuple[str, ...] = ()
        for _ in range(len(mishaps) + 1):
            try:
                ids = (await channel.send(message)).ids
                break
            except TryLater as trouble:
                assert_discreet(trouble)
        sent = api.sent(user)
        assert tuple(each.wamid for each in sent) == ids
        came = [each.content for each in sent if each.content is not None]
        assert came == [file.content for file in files if file.content in came]
        assert [each.kind for each in sent[len(came) :]] == ["text", "text", "button"]
        assert " ".join(each.text for each in sent[len(came) : -1]).split() == words.split()[: len(words.split())]
        assert (MISSING in sent[-1].text) == (len(came) < len(files))

    async with channel:
        await in_this_loop(check)


# --- files that go out --------------------------------------------------------------------------


async def test_a_file_goes_up_once_for_all_who_get_it(api: FakeCloudApi, channel: WhatsApp) -> None:
    for at in range(3):
        await channel.send(replace(ANSWER, address=Address("whatsapp", f"628{at}0000000")))
    assert (api.counts["upload"], api.counts["messages"]) == (2, 9)


async def test_a_large_file_goes_up_whole(api: FakeCloudApi, channel: WhatsApp) -> None:
    large = replace(LETTER, content=bytes(range(256)) * 20_000)
    await channel.send(replace(ANSWER, files=(large,)))
    assert api.sent(BUDI.user)[0].content == large.content
    assert api.called("upload")[0]["filename"] == LETTER.name


async def test_a_file_that_meta_does_not_take_holds_up_no_words(api: FakeCloudApi, channel: WhatsApp) -> None:
    odd = File("photo", b"RIFF", "image/webp", "lubang.webp")
    await channel.send(replace(ANSWER, files=(odd, LETTER)))
    assert kinds(api) == ["document", "button"]
    assert api.sent(BUDI.user)[-1].text == f"{SECRET}\n\n{MISSING}"


async def test_an_id_that_meta_has_forgotten_holds_up_no_words(api: FakeCloudApi, channel: WhatsApp) -> None:
    await channel.send(replace(ANSWER, files=(PHOTO,)))
    api.forget_media(api.sent(BUDI.user)[0].body["image"]["id"])
    await channel.send(replace(ANSWER, files=(PHOTO,)))
    assert kinds(api) == ["image", "button", "button"]
    assert api.sent(BUDI.user)[-1].text == f"{SECRET}\n\n{MISSING}"
    await channel.send(replace(ANSWER, files=(PHOTO,)))
    assert kinds(api)[3:] == ["image", "button"], "and it goes up anew for the next"


@pytest.mark.parametrize("method", ["upload", "messages"])
async def test_a_file_that_only_fails_gives_way_to_the_words(api: FakeCloudApi, channel: WhatsApp, method: str) -> None:
    api.faults.choose = lambda call: cloud_api.broken() if is_about_a_photo(call) and call.method == method else None
    for _ in range(FILE_TRIES):
        with pytest.raises(TryLater):
            await channel.send(ANSWER)
    assert api.sent(BUDI.user) == []
    await channel.send(ANSWER)
    assert kinds(api) == ["document", "button"]
    assert api.sent(BUDI.user)[-1].text == f"{SECRET}\n\n{MISSING}"


async def test_a_file_that_never_arrives_gives_way_to_the_words(api: FakeCloudApi) -> None:
    api.faults.choose = lambda call: cloud_api.silence() if is_about_a_photo(call) else None
    async with WhatsApp(TOKEN, PHONE_ID, api.base_url, limits=Limits(total=0.3, upload=0.1)) as channel:
        for _ in range(FILE_TRIES):
            with pytest.raises(TryLater):
                await channel.send(ANSWER)
        channel.limits = Limits()
        await channel.send(ANSWER)
    assert kinds(api) == ["document", "button"]


def is_about_a_photo(call: cloud_api.Call) -> bool:
    return call.body.get("type") in ("image/jpeg", "image")


async def test_a_send_that_is_cut_off_goes_on_as_well(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.faults.choose = lambda _: cloud_api.silence() if api.counts["messages"] == 2 else None
    long = Outgoing(BUDI, "kata " * 1500)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):  # as the speaker does
            await channel.send(long)
    assert len((await channel.send(long)).ids) == 2
    assert len(api.sent(BUDI.user)) == 2


async def test_a_file_waits_for_the_token_as_long_as_the_words(api: FakeCloudApi, channel: WhatsApp) -> None:
    api.faults.add(cloud_api.dead_token(), method="upload", times=FILE_TRIES + 2)
    for _ in range(FILE_TRIES + 2):
        with pytest.raises(TryLater) as caught:
            await channel.send(ANSWER)
        assert caught.value.ails == "token"
    await channel.send(ANSWER)
    assert kinds(api) == ["image", "document", "button"]


@pytest.mark.parametrize("fault", [cloud_api.unreachable(), cloud_api.closed()])
async def test_who_is_gone_or_silent_gets_no_words_either(api: FakeCloudApi, channel: WhatsApp, fault: Fault) -> None:
    api.faults.add(fault, times=math.inf)
    with pytest.raises(Undeliverable) as caught:
        await channel.send(ANSWER)
    assert isinstance(caught.value, WindowClosed) != caught.value.gone
    assert api.counts["messages"] == 1


# --- files that come in -------------------------------------------------------------------------


async def test_a_file_is_fetched(api: FakeCloudApi, channel: WhatsApp) -> None:
    content = bytes(range(256)) * 4000
    assert await channel.fetch(api.add_media(content, "image/jpeg")) == content
    assert api.called("media")[0]["phone_number_id"] == PHONE_ID


async def test_a_file_is_fetched_up_to_its_limit_whatever_was_said_of_its_size(api: FakeCloudApi) -> None:
    limits = Limits(file_size=100_000)
    async with WhatsApp(TOKEN, PHONE_ID, api.base_url, limits=limits) as channel:
        assert len(await channel.fetch(api.add_media(b"x" * 100_000, "image/png"))) == 100_000
        for claimed in (100_001, 10):
            with pytest.raises(Undeliverable, match="too large") as caught:
                await channel.fetch(api.add_media(b"x" * 100_001, "image/png", claimed_size=claimed))
            assert not caught.value.gone
    assert api.counts["download"] == 2, "what is said to be too large is not asked for"


async def test_a_link_that_is_too_old_is_asked_for_anew(api: FakeCloudApi, channel: WhatsApp) -> None:
    media_id = api.add_media(b"foto", "image/jpeg")
    api.stale_links = 1
    assert await channel.fetch(media_id) == b"foto"
    api.stale_links = 2
    with pytest.raises(TryLater) as caught:
        await channel.fetch(media_id)
    assert not caught.value.whole_channel
    assert await channel.fetch(media_id) == b"foto"


@pytest.mark.parametrize("fault", [cloud_api.broken(), cloud_api.silence(), cloud_api.reset(), cloud_api.bad_gateway()])
@pytest.mark.parametrize("step", ["media", "download"])
async def test_a_file_may_come_later(
    api: FakeCloudApi, channel: WhatsApp, hasty: WhatsApp, fault: Fault, step: str
) -> None:
    media_id = api.add_media(b"x", "image/jpeg")
    # Twice, for aiohttp itself asks again, once, if a connection turns out to be cut and asking changes nothing.
    api.faults.add(fault, method=step, times=2 if fault.reset else 1)
    with pytest.raises(TryLater) as caught:
        await (hasty if fault.silent else channel).fetch(media_id)
    assert not caught.value.whole_channel
    assert_discreet(caught.value)
    assert await channel.fetch(media_id) == b"x"


async def test_a_file_that_nobody_has_is_undeliverable(api: FakeCloudApi, channel: WhatsApp) -> None:
    forgotten = api.add_media(b"x", "image/jpeg")
    api.forget_media(forgotten)
    for media_id in (forgotten, "../messages", "", "1?x=2", "http://127.0.0.1/"):
        with pytest.raises(Undeliverable) as caught:
            await channel.fetch(media_id)
        assert not caught.value.gone
    assert api.counts["media"] == 1


@pytest.mark.parametrize("step", ["media", "download"])
async def test_a_token_that_dies_is_told(api: FakeCloudApi, channel: WhatsApp, step: str) -> None:
    api.faults.add(cloud_api.dead_token(), method=step)
    with pytest.raises(TryLater) as caught:
        await channel.fetch(api.add_media(b"x", "image/jpeg"))
    assert (caught.value.whole_channel, caught.value.ails) == (True, "token")


async def test_what_comes_compressed_is_unpacked(api: FakeCloudApi) -> None:
    async with stranger({"messages": [{"id": "wamid.1"}]}) as (url, seen), WhatsApp(TOKEN, PHONE_ID, url) as channel:
        assert (await channel.send(Outgoing(BUDI, "Halo"))).ids == ("wamid.1",)
    assert "gzip" in seen[0]["Accept-Encoding"]
    assert seen[0]["Content-Type"] == "application/json"


class stranger:  # noqa: N801 (it is used like a function)
    """Another server, which packs what it says: its address, and the headers of the requests that it got."""

    def __init__(self, answer: Any = None) -> None:
        self._answer = answer

    async def __aenter__(self) -> tuple[str, list[dict[str, str]]]:
        seen: list[dict[str, str]] = []

        async def take(request: web.Request) -> web.Response:
            seen.append(dict(request.headers))
            response = web.json_response(self._answer)
            response.enable_compression(web.ContentCoding.gzip)
            return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}", seen

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_no_stranger_gets_the_token(api: FakeCloudApi, channel: WhatsApp) -> None:
    media_id = api.add_media(b"x", "image/jpeg")
    async with stranger() as (url, seen):
        api.media_url = url
        with pytest.raises(Undeliverable, match="stranger"):
            await channel.fetch(media_id)
        api.media_url = None
        api.faults.add(Fault(302, "", headers={"Location": url}), method="download")
        with pytest.raises(TryLater):
            await channel.fetch(media_id)
    assert seen == []


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://mmg.whatsapp.net/d/f/1.enc", True),
        ("https://scontent.xx.fbcdn.net/v/1", True),
        ("https://graph.facebook.com/v23.0/1", True),
        ("https://graph.facebook.com:443/v23.0/1", True),
        ("http://lookaside.fbsbx.com/1", False),
        ("http://graph.facebook.com/1", False),
        ("https://lookaside.fbsbx.com:8443/1", False),
        ("https://fbsbx.com.example.org/1", False),
        ("https://evilfbsbx.com/1", False),
        ("https://lookaside.fbsbx.com@example.org/1", False),
        ("https://example.org/#.fbsbx.com", False),
        ("https://example.org\\.fbsbx.com/", False),
        ("//lookaside.fbsbx.com/1", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_who_may_see_the_token(url: str, may: bool) -> None:
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL:
        assert not may
        return
    assert WhatsApp(TOKEN, PHONE_ID)._may_see_token(place) == may


# --- courtesies and templates -------------------------------------------------------------------


async def test_a_message_is_marked_as_read(api: FakeCloudApi, channel: WhatsApp) -> None:
    citizen = api.citizen()
    first, second = (cloud_api.wamid_of(citizen.text(words)) for words in ("halo", "jalan rusak"))
    await channel.mark_read(first, typing=False)
    await channel.mark_read(second, typing=True)
    assert (api.read_messages, api.typed_for) == ([first, second], [second])


@pytest.mark.parametrize("fault", [cloud_api.dead_token(), cloud_api.silence(), cloud_api.reset(), Fault(200, "")])
async def test_a_courtesy_may_fail(api: FakeCloudApi, channel: WhatsApp, hasty: WhatsApp, fault: Fault) -> None:
    api.faults.add(fault, method="read")
    await (hasty if fault.silent else channel).mark_read("wamid.x", typing=True)
    assert api.counts["read"] == 1


async def test_all_templates_are_told_over_all_pages(api: FakeCloudApi, channel: WhatsApp) -> None:
    assert await channel.templates() == []
    api.page_size = 3
    states = itertools.cycle(["APPROVED", "PAUSED", "REJECTED", "PENDING"])
    for number in range(10):
        api.add_template(f"lapor_{number}", "id", f"Kabar {number} untuk {{{{1}}}}.", status=next(states))
    api.add_template("lapor_0", "en", "News.")
    found = await channel.templates()
    assert len(found) == 11
    assert found[:2] == [
        TemplateNews("lapor_0", "id", "approved", None, "utility", "Kabar 0 untuk {{1}}."),
        TemplateNews("lapor_1", "id", "paused", None, "utility", "Kabar 1 untuk {{1}}."),
    ]
    assert {(each.name, each.language) for each in found} == set(api.templates)
    assert api.counts["templates"] == 1 + 4


async def test_a_part_of_the_templates_is_never_told(api: FakeCloudApi, channel: WhatsApp, hasty: WhatsApp) -> None:
    api.page_size = 1
    for name in ("a", "b", "c"):
        api.add_template(name, "id", "Kabar.")
    for fault in (cloud_api.broken(), Fault(200, "<html></html>"), Fault(200, {"data": None}), cloud_api.silence()):
        api.faults.choose = lambda call, fault=fault: fault if "after" in call.body else None
        with pytest.raises(TryLater):
            await (hasty if fault.silent else channel).templates()


async def test_a_list_of_templates_without_an_end_is_left(api: FakeCloudApi, channel: WhatsApp) -> None:
    row = {"name": "a", "language": "id", "status": "APPROVED"}
    for paging in (
        {"next": "https://example.org/?after=QVFI&access_token=x", "cursors": {"after": "QVFI"}},
        {"next": "https://example.org/?after=QVFI&access_token=x"},
    ):
        api.faults.clear()
        api.faults.add(Fault(200, {"data": [row], "paging": paging}), method="templates", times=math.inf)
        with pytest.raises(TryLater):
            await channel.templates()


async def test_what_meta_tells_of_a_template_is_read_with_care(api: FakeCloudApi, channel: WhatsApp) -> None:
    right = {"name": "a", "language": "id", "status": "REJECTED", "rejected_reason": "INVALID_FORMAT"}
    rows: list[Any] = [None, {}, {"name": "b"}, {**right, "status": 7}, {**right, "components": [{"type": "body"}, 3]}]
    rows += [{**right, "rejected_reason": "NONE", "components": "?", "category": 5}]
    api.faults.add(Fault(200, {"data": rows, "paging": {"cursors": {"after": "x"}}}), method="templates")
    assert await channel.templates() == [
        TemplateNews("a", "id", "rejected", "INVALID_FORMAT"),
        TemplateNews("a", "id", "rejected"),
    ]


async def test_without_an_account_there_is_no_list(api: FakeCloudApi) -> None:
    async with WhatsApp(TOKEN, PHONE_ID, api.base_url, limits=QUICK) as channel:
        with pytest.raises(Undeliverable):
            await channel.templates()
    assert api.calls == []


async def test_a_stopped_channel_can_begin_again(api: FakeCloudApi) -> None:
    channel = WhatsApp(TOKEN, PHONE_ID, api.base_url)
    await channel.send(Outgoing(BUDI, "Halo"))
    client = channel._client
    assert client
    await channel.stop()
    await channel.stop()
    assert client.is_closed
    await channel.send(Outgoing(BUDI, "Halo"))
    await channel.stop()
    assert len(api.sent(BUDI.user)) == 2
