"""An index over what of ours stands in a repository: every green run asks for it."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_standing"
down_revision = "20261121_platform_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_actions_standing",
        "actions",
        ["platform", "repository", "kind"],
        postgresql_where=sa.text("outcome IS NULL"),
    )
