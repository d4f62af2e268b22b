"""kawan: volunteers and counters that assist residents, and what they assisted; nobody is pendamping of a report"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_7"
down_revision = "20261122_6"
branch_labels = None
depends_on = None


_ROLES = "'admin_instansi', 'pejabat_penghubung', 'pengawas', 'biro_organisasi', 'administrator'"
# As PostgreSQL writes it (store/assistances.py).
_TELEPHONE = (
    "regexp_replace(regexp_replace(reach_words, '[^0-9]'::text, ''::text, 'g'::text), '^(00)?(62)?0*'::text, ''::text)"
)


def _check(table: str, name: str, condition: str) -> None:
    """A check in the place of the one of that name."""
    full = op.f(f"ck_{table}_{name}")
    op.drop_constraint(full, table, type_="check")
    op.create_check_constraint(full, table, condition)


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_counters_region")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_counters_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counters")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_counters_token_sha256")),
    )
    op.create_index(op.f("ix_counters_staff_id"), "counters", ["staff_id"], unique=False)
    op.create_table(
        "volunteers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("invited_by", sa.BigInteger(), nullable=True),
        sa.Column("code_sha256", sa.Text(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("citizen_id", sa.BigInteger(), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lessons", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_volunteers_citizen_id")),
        sa.ForeignKeyConstraint(["invited_by"], ["staff.id"], name=op.f("fk_volunteers_invited_by")),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_volunteers_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteers")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_volunteers_code_sha256")),
    )
    op.create_index(op.f("ix_volunteers_citizen_id"), "volunteers", ["citizen_id"], unique=False)
    op.create_index(op.f("ix_volunteers_region"), "volunteers", ["region"], unique=False)
    op.create_table(
        "assistances",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("volunteer_id", sa.BigInteger(), nullable=True),
        sa.Column("counter_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consent_words", sa.Text(), nullable=False),
        sa.Column("consent_language", sa.Text(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.Column("reach_words", sa.Text(), nullable=True),
        sa.Column("keeps", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("saved", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("citizen_id", sa.BigInteger(), nullable=True),
        sa.Column("complaint_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_sha256", sa.Text(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alike", sa.SmallInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("outcome IN ('filed', 'dropped', 'desk', 'withdrawn')", name=op.f("ck_assistances_outcome")),
        sa.CheckConstraint("reach IN ('chat', 'phone', 'place', 'none')", name=op.f("ck_assistances_reach")),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_assistances_ended")),
        sa.CheckConstraint("num_nonnulls(volunteer_id, counter_id) = 1", name=op.f("ck_assistances_who")),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_assistances_citizen_id")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_assistances_complaint_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_assistances_contact_id")),
        sa.ForeignKeyConstraint(["counter_id"], ["counters.id"], name=op.f("fk_assistances_counter_id")),
        sa.ForeignKeyConstraint(["volunteer_id"], ["volunteers.id"], name=op.f("fk_assistances_volunteer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistances")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_assistances_code_sha256")),
        sa.UniqueConstraint("complaint_id", name=op.f("uq_assistances_complaint_id")),
        sa.UniqueConstraint("contact_id", "draft", name=op.f("uq_assistances_contact_id_draft")),
    )
    op.create_index(op.f("ix_assistances_citizen_id"), "assistances", ["citizen_id"], unique=False)
    op.create_index(op.f("ix_assistances_counter_id"), "assistances", ["counter_id"], unique=False)
    op.create_index(
        "ix_assistances_saved", "assistances", ["id"], unique=False, postgresql_where=sa.text("saved IS NOT NULL")
    )
    op.create_index(
        "ix_assistances_telephone",
        "assistances",
        [sa.literal_column(_TELEPHONE)],
        unique=False,
        postgresql_where=sa.text("reach = 'phone'"),
    )
    op.create_index("ix_assistances_volunteer_id", "assistances", ["volunteer_id", "consented_at"], unique=False)
    op.add_column("contacts", sa.Column("counter_id", sa.BigInteger(), nullable=True))
    op.add_column("contacts", sa.Column("shown_after", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_contacts_counter_id",
        "contacts",
        ["counter_id"],
        unique=False,
        postgresql_where=sa.text("counter_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_contacts_counter_id"), "contacts", "counters", ["counter_id"], ["id"])
    # Not of Kawan LAPOR: letters to agencies that got a complaint back.
    op.add_column(
        "complaint_references",
        sa.Column("earlier", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_index(
        "ix_complaint_references_earlier", "complaint_references", ["earlier"], unique=False, postgresql_using="gin"
    )
    # A role that nothing has ever given: whoever assists is no party.
    op.execute("DELETE FROM complaint_parties WHERE role = 'pendamping'")
    _check("complaint_parties", "role", "role IN ('pelapor', 'pengikut')")
    _check("staff_grants", "role", f"role IN ({_ROLES}, 'petugas_loket')")


def downgrade() -> None:
    op.execute("DELETE FROM staff_grants WHERE role = 'petugas_loket'")
    _check("staff_grants", "role", f"role IN ({_ROLES})")
    _check("complaint_parties", "role", "role IN ('pelapor', 'pendamping', 'pengikut')")
    op.drop_index("ix_complaint_references_earlier", table_name="complaint_references", postgresql_using="gin")
    op.drop_column("complaint_references", "earlier")
    op.drop_constraint(op.f("fk_contacts_counter_id"), "contacts", type_="foreignkey")
    op.drop_index("ix_contacts_counter_id", table_name="contacts", postgresql_where=sa.text("counter_id IS NOT NULL"))
    op.drop_column("contacts", "shown_after")
    op.drop_column("contacts", "counter_id")
    op.drop_index("ix_assistances_volunteer_id", table_name="assistances")
    op.drop_index("ix_assistances_telephone", table_name="assistances", postgresql_where=sa.text("reach = 'phone'"))
    op.drop_index("ix_assistances_saved", table_name="assistances", postgresql_where=sa.text("saved IS NOT NULL"))
    op.drop_index(op.f("ix_assistances_counter_id"), table_name="assistances")
    op.drop_index(op.f("ix_assistances_citizen_id"), table_name="assistances")
    op.drop_table("assistances")
    op.drop_index(op.f("ix_volunteers_region"), table_name="volunteers")
    op.drop_index(op.f("ix_volunteers_citizen_id"), table_name="volunteers")
    op.drop_table("volunteers")
    op.drop_index(op.f("ix_counters_staff_id"), table_name="counters")
    op.drop_table("counters")
