"""What each re-run was good for, by category, rule and fingerprint: history decides by it."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_outcomes"
down_revision = "20261121_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("failures", sa.Column("rule_version", sa.Text(), nullable=True))
    op.add_column("failures", sa.Column("next_passed", sa.Boolean(), nullable=True))
    # A job that failed again at a later attempt did not pass at the next one.
    op.execute(
        "UPDATE failures SET next_passed = rerun_passed AND NOT EXISTS ("
        " SELECT FROM failures later WHERE later.platform = failures.platform"
        " AND later.repository = failures.repository AND later.run_id = failures.run_id"
        " AND later.job = failures.job AND later.run_attempt > failures.run_attempt)"
        " WHERE rerun_passed IS NOT NULL"
    )
    op.create_index(
        "ix_failures_outcomes",
        "failures",
        ["category", "transient", "created_at"],
        unique=False,
        postgresql_include=["rule", "rule_version", "fingerprint", "next_passed"],
        postgresql_where=sa.text("next_passed IS NOT NULL"),
    )
