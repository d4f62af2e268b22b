"""The tables of procrastinate, the job queue, as its release 3 ships them."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "20261121_2"
down_revision = "20261121_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("procrastinate has no way back: restore a backup instead")
