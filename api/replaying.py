"""A golden conversation on the real house: the stage that `make chat` and the journeys play transcripts on.

The stage does everything through the doors that citizens and officers use, waits for what the ledger owes to a chat,
and in the end looks at what stands in the database. How a citizen acts on a channel is that channel's `Person`; the
terminal's is here, those of Telegram and the web chat need their other side and stand in tests/persons.py.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import aiohttp
from sqlalchemy import text

from api import assisting, intake, jobs, queue
from api.delivery import Speaker, button
from api.house import House
from api.media.transcribing import Listener
from api.providers import approved
from api.transcripts import Outcome, Said, Transcript, Turn, span
from api.unit import unit
from bot.channels.terminal import Terminal
from bot.lessons import LESSONS
from bot.messages import Address, Channel, Incoming, Media, Outgoing, Place, Sent, Undeliverable
from bot.texts import speak
from store import counters, references, rehearsal, volunteers, ways
from store.complaints import Actor
from store.references import Told

# What is on its way within this time is waited for; what comes later (in the morning, say) is not.
SOON = 2.0
PATIENCE = 10.0
GLANCE = 0.5
YEAR = timedelta(days=365)
PDF = b"%PDF-1.4 surat"
PHOTO = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "050001a5f645400000000049454e44ae426082"
)
SOUND = b"OggS voice"
FILM = b"\x00\x00\x00\x18ftypmp42 film"


class StageFailed(RuntimeError):
    """Something other than the conversation went wrong; the message says what."""


# --- what is said -------------------------------------------------------------------------------------


class Ear:
    """A channel as a speaker sees it, beside which one can hear what went out to whom."""

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self._channel = channel
        self._spoken: defaultdict[str, list[Outgoing]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def send(self, message: Outgoing) -> Sent:
        """Send on the channel, then tell whoever listens."""
        sent = await self._channel.send(message)
        async with self._news:
            self._spoken[message.address.user].append(message)
            self._news.notify_all()
        return sent

    async def fetch(self, provider_id: str) -> bytes:
        """The channel's own file."""
        return await self._channel.fetch(provider_id)

    async def heard(self, user: str, count: int) -> list[Outgoing]:
        """All messages to that user, once there are `count`. Raises `StageFailed` if they do not come."""
        spoken = self._spoken[user]
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: len(spoken) >= count)
        except TimeoutError:
            raise StageFailed(f"{self.name}: {len(spoken)} of {count} messages came in {PATIENCE:.0f} s") from None
        return list(spoken)


class _Open(dict[str, Channel]):
    """The channels that a speaker may speak on just now; tells when the speaker has looked."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        super().__init__(channels)
        self.looked = asyncio.Event()

    def __iter__(self) -> Iterator[str]:
        self.looked.set()
        return super().__iter__()


class Speech:
    """A speaker on these channels. While one is held, its messages wait in the ledger, as if it were down."""

    def __init__(self, house: House, channels: Mapping[str, Channel]) -> None:
        self._house = house
        self.ears = {name: Ear(channel) for name, channel in channels.items()}
        self._open = _Open(self.ears)
        self._speaker = Speaker(house, self._open, approved(house.settings))

    async def hold(self, channel: str) -> None:
        """Let what is said from now on wait. Nothing must be on its way."""
        self._open.pop(channel, None)
        # It may be looking just now, with the channel still in its hand.
        self._open.looked.clear()
        self._house.waker.wake()
        await asyncio.wait_for(self._open.looked.wait(), PATIENCE)

    def release(self, channel: str) -> None:
        """Say what waited."""
        self._open[channel] = self.ears[channel]
        self._house.waker.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Speech]:
        """With the speaker at work."""
        working = asyncio.create_task(self._speaker.run())
        try:
            yield self
        finally:
            self._speaker.stop()
            await working


# --- who acts -----------------------------------------------------------------------------------------


class Person(Protocol):
    """Somebody in a chat on some channel."""

    address: Address

    async def do(self, turn: Turn, choice: str | None) -> None:
        """Do what a citizen does in this turn; return once it is taken. `choice` is what a tap sends."""

    async def hear(self, count: int, turn: int, /) -> Said:
        """What the bot has said since the last time, once it has sent `count` messages into this chat in all.

        `turn` is the number by which a later turn may quote it, whether or not the person did anything in that turn.
        """


class AttachingTerminal(Terminal):
    """A terminal to which files can be handed."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    async def fetch(self, provider_id: str) -> bytes:
        """The bytes of a file that was handed over."""
        try:
            return self.files[provider_id]
        except KeyError:
            raise Undeliverable("no_such_file", gone=False) from None


