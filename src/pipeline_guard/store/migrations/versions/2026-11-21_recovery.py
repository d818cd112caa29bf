"""Tables for recovery: repositories heard of, how far lists were read, deliveries asked for."""

import sqlalchemy as sa
from alembic import op

revision = "20261121_recovery"
down_revision = "20261121_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "repositories",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("first_seen", moment, nullable=False),
        sa.Column("last_seen", moment, nullable=False),
        sa.Column("last_delivery", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "repository"),
    )
    op.create_table(
        "sweeps",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("found", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("what", "platform", "scope"),
    )
    op.create_table(
        "redeliveries",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("tried_at", moment, nullable=False),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("platform", "delivery_id"),
    )
