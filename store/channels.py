"""What is wrong with a channel as a whole, and what its provider thinks of the words that it must approve beforehand.

Messages wait while a channel ails, without an end; somebody must do something about it, and is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import notices, policy

# What comes and goes by itself: it does not take the place of something that a person must mend.
PASSING = frozenset({"unreachable"})
# The state of a template that may be sent, in the provider's word; and ours for one that the account lacks.
APPROVED, MISSING = "approved", "missing"
# In place of a template's name and language: the list of all of them, which could not be read.
WHOLE, UNREADABLE = "*", "unreadable"


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel is: what `ails` it (None: nothing that we know of) since when, in whose words (`detail`), and when
    that was last looked at."""

    ails: str | None
    detail: str | None
    since: datetime
    checked_at: datetime


# Whether it is new is decided by the row as it is when it is changed: of two who see the same, one tells.
_AIL = text("""
    WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at)
    INSERT INTO channel_health AS h (channel, ails, detail, since, checked_at)
    SELECT :channel, :ails, :detail, at, at FROM moment
    ON CONFLICT (channel) DO UPDATE SET
        ails = excluded.ails, detail = excluded.detail, checked_at = excluded.checked_at,
        since = CASE WHEN h.ails IS DISTINCT FROM excluded.ails THEN excluded.since ELSE h.since END
    WHERE h.ails IS NULL OR NOT CAST(:passing AS boolean) OR h.ails = excluded.ails
    RETURNING since, since = (SELECT at FROM moment) AS new
""")


async def ail(connection: AsyncConnection, channel: str, ails: str, detail: str) -> bool:
    """Something is wrong with a whole channel, in the provider's words (`detail`). True if that is new; administrators
    are told of it then, once a day for the same ailment at most."""
    parameters = {"channel": channel, "ails": ails, "detail": detail, "passing": ails in PASSING}
    row = (await connection.execute(_AIL, parameters)).one_or_none()
    if row is None or not row.new:
        return False
    await notices.give(
        connection,
        f"channel_{ails}",
        once=f"channel:{channel}:{ails}:{row.since.date().isoformat()}",
        role=policy.ADMINISTRATOR,
        detail={"channel": channel},
    )
    return True


_HEAL = text("""
    UPDATE channel_health SET ails = NULL, detail = NULL, since = clock_timestamp(), checked_at = clock_timestamp()
    WHERE channel = :channel AND ails IS NOT NULL
      AND (CAST(:only AS text[]) IS NULL OR ails = ANY(CAST(:only AS text[])))
    RETURNING channel
""")


async def heal(connection: AsyncConnection, channel: str, only: Sequence[str] | None = None) -> bool:
    """The channel works again; with `only`, if it is one of these that ailed it. True if something was wrong. Nothing
    is written where nothing was."""
    parameters = {"channel": channel, "only": None if only is None else list(only)}
    return (await connection.execute(_HEAL, parameters)).one_or_none() is not None


_LOOK = text("""
    INSERT INTO channel_health (channel) VALUES (:channel)
    ON CONFLICT (channel) DO UPDATE SET checked_at = clock_timestamp()
""")


async def looked(connection: AsyncConnection, channel: str) -> None:
    """Somebody has just looked how a channel is, and found nothing new."""
    await connection.execute(_LOOK, {"channel": channel})


_HEALTH = text("SELECT channel, ails, detail, since, checked_at FROM channel_health ORDER BY channel")


async def health(connection: AsyncConnection) -> dict[str, Health]:
    """How the channels are of which anything was ever heard, by their names."""
    rows = await connection.execute(_HEALTH)
    return {row.channel: Health(row.ails, row.detail, row.since, row.checked_at) for row in rows}


# --- templates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TemplateState:
    """What the provider says of a template, in small letters: "approved", "pending", "rejected", "paused" and what else
    it may think of; or what we say: "missing", and what a check of it has found (api/checking.py)."""

    state: str
    reason: str | None
    checked_at: datetime


_LEARN = text("""
    INSERT INTO message_templates AS t (channel, name, language, state, reason, checked_at)
    VALUES (:channel, :name, :language, :state, :reason, clock_timestamp())
    ON CONFLICT (channel, name, language) DO UPDATE
        SET state = excluded.state, reason = excluded.reason, checked_at = excluded.checked_at
""")


async def learn_template(
    connection: AsyncConnection, channel: str, name: str, language: str, state: str, reason: str | None
) -> None:
    """The provider has said something about one template; it is kept in small letters, an empty reason as none."""
    parameters = {
        "channel": channel,
        "name": name,
        "language": language,
        "state": state.strip().casefold(),
        "reason": None if reason is None or reason.strip().casefold() in {"", "none"} else reason.strip(),
    }
    await connection.execute(_LEARN, parameters)


_LEAVE = text("""
    WITH listed AS (SELECT * FROM unnest(CAST(:names AS text[]), CAST(:languages AS text[])) AS l (name, language)),
    gone AS (
        DELETE FROM message_templates WHERE channel = :channel AND (state = :missing OR name = :whole)
          AND (name, language) NOT IN (SELECT name, language FROM listed)
    )
    UPDATE message_templates SET state = :missing, reason = NULL, checked_at = clock_timestamp()
    WHERE channel = :channel AND state <> :missing AND name <> :whole
      AND (name, language) NOT IN (SELECT name, language FROM listed)
""")


async def learn_templates(
    connection: AsyncConnection, channel: str, found: Sequence[tuple[str, str, str, str | None]]
) -> None:
    """All that is known of a channel's templates: name, language, state, reason. One that is not among them is missing,
    and forgotten the second time."""
    for name, language, state, reason in sorted(found, key=lambda each: each[:2]):
        await learn_template(connection, channel, name, language, state, reason)
    listed = {"names": [each[0] for each in found], "languages": [each[1] for each in found]}
    await connection.execute(_LEAVE, {"channel": channel, "missing": MISSING, "whole": WHOLE, **listed})


async def miss_templates(connection: AsyncConnection, channel: str, reason: str) -> None:
    """The list of a channel's templates cannot be read, for something that a person must mend; what was known of them
    stays. The next `learn_templates` ends it."""
    await learn_template(connection, channel, WHOLE, WHOLE, UNREADABLE, reason)


_TEMPLATES = text("""
    SELECT name, language, state, reason, checked_at FROM message_templates
    WHERE channel = :channel ORDER BY name, language
""")


async def templates(connection: AsyncConnection, channel: str) -> dict[tuple[str, str], TemplateState]:
    """What is known of a channel's templates, by name and language."""
    rows = await connection.execute(_TEMPLATES, {"channel": channel})
    return {(row.name, row.language): TemplateState(row.state, row.reason, row.checked_at) for row in rows}


def usable(known: Mapping[tuple[str, str], TemplateState], name: str, language: str) -> bool:
    """Whether a template may be sent: it is approved, or nothing is known of it yet, so that it is worth trying."""
    state = known.get((name, language))
    return state is None or state.state == APPROVED
