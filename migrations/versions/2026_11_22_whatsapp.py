"""whatsapp: ids of a person, the window for answers in our own words, what the provider says, clean pictures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_5"
down_revision = "20261122_4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_health",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ails", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_health")),
    )
    op.create_table(
        "message_templates",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("channel", "name", "language", name=op.f("pk_message_templates")),
    )
    op.create_table(
        "provider_messages",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("announces", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('sent', 'delivered', 'read', 'failed')", name=op.f("ck_provider_messages_state")),
        sa.PrimaryKeyConstraint("channel", "provider_id", name=op.f("pk_provider_messages")),
    )
    op.create_index(op.f("ix_provider_messages_delivery_id"), "provider_messages", ["delivery_id"], unique=False)
    op.create_table(
        "contact_ids",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_ids_contact_id")),
        sa.PrimaryKeyConstraint("channel", "id", name=op.f("pk_contact_ids")),
    )
    op.create_index(op.f("ix_contact_ids_contact_id"), "contact_ids", ["contact_id"], unique=False)
    op.add_column("contacts", sa.Column("route", sa.Text(), nullable=True))
    op.add_column("contacts", sa.Column("window_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contacts", sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contacts", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contacts", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_contacts_merged_into"), "contacts", "contacts", ["merged_into"], ["id"])
    op.create_index(
        "ix_contacts_merged_into",
        "contacts",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.add_column("carryovers", sa.Column("links", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("deliveries", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "deliveries",
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("deliveries", sa.Column("reopened", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("deliveries", sa.Column("refused", sa.ARRAY(sa.Text()), nullable=True))
    # What is held does not stand in the way of those who look for what is due.
    op.drop_index("ix_deliveries_pending", table_name="deliveries")
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["contact_id", "id"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL"),
    )
    op.create_index(
        "ix_deliveries_held",
        "deliveries",
        ["contact_id"],
        unique=False,
        postgresql_where=sa.text("held_at IS NOT NULL"),
    )
    op.add_column("media", sa.Column("clean_sha256", sa.Text(), nullable=True))
    op.add_column("media", sa.Column("clean_type", sa.Text(), nullable=True))
    op.add_column("media", sa.Column("clean_size", sa.BigInteger(), nullable=True))
    op.add_column("media", sa.Column("taken_at_place", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index(
        "ix_media_clean_sha256",
        "media",
        ["clean_sha256"],
        unique=False,
        postgresql_where=sa.text("clean_sha256 IS NOT NULL"),
    )
    op.create_index(
        "ix_media_taken_at_place",
        "media",
        ["stored_at"],
        unique=False,
        postgresql_where=sa.text("taken_at_place IS NOT NULL"),
    )
    op.create_index(
        "ix_media_unclean",
        "media",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "state = 'stored' AND clean_size IS NULL AND kind <> 'video' AND content_type LIKE 'image/%'"
        ),
    )
    op.create_index(
        "ix_inbox_kept",
        "inbox",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("address IS NULL AND message_id NOT LIKE 'gone:%'"),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_kept", table_name="inbox")
    op.drop_index("ix_media_unclean", table_name="media")
    op.drop_index("ix_media_taken_at_place", table_name="media")
    op.drop_index("ix_media_clean_sha256", table_name="media", postgresql_where=sa.text("clean_sha256 IS NOT NULL"))
    op.drop_column("media", "taken_at_place")
    op.drop_column("media", "clean_size")
    op.drop_column("media", "clean_type")
    op.drop_column("media", "clean_sha256")
    op.drop_index("ix_deliveries_held", table_name="deliveries", postgresql_where=sa.text("held_at IS NOT NULL"))
    op.drop_column("deliveries", "refused")
    op.drop_column("deliveries", "reopened")
    op.drop_column("deliveries", "files")
    op.drop_index("ix_deliveries_pending", table_name="deliveries")
    op.drop_column("deliveries", "read_at")
    op.drop_column("deliveries", "delivered_at")
    op.drop_column("deliveries", "held_at")
    op.drop_column("carryovers", "links")
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["contact_id", "id"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )
    op.drop_index("ix_contacts_merged_into", table_name="contacts", postgresql_where=sa.text("merged_into IS NOT NULL"))
    op.drop_constraint(op.f("fk_contacts_merged_into"), "contacts", type_="foreignkey")
    op.drop_column("contacts", "merged_into")
    op.drop_column("contacts", "reminded_at")
    op.drop_column("contacts", "announced_at")
    op.drop_column("contacts", "window_until")
    op.drop_column("contacts", "route")
    op.drop_index(op.f("ix_contact_ids_contact_id"), table_name="contact_ids")
    op.drop_table("contact_ids")
    op.drop_index(op.f("ix_provider_messages_delivery_id"), table_name="provider_messages")
    op.drop_table("provider_messages")
    op.drop_table("message_templates")
    op.drop_table("channel_health")
