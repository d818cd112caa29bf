"""The trace an action was done in, for the webhook of its re-run to point back to."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_traces"
down_revision = "20261121_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("actions", sa.Column("traceparent", sa.Text(), nullable=True))