class TerminalPerson:
    """Somebody who types. What cannot be typed (a photo, a pin, an edit) is handed over as by any channel."""

    def __init__(self, house: House, terminal: AttachingTerminal, ear: Ear, user: str) -> None:
        self.address = Address(terminal.name, user)
        self._house, self._terminal, self._ear = house, terminal, ear
        self._number = self._heard = 0
        self._sequences: dict[int, int] = {}

    async def do(self, turn: Turn, choice: str | None) -> None:
        """Type, tap or hand over."""
        self._number += 1
        message = self._message(turn, choice)
        self._sequences[turn.number] = message.sequence
        await intake.take(self._house, message, {"text": message.text}, self._house.now())

    async def hear(self, count: int, _turn: int, /) -> Said:
        """What was printed."""
        new = (await self._ear.heard(self.address.user, count))[self._heard :]
        self._heard += len(new)
        buttons = {button.label: button.choice for each in new for button in each.buttons}
        return Said("\n\n".join(each.text for each in new), buttons)

    def _message(self, turn: Turn, choice: str | None) -> Incoming:
        what = turn.what
        match turn.action:
            case "citizen":
                return self._terminal.read(what, self.address.user, self._number)
            case "tap" | "old_tap":
                return self._incoming(sequence=0, choice=choice)
            case "photo":
                return self._incoming(text=what, media=self._attach("photo", PHOTO, group=turn.details.get("album")))
            case "file":
                name, kind = what, turn.details["type"]
                size = int(turn.details.get("megabytes", 1) * 2**20)
                media = self._attach("document", PDF, size=size, content_type=kind, name=name)
                return self._incoming(text=turn.details.get("caption", ""), media=media)
            case "voice":
                return self._incoming(media=self._attach("voice", SOUND, content_type="audio/ogg"))
            case "video":
                return self._incoming(text=what, media=self._attach("video", FILM, content_type="video/mp4"))
            case "gif":
                return self._incoming(media=self._attach("video", FILM, content_type="video/mp4"))
            case "pin":
                return self._incoming(place=Place(*what))
            case "edit":
                return self._incoming(sequence=self._sequences[what["turn"]], text=what["text"], edits=True)
            case "forwarded":
                return self._incoming(text=what, forwarded=True)
            case "sticker" | "poll":
                return self._incoming(unsupported=turn.action)
            case "contact_card":
                return self._incoming(unsupported="contact")
        raise StageFailed(f"nobody can {turn.action} in a terminal")

    def _incoming(self, *, sequence: int | None = None, **content: Any) -> Incoming:
        user, number = self.address.user, self._number
        return Incoming(self.address, f"{user}:{number}", number if sequence is None else sequence, **content)

    def _attach(self, kind: Any, content: bytes, **described: Any) -> Media:
        name = f"{self.address.user}:{self._number}"
        self._terminal.files[name] = content
        return Media(kind, name, **{"size": len(content), **described})


# --- what officers do ---------------------------------------------------------------------------------


class Desk:
    """An officer's side of the REST API at that address."""

    def __init__(self, address: str, key: str) -> None:
        self._root = f"{address}/api/v1"
        self._key = key

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Post what is not None of the body. Raises `StageFailed` where that is refused."""
        given = {name: value for name, value in body.items() if value is not None}
        async with (
            aiohttp.ClientSession(headers={"X-API-Key": self._key}) as session,
            session.post(f"{self._root}{path}", json=given) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            if not answer.ok:
                raise StageFailed(f"the API refused {path.rpartition('/')[2]}: {answer.status} {found.get('detail')}")
            return found

    async def act(self, ticket: str, what: Mapping[str, Any]) -> None:
        """Do to a complaint what an `agency` turn says."""
        reason, note = what.get("reason"), what.get("note")
        if "move" in what:
            await self.post(f"/complaints/{ticket}/moves", status=what["move"], reason=reason, note=note)
        if "deny" in what:
            await self.post(f"/complaints/{ticket}/deny", reason=what["deny"])
        if "route" in what:
            await self.post(f"/complaints/{ticket}/routing", function=what["route"], reason=reason)
        if "message" in what:
            await self.post(f"/complaints/{ticket}/notes", text=what["message"], public=True)


# --- the stage ----------------------------------------------------------------------------------------

_OWED = """
    SELECT count(*) AS owed FROM deliveries
    WHERE channel = :channel AND address = :address AND failed_at IS NULL AND held_at IS NULL
      AND due_at <= clock_timestamp() + make_interval(secs => :soon)
