"""Golden conversations over the real house on every channel: what the citizen reads, and what stands in the database.

One house serves them all, as it serves many citizens: its directory and its model are loaded once. Between two
conversations its database is emptied, so that nobody's complaint is another's neighbour, and its clock is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from conftest import API_KEY, Databases, in_database
from peers import cloud_api
from peers.bot_api import TOKEN, FakeBotApi
from peers.cloud_api import FakeCloudApi
from persons import TelegramPerson, WhatsappPerson, at_the_page
from running import web
from scripted import CANNOT, TRANSCRIPTS, asked_of, cases, left_out, perform
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.house import House
from api.providers import channels
from api.replaying import AttachingTerminal, Desk, Person, Shell, Speech, StageFailed, TerminalPerson
from api.settings import Settings
from api.suggesting import Suggester
from api.transcripts import Transcript, play, read
from bot.channels.whatsapp import templates
from store import rehearsal
from store.database import connect, is_busy
from store.tables import metadata

CHANNELS = ("terminal", "telegram", "whatsapp", "webchat")
# The same citizen's other chat, and that of somebody else.
OTHER = {"terminal": "terminal", "telegram": "webchat", "whatsapp": "telegram", "webchat": "telegram"}
RESIDENT = {"terminal": "terminal", "telegram": "whatsapp", "whatsapp": "webchat", "webchat": "telegram"}
# Which transcripts are not played where, and for what in them; why that cannot be done there stands in scripted.CANNOT.
LEFT_OUT: dict[str, dict[str, list[str]]] = {
    "engine": {
        "45_answer_to_a_message_of_last_month": ["reply"],
        "76_both_flags": ["neighbours"],
        "78_fire": ["clocks"],
        "79_violence_at_home": ["agency"],
        "84_saturday_night": ["agency"],
        "108_draft_that_expires": ["clocks"],
        "109_draft_kept_by_a_word": ["clocks"],
        "110_others_have_told_it": ["agency", "neighbours"],
        "111_a_report_of_my_own": ["neighbours"],
        "112_the_same_again_on_the_next_day": ["clocks"],
        "113_state_and_answer": ["agency"],
        "114_an_office_needs_to_know_more": ["agency"],
        "115_an_office_needs_a_photo": ["agency"],
        "116_not_settled": ["agency"],
        "117_not_settled_in_words": ["agency"],
        "118_settled_with_stars": ["agency"],
        "119_settled_without_stars": ["agency"],
        "120_silence_closes_it": ["agency", "clocks"],
        "121_wrong_agency_by_tap": ["agency"],
        "122_wrong_agency_in_words": ["agency"],
        "123_withdrawn": ["agency"],
        "125_reply_by_quoting": ["agency", "reply"],
        "126_belongs_to_the_old_one": ["agency"],
        "127_belongs_to_none": ["agency"],
        "128_which_of_two": ["agency"],
        "129_closed_and_still_broken": ["agency"],
        "130_draft_moves_to_another_app": ["other"],
        "131_tickets_move_to_another_app": ["agency", "other"],
        "133_what_is_kept": ["agency"],
        "134_erased": ["agency"],
        "136_english_to_the_stars": ["agency"],
        "147_buttons_in_words": ["agency"],
        "148_two_apps_linked": ["agency", "other"],
        "149_words_in_the_linked_app": ["agency", "other"],
        "150_number_of_sp4n": ["agency"],
        "151_status_of_sp4n_in_its_own_words": ["agency"],
        "152_number_of_somebody_else": ["agency", "neighbours"],
        "k01_invited_and_trained": ["kawan"],
        "k02_wrong_answers_in_the_training": ["kawan"],
        "k03_wrong_and_used_codes": ["kawan", "resident"],
        "k04_everything_for_a_resident": ["kawan"],
        "k05_consent_refused": ["kawan"],
        "k06_sensitive_subject_aloud": ["kawan"],
        "k07_news_without_its_content": ["agency", "kawan"],
        "k08_taken_over_in_another_app": ["agency", "kawan", "resident"],
        "k09_the_volunteer_cannot_read_it": ["kawan", "resident"],
        "k10_a_quoted_message_finds_nothing": ["kawan", "reply"],
        "k11_for_themselves": ["kawan"],
        "k12_several_residents": ["kawan"],
        "k13_one_long_message": ["kawan"],
        "k14_photo_of_a_letter": ["kawan"],
        "k15_revoked_in_the_middle": ["kawan"],
        "k16_paused_and_resumed": ["kawan"],
        "k17_consent_withdrawn_before_sending": ["kawan"],
        "k18_consent_withdrawn_after_sending": ["agency", "kawan"],
        "k19_two_volunteers_one_resident": ["kawan", "resident"],
        "k20_texts_that_look_alike": ["kawan"],
        "k21_enough_for_a_day": ["kawan"],
        "k22_counter": ["counter", "resident"],
        "k23_their_own_code": ["kawan", "other", "resident"],
    },
    "terminal": {
        "45_answer_to_a_message_of_last_month": ["reply"],
        "125_reply_by_quoting": ["reply"],
        "k10_a_quoted_message_finds_nothing": ["reply"],
    },
    "telegram": {
        "14_very_long": ["more than 4,096 letters"],
        "k22_counter": ["counter"],
    },
    "whatsapp": {
        "15_stickers_cards_and_files": ["file of more than 20 MB"],
        "23_photo_first_with_pin": ["album"],
        "99_album": ["album"],
        "108_draft_that_expires": ["reminder after a day"],
        "109_draft_kept_by_a_word": ["reminder after a day"],
        "120_silence_closes_it": ["reminder after a day"],
        "k22_counter": ["counter"],
    },
    "webchat": {
        "15_stickers_cards_and_files": ["file of more than 20 MB", "sticker"],
        "22_more_to_tell_on_the_summary": ["edit"],
        "23_photo_first_with_pin": ["album"],
        "40_pictures_games_and_cards": ["contact_card", "poll", "sticker"],
        "41_forwarded_post": ["forwarded"],
        "45_answer_to_a_message_of_last_month": ["reply"],
        "65_moving_picture": ["gif"],
        "99_album": ["album"],
        "105_edited_before_and_after": ["edit"],
        "125_reply_by_quoting": ["reply"],
        "k10_a_quoted_message_finds_nothing": ["reply"],
    },
}


@dataclass(slots=True)
class Theatre:
    """The house with all its doors open, and the other side of each."""

    house: House
    address: str
    speech: Speech
    terminal: AttachingTerminal
    telegram_api: FakeBotApi
    meta: FakeCloudApi
    suggester: Suggester | None
    _users: count[int] = field(default_factory=lambda: count(9001))

    async def clear(self) -> None:
        """Everybody and everything is forgotten."""
        self.house.suggester = self.suggester
        await self.meta.told()
        while True:
            try:
                async with self.house.engine.begin() as connection:
                    # The speaker looks at some of the tables in another order: we step back at once.
                    await connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
                    await rehearsal.clear(connection)
                return
            except DBAPIError as error:
                if not is_busy(error):
                    raise

    async def person(self, stack: AsyncExitStack, channel: str, *, hides: bool) -> Person:
        """Somebody new on that channel; who `hides` the number where it can be hidden."""
        user, ear = next(self._users), self.speech.ears[channel]
        if channel == "telegram":
            return TelegramPerson(self.telegram_api, ear, user)
        if channel == "whatsapp":
            number = None if hides else f"62812{user:08d}"
            return WhatsappPerson(self.meta, ear, self.meta.citizen(number, f"ID.9{user:019d}"))
        if channel == "webchat":
            return await stack.enter_async_context(at_the_page(self.address))
        return TerminalPerson(self.house, self.terminal, ear, str(user))


@pytest.fixture(scope="module")
async def theatre(
    server: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Theatre]:
    name = databases.take()
    url = in_database(server, name)
    rehearsal.wind(url)
    terminal = AttachingTerminal()
    async with AsyncExitStack() as stack:
        telegram_api = await stack.enter_async_context(FakeBotApi())
        meta = await stack.enter_async_context(FakeCloudApi())
        meta.add_templates(templates.load().submissions())
        settings = Settings(
            _env_file=None,
            database_url=url,
            data_dir=tmp_path_factory.mktemp("transcripts"),
            api_keys=f"test:{API_KEY}",
            telegram_token=TOKEN,
            telegram_base_url=telegram_api.base_url,
            telegram_webhook_secret="a-secret-of-this-test",
            whatsapp_token=cloud_api.TOKEN,
            whatsapp_base_url=meta.base_url,
            whatsapp_phone_number_id=cloud_api.PHONE_ID,
            whatsapp_app_secret=cloud_api.APP_SECRET,
            whatsapp_verify_token=cloud_api.VERIFY_TOKEN,
        )
        address, house = await stack.enter_async_context(web(settings, url))
        meta.webhook = f"{address}/webhooks/whatsapp", cloud_api.APP_SECRET
        meta.now = house.now
        meta.reports = True
        speech = Speech(house, {"terminal": terminal, **await channels(stack, settings)})
        await stack.enter_async_context(speech.running())
        while not house.bot_link:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(0.01)
        yield Theatre(house, address, speech, terminal, telegram_api, meta, house.suggester)
        assert telegram_api.problems == meta.problems == []
        assert meta.dropped == []
    databases.drop(name)


@asynccontextmanager
async def stage(theatre: Theatre, channel: str, *, hides: bool = False) -> AsyncIterator[Shell]:
    """The emptied house, and a citizen on that channel."""
    await theatre.clear()
    async with AsyncExitStack() as stack:
        persons = [
            await theatre.person(stack, each, hides=hides) for each in (channel, OTHER[channel], RESIDENT[channel])
        ]
        shell = Shell(theatre.house, theatre.speech, persons, Desk(theatre.address, API_KEY))
        stack.callback(shell.leave)
        yield shell
    assert theatre.telegram_api.problems == theatre.meta.problems == []


async def performed(theatre: Theatre, transcript: Transcript, channel: str) -> None:
    # Half of the citizens hide their number: always the same ones.
    async with stage(theatre, channel, hides=len(transcript.turns) % 2 == 0) as shell:
        await perform(transcript, shell)


@pytest.mark.parametrize("transcript", cases("terminal"))
async def test_in_the_terminal(theatre: Theatre, transcript: Transcript) -> None:
    await performed(theatre, transcript, "terminal")


@pytest.mark.parametrize("transcript", cases("telegram"))
async def test_on_telegram(theatre: Theatre, transcript: Transcript) -> None:
    await performed(theatre, transcript, "telegram")


@pytest.mark.parametrize("transcript", cases("whatsapp"))
async def test_on_whatsapp(theatre: Theatre, transcript: Transcript) -> None:
    await performed(theatre, transcript, "whatsapp")


@pytest.mark.parametrize("transcript", cases("webchat"))
async def test_in_the_web_chat(theatre: Theatre, transcript: Transcript) -> None:
    await performed(theatre, transcript, "webchat")


def test_what_is_left_out_is_known() -> None:
    assert left_out() == LEFT_OUT
    played = sum(len(cases(stage)) for stage in CANNOT)
    assert played + sum(map(len, LEFT_OUT.values())) == len(TRANSCRIPTS) * len(CANNOT)


# --- the machinery itself ------------------------------------------------------------------------------

TOLD = """
[[turn]]
citizen = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
"""
SENT = f"""{TOLD}
[[turn]]
tap = "Tidak ada foto"
[[turn]]
tap = "Tanpa keduanya"
[[turn]]
tap = "Ya, kirim"
bot = ["T-001-000-0000", "{{ticket}}"]
"""
AFTERWARDS = f"""
now = "2026-03-02 23:30 WITA"
notes = ["Di simpang itu lampu jalannya juga mati."]
neighbours = [
    {{ story = "Air PDAM mati di Lais", place = "Kantor Camat", region = "Lais", follow = 11, ago = "2 days" }},
]
{SENT}
[[turn]]
citizen = "Di simpang itu lampu jalannya juga mati."
before_reading = true
[[turn]]
agency = {{ move = "Terdisposisi", reason = "jalan kabupaten" }}
bot = ["jalan kabupaten", "{{ticket}}"]
[[turn]]
wait = "3 days"
then = "clocks"
[[turn]]
citizen = "status"
bot = ["T-001-000-0000"]
not = ["{{neighbour}}", "{{neighbour 1}}"]
[[turn]]
agency = {{ deny = "bukan wewenang kami" }}
bot = ["bukan wewenang kami"]
[[turn]]
agency = {{ message = "Kami datang besok pagi" }}
bot = ["Kami datang besok pagi"]
[[turn]]
agency = {{ move = "Ditindaklanjuti oleh Instansi", note = "Sudah ditambal", neighbour = 1 }}
bot = []
[[turn]]
other = true
citizen = "halo"
[[turn]]
look = true
bot = []
[[filed]]
status = "Belum Terverifikasi"
followers = 0
rating = 0
notes = ["Di simpang itu lampu jalannya juga mati."]
"""


def written(folder: Path, words: str) -> Transcript:
    file = folder / "percakapan.toml"
    file.write_text(f'title = "Uji"\n{words}', encoding="utf-8")
    return read(file)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_officers_neighbours_time_and_a_second_chat(theatre: Theatre, tmp_path: Path, channel: str) -> None:
    async with stage(theatre, channel) as shell:
        await perform(written(tmp_path, AFTERWARDS), shell)
        rows = await shell.rows("""
            SELECT filed_at, changed_at,
                   (SELECT count(*) FROM complaint_parties p WHERE p.complaint_id = k.id) AS parties
            FROM complaints k ORDER BY id
        """)
        chats = await shell.rows("SELECT channel FROM contacts ORDER BY id")
    assert [row.parties for row in rows] == [11, 1]
    assert [f"{row.filed_at:%Y-%m-%d}" for row in rows] == ["2026-02-28", "2026-03-02"]
    assert [f"{row.changed_at:%Y-%m-%d}" for row in rows] == ["2026-03-05", "2026-03-05"]
    assert [row.channel for row in chats] == [channel, OTHER[channel]]


KINDS = {
    "voice = true": "Ada foto?",
    "video = 'lihat ini'": "",
    "gif = true": "",
    "sticker = true": "Stiker",
    "contact_card = true": "",
    "poll = true": "",
    "forwarded = 'dari grup RT: ada yang jatuh di sana'": "",
    "reply = { turn = 1, text = 'banyak yang jatuh di sana' }": "",
    "photo = 'ini lubangnya'": "",
    "pin = [-2.89, 103.83]": "",
    "file = 'surat.pdf'\ntype = 'application/pdf'": "",
}


@pytest.mark.parametrize("channel", CHANNELS)
async def test_every_kind_of_message_reaches_the_house(theatre: Theatre, tmp_path: Path, channel: str) -> None:
    """What a channel cannot do is refused by its citizen; all else is answered, and stands in the inbox."""
    for kind in KINDS:
        transcript = written(tmp_path, f"{TOLD}\n[[turn]]\n{kind}\n")
        if CANNOT[channel].keys() & asked_of(transcript):
            async with stage(theatre, channel) as shell:
                with pytest.raises(StageFailed, match="nobody can"):
                    await perform(transcript, shell)
            continue
        async with stage(theatre, channel) as shell:
            said = [played.said.text async for played in play(transcript, shell)]
            heard = await shell.rows("SELECT payload FROM inbox")
        assert said[1], kind
        assert len(heard) == 2, kind


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (f"{SENT}[[filed]]\nstatus = 'Terdisposisi'", "complaint 1: status is 'Belum Terverifikasi'"),
        (f"{SENT}[[filed]]\nphotos = 1", "complaint 1: photos is 0, not 1"),
        (f"{SENT}[[filed]]\nassisted = true", "complaint 1: assisted is False, not True"),
        (SENT, "1 complaints were filed, not 0"),
        (f"{TOLD}bot = ['Selamat tinggal']", "'Selamat tinggal' is missing"),
        (f"{TOLD}[[turn]]\ncitizen = 'lagi'\nbefore_reading = true\nbot = ['Selamat tinggal']", "is missing"),
    ],
)
async def test_a_difference_is_told(theatre: Theatre, tmp_path: Path, channel: str, words: str, problem: str) -> None:
    async with stage(theatre, channel) as shell:
        told = [each async for played in play(written(tmp_path, words), shell) for each in played.problems]
    assert any(problem in each for each in told), told


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_voice_note_is_heard_and_a_code_is_remembered(theatre: Theatre, tmp_path: Path, channel: str) -> None:
    words = "Lampu di Pasar Sekayu mati sejak kemarin"
    transcript = written(tmp_path, f"[[turn]]\nvoice = true\n[[turn]]\ntranscript = '{words}'\n")
    async with stage(theatre, channel) as shell:
        async for played in play(transcript, shell):
            assert not played.problems
        [kept] = await shell.rows("SELECT kind, state, transcript FROM media")
        heard = await shell.rows("SELECT message_id FROM inbox ORDER BY id")
        await shell.run("""UPDATE deliveries SET says = '[["greeting", {}], ["help", {"code": "K7-2M"}]]'""")
        names = await shell.names()
    assert (kept.kind, kept.state, kept.transcript) == ("voice", "stored", words)
    assert [row.message_id.startswith("transcript:") for row in heard] == [False, True]
    assert names == {"code": "K7-2M"}


async def sizes(engine: AsyncEngine) -> dict[str, int]:
    """How many rows each table has."""
    async with engine.connect() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
        }


async def test_nothing_of_a_conversation_is_left(theatre: Theatre, database: str, tmp_path: Path) -> None:
    engine = connect(database)
    fresh = await sizes(engine)
    await engine.dispose()
    async with stage(theatre, "telegram") as shell:
        await perform(written(tmp_path, AFTERWARDS), shell)
    assert (await sizes(theatre.house.engine))["complaint_history"]
    await theatre.clear()
    # The model has been registered by the house; all else is as in a database that nobody has used.
    assert await sizes(theatre.house.engine) == fresh | {"models": 1}


async def test_the_clock_of_a_rehearsal_is_set_and_runs(theatre: Theatre, tmp_path: Path) -> None:
    async with stage(theatre, "terminal") as shell:
        await shell.begin(written(tmp_path, f'now = "2026-03-02 09:00 WIB"\n{TOLD}'))
        await shell.wait(timedelta(days=3))
        [theirs] = await shell.rows("SELECT now() AS n, clock_timestamp() AS c, pg_catalog.now() AS real")
    ours = theatre.house.now()
    for each in (theirs.n, theirs.c, ours):
        assert datetime(2026, 3, 5, 2, tzinfo=UTC) <= each < datetime(2026, 3, 5, 2, 5, tzinfo=UTC)
    assert theirs.n <= theirs.c <= ours
