"""What must be true when the dust has settled: the promises, held against the store and what the citizens saw."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from peers.bot_api import Sent
from psycopg.rows import namedtuple_row

from api.delivery import render
from bench.crash_citizens import Conversation, Post, WatchedBotApi
from bench.crash_house import House
from store.deliveries import LEASE_SECONDS, Claimed

Row = Any
Connection = psycopg.Connection[Any]


@dataclass(slots=True)
class Findings:
    """Broken promises by name, and what was counted on the way."""

    broken: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, Any] = field(default_factory=dict)

    def expect(self, promise: str, *problems: str) -> None:
        """Each problem breaks the promise."""
        if problems:
            self.broken[promise] += problems


def open_store(url: str) -> Connection:
    """A connection for looking, which survives no crash."""
    return psycopg.connect(url, autocommit=True, row_factory=namedtuple_row, connect_timeout=5)


def what_waits(url: str) -> dict[str, int]:
    """How much is still to be done."""
    with open_store(url) as store:
        row: Row = store.execute("""
            SELECT (SELECT count(*) FROM deliveries WHERE sent_at IS NULL AND failed_at IS NULL) AS replies,
                   (SELECT count(*) FROM media WHERE state = 'waiting') AS photos
        """).fetchone()
        return dict(row._asdict())


def check(
    url: str, folder: Path, told: Sequence[Conversation], api: WatchedBotApi, post: Post, house: House
) -> Findings:
    """Hold every promise against the store."""
    findings = Findings()
    with open_store(url) as store:
        _check_conversations(findings, told, post)
        _check_inbox(findings, store, post)
        complaints = _check_complaints(findings, store, told)
        _check_media(findings, store, folder, told, complaints)
        _check_replies(findings, store, api, house)
    findings.expect("every call keeps to the Bot API", *api.problems)
    if not house.postgres_kills:
        alone = [f"{life.door}: status {life.status}" for life in house.ended_alone()]
        findings.expect("no process ends by itself", *alone)
    return findings


def _check_conversations(findings: Findings, told: Sequence[Conversation], post: Post) -> None:
    stuck = [f"chat {each.chat_id} ({each.kind})" for each in told if not each.done]
    findings.expect("every citizen sees a receipt", *stuck)
    findings.expect("every update is taken in the end", *(f"update {number}" for number in post.given_up))
    again = [f"chat {each.chat_id} ({each.kind}): {words}" for each in told for words in each.asked_again]
    findings.counts["questions that had to be answered twice"] = len(again)
    if again:
        findings.counts["  such as"] = again[:3]


def _check_inbox(findings: Findings, store: Connection, post: Post) -> None:
    """Every message that was sent is in the inbox, once, as it was."""
    rows: list[Row] = store.execute("SELECT message_id, payload FROM inbox").fetchall()
    times = Counter(row.message_id for row in rows)
    kept = {row.message_id: row.payload for row in rows}
    promise = "every message is in the inbox once, as it was sent"
    for number, update in post.updates.items():
        if times[str(number)] != 1:
            findings.expect(promise, f"update {number}: {times[str(number)]} times")
        elif kept[str(number)] != update:
            findings.expect(promise, f"update {number}: kept as {kept[str(number)]}")
    findings.expect(promise, *(f"{name}: never sent" for name in kept if int(name) not in post.updates))
    findings.counts["messages sent / in the inbox"] = f"{len(post.updates)} / {len(rows)}"


def _check_complaints(findings: Findings, store: Connection, told: Sequence[Conversation]) -> dict[int, Row]:
    """One complaint for each conversation, with all its words in their order."""
    rows: list[Row] = store.execute("""
        SELECT c.id, c.ticket, c.text, c.place, c.happened, c.anonymous, c.secret, contacts.address FROM complaints c
        JOIN contacts ON contacts.id = c.contact_id ORDER BY c.id
    """).fetchall()
    by_chat: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_chat[int(row.address)].append(row)
    findings.counts["conversations / complaints"] = f"{len(told)} / {len(rows)}"
    findings.expect(
        "as many complaints as conversations", *([f"{len(rows)} of {len(told)}"] if len(rows) != len(told) else [])
    )
    everything = "\n".join(row.text for row in rows)
    for each in told:
        name, own = f"chat {each.chat_id} ({each.kind})", by_chat[each.chat_id]
        if len(own) != 1:
            findings.expect("one complaint for each conversation", f"{name}: {[row.ticket for row in own]}")
        for marker in each.markers:
            if everything.count(marker) != 1:
                findings.expect("every marker is filed once", f"{name}: {marker} {everything.count(marker)} times")
        for row in own:
            if row.text != "\n".join(each.parts):
                findings.expect("the text is complete and in order", f"{name}: {row.text!r}, place {row.place!r}")
            if (row.anonymous, row.secret) != each.privacy:
                findings.expect("the privacy is as chosen", f"{name}: {row.anonymous}, {row.secret}")
        if set(each.receipts) != {row.ticket for row in own}:
            findings.expect("the receipt names the complaint", f"{name}: {each.receipts}, {[r.ticket for r in own]}")
    return {chat: own[0] for chat, own in by_chat.items() if own}


def _check_media(
    findings: Findings, store: Connection, folder: Path, told: Sequence[Conversation], complaints: dict[int, Row]
) -> None:
    """Every photo is on the shelf, whole, and belongs to its complaint."""
    rows: list[Row] = store.execute("""
        SELECT m.id, m.state, m.problem, m.sha256, m.complaint_id, contacts.address FROM media m
        JOIN contacts ON contacts.id = m.contact_id
    """).fetchall()
    by_chat: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_chat[int(row.address)].append(row)
        if row.state != "stored":
            findings.expect("every photo is stored", f"chat {row.address}, media {row.id}: {row.state} {row.problem}")
    for each in told:
        own, complaint = by_chat[each.chat_id], complaints.get(each.chat_id)
        if len(own) != len(each.photos) or {row.sha256 for row in own if row.sha256} - each.photos:
            findings.expect("every photo is kept once", f"chat {each.chat_id}: {len(own)} of {len(each.photos)}")
        if complaint and any(row.complaint_id != complaint.id for row in own):
            findings.expect("every photo belongs to its complaint", f"chat {each.chat_id}")
    for row in rows:
        file = folder / "media" / (row.sha256 or "")[:2] / (row.sha256 or "")
        if row.state == "stored" and (
            not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != row.sha256
        ):
            findings.expect("every photo's bytes are on the shelf", f"media {row.id}")
    jobs: list[Row] = store.execute(
        "SELECT id, status, attempts FROM procrastinate_jobs WHERE task_name = 'fetch_media'"
    ).fetchall()
    findings.expect("no job is left behind", *(f"job {job.id}: {job.status}" for job in jobs))
    rescued: Row = store.execute("""
        SELECT count(*) AS times FROM procrastinate_events WHERE type = 'deferred_for_retry'
    """).fetchone()
    findings.counts["photos sent / stored"] = (
        f"{sum(len(each.photos) for each in told)} / {sum(row.state == 'stored' for row in rows)}"
    )
    findings.counts["jobs put back and still in the queue"] = rescued.times


def _check_replies(findings: Findings, store: Connection, api: WatchedBotApi, house: House) -> None:
    """What the ledger holds was seen, in its order; what was seen twice is explained."""
    rows: list[Row] = store.execute("SELECT * FROM deliveries ORDER BY contact_id, id").fetchall()
    by_chat: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_chat[int(row.address)].append(row)
        if row.sent_at is None:
            findings.expect("every reply is sent", f"delivery {row.id}: attempts {row.attempts}, problem {row.problem}")
    doubled = 0
    for chat_id in {*by_chat, *(sent.chat_id for sent in api.sent())}:
        for said in _match(by_chat[chat_id], api.sent(chat_id)):
            attempts = sum(row.attempts for row in said.rows)
            name = f"chat {chat_id}, {[row.id for row in said.rows]}: {said.words[-60:]!r}"
            if not len(said.rows) <= len(said.sends) <= attempts:
                problem = f"{name} seen {len(said.sends)} times in {attempts} attempts"
                findings.expect("replies are seen in their order, none missing", problem)
            doubled += max(0, len(said.sends) - len(said.rows))
            # Where the bot said the same twice on purpose, so many need no reason.
            odd = [why for first, second in pairwise(said.sends) if (why := _unexplained(api, house, first, second))]
            if len(odd) >= len(said.rows):
                findings.expect("a doubled reply has a reason", f"{name}: {odd}")
    findings.counts["replies in the ledger / seen"] = f"{len(rows)} / {len(api.sent())}"
    findings.counts["replies seen twice"] = doubled
    findings.counts["deliveries claimed more than once"] = sum(row.attempts > 1 for row in rows)


@dataclass(slots=True)
class Said:
    """Replies of the ledger in a row that have the same words, and the messages that showed them."""

    words: str
    rows: list[Row] = field(default_factory=list)
    sends: list[Sent] = field(default_factory=list)


def _match(rows: Sequence[Row], sent: Sequence[Sent]) -> list[Said]:
    """What the ledger holds for a chat beside what was seen in it, both in their order."""
    found: list[Said] = []
    for row in rows:
        words = _words(row)
        if not found or found[-1].words != words:
            found.append(Said(words))
        found[-1].rows.append(row)
    position = 0
    for said in found:
        while position < len(sent) and sent[position].text == said.words:
            said.sends.append(sent[position])
            position += 1
    # Whatever is left was never in the ledger, or was seen out of its order.
    return [*found, *(Said(each.text, [], [each]) for each in sent[position:])]


def _words(row: Row) -> str:
    claimed = Claimed(
        id=row.id,
        contact_id=row.contact_id,
        channel=row.channel,
        address=row.address,
        says=row.says,
        buttons=row.buttons,
        language=row.language,
        attempts=row.attempts,
        created_at=row.created_at,
    )
    return render(claimed).text.strip()


def _unexplained(api: WatchedBotApi, house: House, first: Sent, second: Sent) -> str | None:
    """Why a reply may not be doubled: its first sender did not die between sending and marking."""
    sender = api.senders.get((first.chat_id, first.message_id), "nobody")
    ended = next((life.ended for life in house.lives if life.door == sender), None)
    if ended is not None and ended < min(second.time, first.time + LEASE_SECONDS):
        return None
    if any(first.time - LEASE_SECONDS < kill < second.time for kill in house.postgres_kills):
        return None
    return f"{sender} lived on after it had sent (again after {second.time - first.time:.1f} s)"
