"""desk: staff, dispositions, merged reports, batches, notices, master data of its own, an audit that only grows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_4"
down_revision = "20261122_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_actor", "audit", ["actor_kind", "actor_id", "id"], unique=False)
    op.create_index("ix_audit_at", "audit", ["at", "id"], unique=False)
    op.create_index("ix_audit_object", "audit", ["object_kind", "object_id"], unique=False)
    op.create_table(
        "audit_seals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("digest", name=op.f("uq_audit_seals_digest")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_seals_previous")),
    )
    op.create_table(
        "categories",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("sp4n_id", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["categories.code"], name=op.f("fk_categories_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_categories")),
        sa.UniqueConstraint("sp4n_id", name=op.f("uq_categories_sp4n_id")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="id", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last", sa.BigInteger(), nullable=True),
        sa.Column("oidc_issuer", sa.Text(), nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        sa.Column("invitation_sha256", sa.Text(), nullable=True),
        sa.Column("invitation_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("login = lower(login) AND login <> ''", name=op.f("ck_staff_login")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("invitation_sha256", name=op.f("uq_staff_invitation_sha256")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name=op.f("uq_staff_oidc_issuer_oidc_subject")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'undone', 'running', 'done')", name=op.f("ck_batches_state")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_batches_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_staff_id"), "batches", ["staff_id"], unique=False)
    op.create_table(
        "kept_forms",
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_kept_forms_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "path", name=op.f("pk_kept_forms")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recovery_codes_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "code_sha256", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_sessions_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_staff_sessions_token_sha256")),
    )
    op.create_index(op.f("ix_staff_sessions_staff_id"), "staff_sessions", ["staff_id"], unique=False)
    op.create_table(
        "answer_templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_answer_templates_agency")),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_answer_templates_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_templates")),
        sa.UniqueConstraint(
            "name",
            "purpose",
            "region",
            "agency",
            name=op.f("uq_answer_templates_name_purpose_region_agency"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "service_standards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("requirements", sa.Text(), nullable=True),
        sa.Column("procedure", sa.Text(), nullable=True),
        sa.Column("working_days", sa.SmallInteger(), nullable=True),
        sa.Column("cost", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_service_standards_agency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_standards")),
        sa.UniqueConstraint(
            "agency",
            "service",
            "valid_from",
            name=op.f("uq_service_standards_agency_service_valid_from"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_service_standards_agency"), "service_standards", ["agency"], unique=False)
    op.create_table(
        "staff_grants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("(role = 'pejabat_penghubung') = (agency IS NOT NULL)", name=op.f("ck_staff_grants_agency")),
        sa.CheckConstraint(
            "role IN ('admin_instansi', 'pejabat_penghubung', 'pengawas', 'biro_organisasi', 'administrator')",
            name=op.f("ck_staff_grants_role"),
        ),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_staff_grants_agency")),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_staff_grants_region")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_grants_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_grants")),
    )
    op.create_index(op.f("ix_staff_grants_staff_id"), "staff_grants", ["staff_id"], unique=False)
    op.create_table(
        "dispositions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("leads", sa.Boolean(), nullable=False),
        sa.Column("disposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("first_response_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_dispositions_agency")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_dispositions_complaint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispositions")),
    )
    op.create_index(
        "ix_dispositions_agency",
        "dispositions",
        ["agency", "complaint_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(op.f("ix_dispositions_complaint_id"), "dispositions", ["complaint_id"], unique=False)
    op.create_index(
        "uq_dispositions_lead",
        "dispositions",
        ["complaint_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND leads"),
    )
    op.create_index(
        "uq_dispositions_present",
        "dispositions",
        ["complaint_id", "agency"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("complaint_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("once", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_notices_agency")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_notices_complaint_id")),
        sa.ForeignKeyConstraint(["region"], ["regions.code"], name=op.f("fk_notices_region")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notices_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("once", name=op.f("uq_notices_once")),
    )
    op.create_index("ix_notices_at", "notices", ["at"], unique=False)
    op.create_index(op.f("ix_notices_complaint_id"), "notices", ["complaint_id"], unique=False)
    op.create_table(
        "presence",
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_presence_complaint_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_presence_staff_id")),
        sa.PrimaryKeyConstraint("complaint_id", "staff_id", name=op.f("pk_presence")),
    )
    op.create_table(
        "notices_seen",
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name=op.f("fk_notices_seen_notice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notices_seen_staff_id")),
        sa.PrimaryKeyConstraint("notice_id", "staff_id", name=op.f("pk_notices_seen")),
    )
    op.add_column("complaints", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("complaints", sa.Column("masked_text", sa.Text(), nullable=True))
    op.add_column("complaints", sa.Column("supervised", sa.Boolean(), nullable=True))
    op.add_column("complaints", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.add_column("complaints", sa.Column("confidence", sa.Float(), nullable=True))
    op.create_index(op.f("ix_complaints_merged_into"), "complaints", ["merged_into"], unique=False)
    op.create_index(
        "ix_complaints_filed_at",
        "complaints",
        ["filed_at"],
        unique=False,
        postgresql_include=["id", "agency", "region", "status", "report_class", "channel"],
    )
    op.create_index(
        "ix_complaints_open",
        "complaints",
        ["status", "id"],
        unique=False,
        postgresql_where=sa.text("status !~ '^(Ditutup|Diarsipkan|Konten)'"),
    )
    op.create_foreign_key(op.f("fk_complaints_merged_into"), "complaints", "complaints", ["merged_into"], ["id"])
    op.add_column("clocks", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    # The first edition of these rules had no reminders; what administrators entered themselves stays.
    op.execute("""
        UPDATE clock_rules SET remind_days_before = CASE
            WHEN kind IN ('follow_up', 'handle_pengaduan') THEN 3
            WHEN kind = 'handle_pengaduan_berkadar' THEN 10
            ELSE 1 END
        WHERE valid_from = '2020-01-01' AND remind_days_before IS NULL AND kind NOT IN ('close', 'archive')
    """)
    op.create_index(
        "ix_complaint_history_spoken",
        "complaint_history",
        ["complaint_id"],
        unique=False,
        postgresql_where=sa.text(
            "event = 'responded' OR became->>'status' IN"
            " ('Ditindaklanjuti oleh Instansi', 'Selesai otomatis dalam 10 hari')"
        ),
    )
    op.add_column("media", sa.Column("staff_id", sa.BigInteger(), nullable=True))
    op.add_column("media", sa.Column("agency", sa.Text(), nullable=True))
    op.add_column("media", sa.Column("looks", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_media_staff_id"), "media", "staff", ["staff_id"], ["id"])
    op.create_foreign_key(op.f("fk_media_agency"), "media", "agencies", ["agency"], ["code"])
    # What was with an agency is with it still, and how sure the classifier was stands in the first routing row.
    op.execute("""
        INSERT INTO dispositions (complaint_id, agency, leads, disposed_at)
        SELECT id, agency, true, changed_at FROM complaints
        WHERE agency IS NOT NULL AND status IN ('Terdisposisi', 'Ditindaklanjuti oleh Instansi',
                                                'Ditanggapi oleh Pelapor', 'Selesai otomatis dalam 10 hari')
    """)
    op.execute("""
        UPDATE complaints k SET confidence = CAST(r.suggested->'functions'->0->>1 AS double precision)
        FROM (SELECT DISTINCT ON (complaint_id) complaint_id, suggested FROM routings ORDER BY complaint_id, id) r
        WHERE r.complaint_id = k.id
    """)
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    for table in ("audit", "audit_seals"):
        op.execute(f"""
            CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)


