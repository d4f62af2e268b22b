"""bridges: other systems and the ways there, references, what they tell, imports, webhooks, letters"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_6"
down_revision = "20261122_5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('sp4n_manual', 'sp4n_api', 'open311', 'email')", name=op.f("ck_connections_kind")),
        sa.CheckConstraint("name <> '' AND system ~ '^[a-z][a-z0-9_-]{1,39}$'", name=op.f("ck_connections_system")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("name", name=op.f("uq_connections_name")),
    )
    op.create_table(
        "external_complaints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("report_class", sa.Text(), nullable=True),
        sa.Column("category_id", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("anonymous", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("secret", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("parent_agency", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("raw_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("village", sa.Text(), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_complaints")),
        sa.UniqueConstraint("system", "external_id", name=op.f("uq_external_complaints_system_external_id")),
    )
    op.create_index("ix_external_complaints_filed_at", "external_complaints", ["system", "filed_at"], unique=False)
    op.create_table(
        "report_imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_all", sa.Integer(), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("without_wrong", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'reading', 'read', 'refused', 'doing', 'done', 'dropped')",
            name=op.f("ck_report_imports_state"),
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_report_imports_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_imports")),
    )
    op.create_table(
        "webhook_subscriptions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_webhook_subscriptions_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_subscriptions")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_subscriptions_name")),
    )
    op.create_table(
        "ways",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("region IS NULL OR agency IS NULL", name=op.f("ck_ways_one")),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_ways_agency")),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_ways_connection_id")),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_ways_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ways")),
        sa.UniqueConstraint(
            "system", "region", "agency", name=op.f("uq_ways_system_region_agency"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "complaint_references",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("raw_status", sa.Text(), nullable=True),
        sa.Column("raw_status_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state <> 'confirmed' OR external_id IS NOT NULL", name=op.f("ck_complaint_references_confirmed")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'unknown', 'confirmed', 'failed')", name=op.f("ck_complaint_references_state")
        ),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_complaint_references_agency")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_references_complaint_id")),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_complaint_references_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_references")),
        sa.UniqueConstraint(
            "complaint_id",
            "system",
            "agency",
            name=op.f("uq_complaint_references_complaint_id_system_agency"),
            postgresql_nulls_not_distinct=True,
        ),
        sa.UniqueConstraint("system", "external_id", name=op.f("uq_complaint_references_system_external_id")),
    )
    op.create_index(
        "ix_complaint_references_check_at",
        "complaint_references",
        ["check_at"],
        unique=False,
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index(
        "ix_complaint_references_open",
        "complaint_references",
        ["state", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'confirmed'"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered", sa.SmallInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_webhook_events_state")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_webhook_events_complaint_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["webhook_subscriptions.id"], name=op.f("fk_webhook_events_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint("subscription_id", "event_id", name=op.f("uq_webhook_events_subscription_id_event_id")),
    )
    op.create_index("ix_webhook_events_created_at", "webhook_events", ["subscription_id", "created_at"], unique=False)
    op.create_index(
        "ix_webhook_events_waiting",
        "webhook_events",
        ["subscription_id", "complaint_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('answered', 'kept', 'bounced', 'dropped')", name=op.f("ck_letters_state")),
        sa.ForeignKeyConstraint(["reference_id"], ["complaint_references.id"], name=op.f("fk_letters_reference_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("message_id", name=op.f("uq_letters_message_id")),
    )
    op.create_index(
        "ix_letters_kept", "letters", ["received_at"], unique=False, postgresql_where=sa.text("state = 'kept'")
    )
    op.create_table(
        "reference_entries",
        sa.Column("reference_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raw_status", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["complaint_references.id"], name=op.f("fk_reference_entries_reference_id")
        ),
        sa.PrimaryKeyConstraint("reference_id", "key", name=op.f("pk_reference_entries")),
    )
    op.create_table(
        "reference_posts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reference_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("history_id", sa.BigInteger(), nullable=True),
        sa.Column("media_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('reply', 'attach', 'close')", name=op.f("ck_reference_posts_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'unknown', 'done', 'failed')", name=op.f("ck_reference_posts_state")
        ),
        sa.ForeignKeyConstraint(["history_id"], ["complaint_history.id"], name=op.f("fk_reference_posts_history_id")),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_reference_posts_media_id")),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["complaint_references.id"], name=op.f("fk_reference_posts_reference_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_posts")),
        sa.UniqueConstraint(
            "reference_id",
            "kind",
            "history_id",
            "media_id",
            name=op.f("uq_reference_posts_reference_id_kind_history_id_media_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_reference_posts_open",
        "reference_posts",
        ["reference_id", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_table(
        "report_import_rows",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("reference_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("was_status", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('same', 'changed', 'unknown', 'new', 'wrong')", name=op.f("ck_report_import_rows_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["report_imports.id"], name=op.f("fk_report_import_rows_import_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["complaint_references.id"], name=op.f("fk_report_import_rows_reference_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_report_import_rows")),
    )
    op.create_index(
        "ix_report_import_rows_verdict", "report_import_rows", ["import_id", "verdict", "line"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_report_import_rows_verdict", table_name="report_import_rows")
    op.drop_table("report_import_rows")
    op.drop_index("ix_reference_posts_open", table_name="reference_posts", postgresql_where=sa.text("state <> 'done'"))
    op.drop_table("reference_posts")
    op.drop_table("reference_entries")
    op.drop_index("ix_letters_kept", table_name="letters", postgresql_where=sa.text("state = 'kept'"))
    op.drop_table("letters")
    op.drop_index(
        "ix_webhook_events_waiting", table_name="webhook_events", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_index("ix_webhook_events_created_at", table_name="webhook_events")
    op.drop_table("webhook_events")
    op.drop_index(
        "ix_complaint_references_open",
        table_name="complaint_references",
        postgresql_where=sa.text("state <> 'confirmed'"),
    )
    op.drop_index(
        "ix_complaint_references_check_at",
        table_name="complaint_references",
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.drop_table("complaint_references")
    op.drop_table("ways")
    op.drop_table("webhook_subscriptions")
    op.drop_table("report_imports")
    op.drop_index("ix_external_complaints_filed_at", table_name="external_complaints")
    op.drop_table("external_complaints")
    op.drop_table("connections")
