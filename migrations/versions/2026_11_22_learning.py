"""learning: the registry of models, and what was said in a routing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_1"
down_revision = "20261121_2"
branch_labels = None
depends_on = None

# Of the routings so far only this is known: what differs from the row before was said.
SAID_SO_FAR = """
    UPDATE routings r
    SET named = array_remove(ARRAY[
        CASE WHEN r.function IS DISTINCT FROM b.function THEN 'function' END,
        CASE WHEN r.agency IS DISTINCT FROM b.agency THEN 'agency' END,
        CASE WHEN r.category IS DISTINCT FROM b.category THEN 'category' END
    ], NULL)
    FROM (
        SELECT id, lag(function) OVER w AS function, lag(agency) OVER w AS agency, lag(category) OVER w AS category
        FROM routings WINDOW w AS (PARTITION BY complaint_id ORDER BY id)
    ) b
    WHERE b.id = r.id AND r.actor_kind <> 'system'
"""


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("trained", sa.Date(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("right(version, 9) = '.' || left(sha256, 8)", name=op.f("ck_models_version")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_models")),
    )
    op.add_column(
        "routings", sa.Column("named", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.execute(SAID_SO_FAR)


def downgrade() -> None:
    op.drop_column("routings", "named")
    op.drop_table("models")
