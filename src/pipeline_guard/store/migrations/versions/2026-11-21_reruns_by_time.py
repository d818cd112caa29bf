"""An index over the failures that were re-run, by time: budgets and limits are read from it."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_reruns_by_time"
down_revision = "20261121_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_failures_reruns",
        "failures",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text(
            "failures.plan -> 'steps' <> '[]'::jsonb AND failures.plan -> 'refusals' = '[]'::jsonb"
        ),
    )