"""
_FAILED = """
    SELECT problem, ARRAY(SELECT say ->> 0 FROM jsonb_array_elements(says) AS say) AS keys FROM deliveries
    WHERE channel = :channel AND address = :address AND failed_at IS NOT NULL ORDER BY id LIMIT 1
"""
_WAITING = """
    SELECT id, says, buttons, language FROM deliveries
    WHERE channel = :channel AND address = :address AND sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL
    ORDER BY id
"""
_CONTACTS = "SELECT id FROM contacts WHERE (channel || ' ' || address) = ANY(:addresses)"
# What was filed in these chats: an assisted report keeps no chat, but the assistance does.
_HERE = f"""(k.contact_id IN ({_CONTACTS})
             OR k.id IN (SELECT complaint_id FROM assistances WHERE contact_id IN ({_CONTACTS})))"""  # noqa: S608
_TICKETS = f"SELECT ticket FROM complaints k WHERE {_HERE} ORDER BY id"  # noqa: S608 (our own words)
_CODE = """
    SELECT say -> 1 ->> CAST(:word AS text) AS code
    FROM deliveries CROSS JOIN LATERAL jsonb_array_elements(says) AS say
    WHERE (channel || ' ' || address) = ANY(:addresses) AND say -> 1 ? CAST(:word AS text) ORDER BY id DESC LIMIT 1
"""
# What citizens add in words to a filed complaint; a file that answers an office leaves the same event without any.
_ADDED = "event IN ('noted', 'replied') AND actor_kind = 'citizen' AND note IS NOT NULL"
_FILED = f"""
    SELECT k.*, a.name AS office,
           (SELECT count(*) FROM media WHERE complaint_id = k.id) AS photos,
           (SELECT count(*) FROM complaint_parties WHERE complaint_id = k.id AND role = 'pengikut') AS followers,
           (SELECT stars FROM ratings WHERE complaint_id = k.id ORDER BY at DESC LIMIT 1) AS rating,
           ARRAY(SELECT note FROM complaint_history
                 WHERE complaint_id = k.id AND {_ADDED} ORDER BY id) AS notes,
           c.name AS pelapor, s.id IS NOT NULL AS assisted, s.reach, s.reach_words, s.keeps, s.alike,
           s.taken_at IS NOT NULL AS taken_over, s.withdrawn_at IS NOT NULL AS withdrawn
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency LEFT JOIN citizens c ON c.id = k.citizen_id
         LEFT JOIN assistances s ON s.complaint_id = k.id
    WHERE {_HERE} ORDER BY k.id
"""  # noqa: S608
_ASSISTANCES = "SELECT coalesce(outcome, 'open') AS outcome FROM assistances ORDER BY id"
# The chat of somebody who has not written yet.
_OPEN_CHAT = """
    INSERT INTO contacts (channel, address) VALUES (:channel, :address)
    ON CONFLICT (channel, address) DO UPDATE SET address = excluded.address RETURNING id
"""
_VOLUNTEER = """
    SELECT v.id FROM volunteers v JOIN contacts c ON c.citizen_id = v.citizen_id
    WHERE c.channel = :channel AND c.address = :address ORDER BY v.id DESC LIMIT 1
"""
_AT_COUNTER = "UPDATE contacts SET counter_id = :counter WHERE id = :contact"
_OFFICER = """
    WITH officer AS (INSERT INTO staff (login, name) VALUES ('loket', 'Petugas loket') RETURNING id)
    INSERT INTO staff_grants (staff_id, role) SELECT id, 'petugas_loket' FROM officer RETURNING staff_id
"""
_SP4N = """
    SELECT r.id FROM complaint_references r JOIN complaints k ON k.id = r.complaint_id
    WHERE k.ticket = :ticket AND r.system = :system AND r.agency IS NULL
"""
_NOTES = f"SELECT note FROM complaint_history WHERE {_ADDED} ORDER BY id"  # noqa: S608
_CALLS = "SELECT count(*) AS calls FROM attention WHERE kind = 'call_for_human'"
_REMOVE = """
    UPDATE contacts SET conversation = jsonb_set(conversation, '{asking}', to_jsonb(CAST(:question AS text)))
    WHERE channel = :channel AND address = :address
