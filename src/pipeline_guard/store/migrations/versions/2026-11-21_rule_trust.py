"""An index over what came of each rule's re-runs, the newest first."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_rule_trust"
down_revision = "20261121_traces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_failures_rule",
        "failures",
        ["rule", "id"],
        unique=False,
        postgresql_where=sa.text("next_passed IS NOT NULL AND transient"),
    )
