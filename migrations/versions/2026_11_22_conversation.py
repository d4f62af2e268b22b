"""conversation: receipts, ratings, clocks and their calendar, codes that move a chat, transcripts"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261122_3"
down_revision = "20261122_2"
branch_labels = None
depends_on = None


def _moment(name: str, **options: Any) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def _now(name: str) -> sa.Column[object]:
    return _moment(name, server_default=sa.func.now(), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def upgrade() -> None:
    op.add_column("complaints", sa.Column("happened_on", sa.Date))
    op.add_column("complaints", sa.Column("code", sa.Text))
    op.add_column("media", sa.Column("transcript", sa.Text))
    op.create_index("ix_media_sha256", "media", ["sha256"])
    op.create_table(
        "holidays",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.CheckConstraint("kind IN ('nasional', 'cuti_bersama')", name="kind"),
    )
    op.create_table(
        "clock_rules",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("valid_from", sa.Date, primary_key=True),
        sa.Column("working_days", sa.SmallInteger, nullable=False),
        sa.Column("remind_days_before", sa.SmallInteger),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "ratings",
        sa.Column("complaint_id", sa.BigInteger, sa.ForeignKey("complaints.id"), primary_key=True),
        sa.Column("citizen_id", sa.BigInteger, sa.ForeignKey("citizens.id"), primary_key=True),
        sa.Column("stars", sa.SmallInteger, nullable=False),
        sa.Column("comment", sa.Text),
        _now("at"),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
    )
    op.create_table(
        "clocks",
        _id(),
        sa.Column("complaint_id", sa.BigInteger, sa.ForeignKey("complaints.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        _now("started_at"),
        sa.Column("due_on", sa.Date, nullable=False),
        _moment("due_at", nullable=False),
        _moment("remind_at"),
        _moment("reminded_at"),
        _moment("stopped_at"),
    )
    running = sa.text("stopped_at IS NULL")
    op.create_index("uq_clocks_running", "clocks", ["complaint_id", "kind"], unique=True, postgresql_where=running)
    op.create_index("ix_clocks_due", "clocks", ["due_at"], postgresql_where=running)
    op.create_table(
        "carryovers",
        _id(),
        sa.Column("code_sha256", sa.Text, nullable=False, unique=True),
        sa.Column("contact_id", sa.BigInteger, sa.ForeignKey("contacts.id"), nullable=False, index=True),
        sa.Column("draft", sa.Integer),
        sa.Column("ticket", sa.Text),
        _now("created_at"),
        _moment("expires_at", nullable=False),
        _moment("used_at"),
        sa.Column("used_by", sa.BigInteger, sa.ForeignKey("contacts.id")),
    )
    op.create_table(
        "guesses",
        _id(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("guesser", sa.Text, nullable=False),
        _now("at"),
    )
    op.create_index("ix_guesses_kind_guesser_at", "guesses", ["kind", "guesser", "at"])


def downgrade() -> None:
    for table in ("guesses", "carryovers", "clocks", "ratings", "clock_rules", "holidays"):
        op.drop_table(table)
    op.drop_index("ix_media_sha256", table_name="media")
    op.drop_column("media", "transcript")
    op.drop_column("complaints", "code")
    op.drop_column("complaints", "happened_on")