"""
_VOICE = f"SELECT max(id) AS id FROM media WHERE kind = 'voice' AND contact_id IN ({_CONTACTS})"  # noqa: S608
_JOBS = """
    SELECT count(*) AS jobs FROM procrastinate_jobs
    WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
"""
_FOLLOW = """
    WITH somebody AS (INSERT INTO citizens (language) SELECT 'id' FROM generate_series(1, :count) RETURNING id)
    INSERT INTO complaint_parties (complaint_id, citizen_id, role)
    SELECT k.id, somebody.id, 'pengikut' FROM somebody, complaints k WHERE k.ticket = :ticket
"""
DECISIONS = {"pause": volunteers.pause, "resume": volunteers.resume, "revoke": volunteers.revoke}
_AGE = "UPDATE complaints SET filed_at = filed_at - :ago, changed_at = changed_at - :ago WHERE ticket = :ticket"


class Shell:
    """The real house as a stage (see `api.transcripts.Stage`), on an empty database with a clock of its own
    (`store.rehearsal`). The second of the persons is the same citizen in another chat, the third somebody else."""

    def __init__(self, house: House, speech: Speech, persons: Sequence[Person], desk: Desk | None = None) -> None:
        self._house, self._speech, self._persons, self._desk = house, speech, persons, desk
        self._tools = jobs.Tools(house, dict(speech.ears))
        self._addresses = [f"{each.address.channel} {each.address.user}" for each in persons]
        self._neighbours: list[str] = []
        self._invitations: list[str] = []
        self._names: dict[str, str] = {}
        self._held: str | None = None
        self._seen: set[int] = set()
        self._before = Said()

    async def begin(self, transcript: Transcript) -> None:
        """Set the clock, file what others have told before, and let those assist residents who do."""
        await self._set_clock(transcript.now - datetime.now(UTC))
        for each in transcript.neighbours:
            await self._file(each)
        for each in transcript.kawan:
            await self._invite(each)
        if transcript.counter is not None:
            await self._open_counter(transcript.counter)

    def leave(self) -> None:
        """Let go of what was held, wherever the conversation broke off."""
        if self._held is not None:
            self._speech.release(self._held)
            self._held = None

    async def wait(self, time: timedelta) -> None:
        """Move the clock on, for the database and for the house."""
        await self._set_clock(self._house.skew + time)

    async def run_clocks(self) -> None:
        """Put every periodic job into the queue, and work the queue off."""
        async with jobs.queue(self._house.url):
            now = int(self._house.now().timestamp())
            for periodic in queue.tasks.periodic_registry.periodic_tasks.values():
                await periodic.task.configure(**periodic.configure_kwargs).defer_async(timestamp=now)
        await self._work()

    async def act(self, turn: Turn, choice: str | None, *, more: bool) -> Said:
        """Let it happen, do the jobs that follow, and hear what is said."""
        person = self._persons[self._chat(turn.chat)]
        if more and self._held is None:
            # Whoever writes on before reading has read nothing yet: nothing is said until all is written.
            self._held, self._seen, self._before = person.address.channel, set(), Said()
            await self._speech.hold(self._held)
        await self._do(person, turn, choice)
        await self._work()
        if self._held is None:
            return await self._hear(person, turn.number)
        rows = await self.rows(_WAITING, **_of(person))
        whole = _rendered(rows)
        new = _rendered([row for row in rows if row.id not in self._seen])
        said = replace(new, again=self._before.text)
        self._seen, self._before = {row.id for row in rows}, whole
        if not more:
            self.leave()
            read = await self._hear(person, turn.number)
            if read.text.split() != whole.text.split():
                raise StageFailed(f"turn {turn.number}: what was read is not what the ledger held:\n{read.text}")
        return said

    async def tickets(self) -> Sequence[str]:
        """From the database."""
        return [row.ticket for row in await self.rows(_TICKETS, addresses=self._addresses)]

    async def names(self) -> Mapping[str, str]:
        """{code}, {takeover}, and {neighbour}, {neighbour 2} and so on, as well as {invitation}."""
        for word, several in {"neighbour": self._neighbours, "invitation": self._invitations}.items():
            for number, each in enumerate(several, 1):
                self._names |= {f"{word} {number}": each, word: several[0]}
        # What was said of a resident's report is put away soon; here it is remembered, as the resident does.
        for word in ("code", "takeover"):
            for row in await self.rows(_CODE, addresses=self._addresses, word=word):
                self._names[word] = row.code
        return dict(self._names)

    async def outcome(self) -> Outcome:
        """The complaints, the notes and the calls as they stand in the database."""
        regions = self._house.directory.regions
        filed = []
        for row in await self.rows(_FILED, addresses=self._addresses):
            region = regions.nearest(row.region)
            filed.append({
                "text": row.text,
                "class": row.report_class,
                "place": row.place or "",
                "region": region.name if region else "",
                "time": row.happened or "",
                "happened_on": "" if row.happened_on is None else row.happened_on.isoformat(),
                "photos": row.photos,
                "anonymous": row.anonymous,
                "secret": row.secret,
                "office": row.office or "",
                "status": row.status,
                "followers": row.followers,
                "rating": row.rating or 0,
                "notes": list(row.notes),
                "assisted": row.assisted,
                "pelapor": row.pelapor or "",
                "reach": row.reach or "",
                "reach_words": row.reach_words or "",
                "keeps": bool(row.keeps),
                "taken_over": row.taken_over,
                "withdrawn": row.withdrawn,
                "alike": row.alike or 0,
            })  # fmt: skip
        [calls] = await self.rows(_CALLS)
        return Outcome(
            filed=tuple(filed),
            notes=tuple(row.note for row in await self.rows(_NOTES)),
            calls_for_human=calls.calls,
            assistances=tuple(row.outcome for row in await self.rows(_ASSISTANCES)),
        )

    # what happens

    async def _do(self, person: Person, turn: Turn, choice: str | None) -> None:
        match turn.action:
            case None | "look":
                return
            case "agency":
                ticket = await self._ticket(turn.what)
                await self._need_desk().act(ticket, turn.what)
                await self._hear_of(ticket, turn.what)
            case "grant":
                await self._decide(person, turn.what)
            case "no_classifier":
                self._house.suggester = None
            case "question_removed":
                await self.run(_REMOVE, question=turn.what, **_of(person))
            case "transcript":
                [voice] = await self.rows(_VOICE, addresses=self._addresses)
                await Listener(lambda _content, _type: str(turn.what)).listen(self._house, voice.id)
            case _:
                await person.do(turn, choice)

    async def _hear_of(self, ticket: str, what: Mapping[str, Any]) -> None:
        """What SP4N-LAPOR! makes of a complaint: under which number it is there, and which status it tells."""
        number, status = what.get("sp4n_number"), what.get("sp4n_status")
        if number is None and status is None:
            return
        async with unit(self._house) as work:
            [row] = (await work.connection.execute(text(_SP4N), {"ticket": ticket, "system": ways.SP4N})).all()
            told = Told(status, None, external_id=number)
            for event in await references.heard(work.connection, row.id, told, Actor("bridge", ways.SP4N)):
                work.record(event)

    async def _invite(self, kawan: Mapping[str, Any]) -> None:
        """Invite somebody; whoever is not only `invited` has redeemed the code and passed the training, or so much."""
        now, person = self._house.now(), self._persons[self._chat(kawan.get("chat", ""))]
        region = self._house.directory.gazetteer.find(kawan["region"])
        if region is None or region.region is None:
            raise StageFailed(f"nobody knows where {kawan['region']} is")
        async with self._house.engine.begin() as connection:
            volunteer, code = await volunteers.invite(
                connection,
                name=kawan["name"],
                region=region.region,
                valid_until=now.date() + YEAR,
                staff_id=None,
                now=now,
            )
            self._invitations.append(code)
            if kawan.get("invited"):
                return
            contact = (await connection.execute(text(_OPEN_CHAT), _of(person))).scalar_one()
            outcome = await volunteers.redeem(connection, code, contact_id=contact, name=None, language="id", now=now)
            if outcome != "done":
                raise StageFailed(f"the invitation of {kawan['name']} came to {outcome}")
            lessons = kawan.get("lessons", len(LESSONS))
            await volunteers.learned(connection, volunteer, lessons, len(LESSONS), now)

    async def _open_counter(self, counter: Mapping[str, Any]) -> None:
        """The first chat is that of a counter, which is open."""
        now, person = self._house.now(), self._persons[0]
        region = self._house.directory.gazetteer.find(counter["region"])
        async with self._house.engine.begin() as connection:
            officer = (await connection.execute(text(_OFFICER))).scalar_one()
            where = (region and region.region) or self._house.settings.home_region
            token = await counters.open(connection, staff_id=officer, name=counter["name"], region=where, now=now)
            opened = await counters.current(connection, token, now)
            if opened is None:
                raise StageFailed(f"the counter {counter['name']} did not open")
            contact = (await connection.execute(text(_OPEN_CHAT), _of(person))).scalar_one()
            await connection.execute(text(_AT_COUNTER), {"counter": opened.id, "contact": contact})

    async def _decide(self, person: Person, decision: str) -> None:
        """The Kominfo pauses, resumes or revokes the grant of whoever assists in this chat."""
        [row] = await self.rows(_VOLUNTEER, **_of(person))
        async with unit(self._house) as work:
            await DECISIONS[decision](work.connection, row.id, self._house.now())
        if decision != "resume":
            await assisting.end_grant(self._house, row.id)

    def _chat(self, chat: str) -> int:
        """The place of a chat among the persons: the first one, another of the same person, or somebody else's."""
        at = {"": 0, "other": 1, "resident": 2}[chat]
        if at >= len(self._persons):
            raise StageFailed(f"there is no {chat} chat on this stage")
        return at

    async def _ticket(self, what: Mapping[str, Any]) -> str:
        """The complaint that an officer works on: the neighbour or the complaint of that number, else the last one."""
        if "neighbour" in what:
            return self._neighbours[int(what["neighbour"]) - 1]
        filed = await self.tickets()
        if len(filed) < what.get("complaint", 1):
            raise StageFailed("there is no such complaint that an officer could work on")
        return filed[int(what.get("complaint", 0)) - 1]

    async def _file(self, neighbour: Mapping[str, Any]) -> None:
        found = self._house.directory.gazetteer.find(neighbour.get("region") or neighbour.get("place") or "")
        latitude, longitude = neighbour.get("pin", (None, None))
        filed = await self._need_desk().post(
            "/complaints",
            text=neighbour["story"],
            place=neighbour.get("place"),
            region=found.region if found else None,
            latitude=latitude,
            longitude=longitude,
            secret=neighbour.get("secret", False),
        )
        ticket = filed["ticket"]
        self._neighbours.append(ticket)
        await self.run(_FOLLOW, ticket=ticket, count=neighbour.get("follow", 0))
        if "ago" in neighbour:
            await self.run(_AGE, ticket=ticket, ago=span(neighbour["ago"]))

    def _need_desk(self) -> Desk:
        if self._desk is None:
            raise StageFailed("there is no officer on this stage")
        return self._desk

    async def _work(self) -> None:
        """Do what waits in the queue, if anything does, as a worker does it."""
        [waiting] = await self.rows(_JOBS)
        if waiting.jobs:
            async with jobs.queue(self._house.url) as queue:
                await queue.run_worker_async(
                    wait=False, install_signal_handlers=False, additional_context={"tools": self._tools}
                )

    async def _set_clock(self, ahead: timedelta) -> None:
        async with self._house.engine.begin() as connection:
            await rehearsal.set_ahead(connection, ahead)
        self._house.skew = ahead
        self._house.waker.wake()

    # what is said

    async def _hear(self, person: Person, turn: int) -> Said:
        [row] = await self.rows(_OWED, soon=SOON, **_of(person))
        hearing = asyncio.ensure_future(person.hear(row.owed, turn))
        try:
            # What fails never comes: that is worth a look now and then.
            while not (await asyncio.wait({hearing}, timeout=GLANCE))[0]:
                for failed in await self.rows(_FAILED, **_of(person)):
                    raise StageFailed(f"{', '.join(failed.keys)} could not be said: {failed.problem}")
            return hearing.result()
        finally:
            hearing.cancel()

    # the database

    async def rows(self, statement: str, **parameters: Any) -> list[Any]:
        """What a query finds."""
        async with self._house.engine.connect() as connection:
            return list((await connection.execute(text(statement), parameters)).all())

    async def run(self, statement: str, **parameters: Any) -> None:
        """Change something behind everybody's back."""
        async with self._house.engine.begin() as connection:
            await connection.execute(text(statement), parameters)


def _of(person: Person) -> dict[str, str]:
    return {"channel": person.address.channel, "address": person.address.user}


def _rendered(rows: Sequence[Any]) -> Said:
    words = ["\n\n".join(speak(key, params, row.language) for key, params in row.says) for row in rows]
    offers = [button(offer, row.language) for row in rows for offer in row.buttons]
    return Said("\n\n".join(words), {offer.label: offer.choice for offer in offers})