def downgrade() -> None:
    op.drop_constraint(op.f("fk_media_agency"), "media", type_="foreignkey")
    op.drop_constraint(op.f("fk_media_staff_id"), "media", type_="foreignkey")
    op.drop_column("media", "looks")
    op.drop_column("media", "agency")
    op.drop_column("media", "staff_id")
    op.drop_constraint(op.f("fk_complaints_merged_into"), "complaints", type_="foreignkey")
    op.drop_index(
        "ix_complaints_open",
        table_name="complaints",
        postgresql_where=sa.text("status !~ '^(Ditutup|Diarsipkan|Konten)'"),
    )
    op.drop_index("ix_complaints_filed_at", table_name="complaints")
    op.drop_index(op.f("ix_complaints_merged_into"), table_name="complaints")
    op.drop_index("ix_complaint_history_spoken", table_name="complaint_history")
    op.drop_column("clocks", "escalated_at")
    op.drop_column("complaints", "confidence")
    op.drop_column("complaints", "merged_into")
    op.drop_column("complaints", "supervised")
    op.drop_column("complaints", "masked_text")
    op.drop_column("complaints", "version")
    op.drop_table("notices_seen")
    op.drop_table("presence")
    op.drop_index(op.f("ix_notices_complaint_id"), table_name="notices")
    op.drop_index("ix_notices_at", table_name="notices")
    op.drop_table("notices")
    op.drop_index(
        "uq_dispositions_lead", table_name="dispositions", postgresql_where=sa.text("ended_at IS NULL AND leads")
    )
    op.drop_index("uq_dispositions_present", table_name="dispositions", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index(op.f("ix_dispositions_complaint_id"), table_name="dispositions")
    op.drop_index("ix_dispositions_agency", table_name="dispositions", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("dispositions")
    op.drop_index(op.f("ix_staff_grants_staff_id"), table_name="staff_grants")
    op.drop_table("staff_grants")
    op.drop_index(op.f("ix_service_standards_agency"), table_name="service_standards")
    op.drop_table("service_standards")
    op.drop_table("answer_templates")
    op.drop_index(op.f("ix_staff_sessions_staff_id"), table_name="staff_sessions")
    op.drop_table("staff_sessions")
    op.drop_table("recovery_codes")
    op.drop_table("kept_forms")
    op.drop_index(op.f("ix_batches_staff_id"), table_name="batches")
    op.drop_table("batches")
    op.drop_table("staff")
    op.drop_table("categories")
    op.drop_table("audit_seals")
    op.drop_index("ix_audit_object", table_name="audit")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_index("ix_audit_actor", table_name="audit")
    op.drop_table("audit")
    op.execute("DROP FUNCTION refuse_change()")
