"""What platforms still allow us to ask, shared by all replicas."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_platform_limits"
down_revision = "20261121_failures_by_time"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "platform_limits",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("resets_at", moment, nullable=True),
        sa.Column("paused_until", moment, nullable=True),
        sa.Column("updated_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("platform"),
    )
