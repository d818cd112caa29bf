"""Incidents: one fingerprint that spiked across runs, and what became of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_incidents"
down_revision = "20261121_outcomes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    listed = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("opened_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("probed_at", moment, nullable=True),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("repositories", listed, nullable=False),
        sa.Column("probes", listed, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["platform", "fingerprint"],
        unique=True,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "ix_incidents_closed", "incidents", ["platform", "fingerprint", "closed_at"], unique=False
    )
    op.execute(
        "CREATE TRIGGER incident_changed AFTER INSERT OR UPDATE ON incidents"
        " FOR EACH ROW EXECUTE FUNCTION pipeline_guard_changed('incident', 'id')"
    )
