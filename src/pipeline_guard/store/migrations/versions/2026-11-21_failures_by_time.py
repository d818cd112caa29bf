"""An index over failures by time: insights and the last day's figures are read from it."""

from alembic import op

revision = "20261121_failures_by_time"
down_revision = "20261121_registrations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_failures_created", "failures", ["created_at"])
