"""The index over planned re-runs, for plans that hold steps of other kinds as well."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_step_kinds"
down_revision = "20261121_incidents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_failures_planned_reruns",
        "failures",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text(
            """jsonb_path_exists(failures.plan, '$.steps[*]?(@.kind == "rerun")') AND NOT """
            """jsonb_path_exists(failures.plan,"""
            """ '$.refusals[*]?(!exists(@.step) || @.step == "rerun")')"""
        ),
    )
    # The version before reads this one, slower without it, and it holds too much from now on.
    op.drop_index("ix_failures_reruns", table_name="failures")
