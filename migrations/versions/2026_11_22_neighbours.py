"""neighbours: complaints are found by their words, their pin and their kecamatan"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_2"
down_revision = "20261122_1"
branch_labels = None
depends_on = None

WORDS = (
    "to_tsvector('indonesian'::regconfig, (((title || ' '::text) || text) || ' '::text) || COALESCE(place, ''::text))"
)


def upgrade() -> None:
    op.create_index(
        "ix_complaints_words",
        "complaints",
        [sa.text(WORDS)],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        "ix_complaints_pin", "complaints", ["latitude", "longitude"], postgresql_where=sa.text("latitude IS NOT NULL")
    )
    op.create_index("ix_complaints_city_filed_at", "complaints", [sa.text("left(region, 5)"), "filed_at"])


def downgrade() -> None:
    for name in ("ix_complaints_city_filed_at", "ix_complaints_pin", "ix_complaints_words"):
        op.drop_index(name, table_name="complaints")
