"""Kept logs, when a failure was settled, and the changes that live pages follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261121_shown"
down_revision = "20261121_recovery"
branch_labels = None
depends_on = None

# The notification carries the row's id; a listener that was away reads what it missed by id.
NOTE = """
CREATE FUNCTION pipeline_guard_note_change(kind text, subject bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    noted bigint;
BEGIN
    INSERT INTO changes (kind, subject) VALUES (kind, subject) RETURNING id INTO noted;
    PERFORM pg_notify('pipeline_guard_changes', noted::text);
END $$
"""
# TG_ARGV: what has changed, and the column that names it.
CHANGED = """
CREATE FUNCTION pipeline_guard_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pipeline_guard_note_change(TG_ARGV[0], (to_jsonb(NEW) ->> TG_ARGV[1])::bigint);
    RETURN NULL;
END $$
"""
ACTION_CHANGED = """
CREATE FUNCTION pipeline_guard_action_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pipeline_guard_note_change('failure', failure_id)
    FROM action_failures WHERE action_id = NEW.id;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    (
        "CREATE TRIGGER failure_changed AFTER INSERT OR UPDATE OF status, plan, rerun_passed"
        " ON failures FOR EACH ROW EXECUTE FUNCTION pipeline_guard_changed('failure', 'id')"
    ),
    (
        "CREATE TRIGGER failure_changed AFTER INSERT ON action_failures"
        " FOR EACH ROW EXECUTE FUNCTION pipeline_guard_changed('failure', 'failure_id')"
    ),
    (
        "CREATE TRIGGER failure_changed AFTER INSERT ON labels"
        " FOR EACH ROW EXECUTE FUNCTION pipeline_guard_changed('failure', 'failure_id')"
    ),
    (
        "CREATE TRIGGER failure_changed AFTER UPDATE OF status, outcome ON actions"
        " FOR EACH ROW EXECUTE FUNCTION pipeline_guard_action_changed()"
    ),
)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    now = sa.text("now()")
    op.add_column("failures", sa.Column("settled_at", moment, nullable=True))
    op.create_table(
        "job_logs",
        sa.Column("failure_id", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("outline", JSONB(), nullable=False),
        sa.Column("notes", JSONB(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.ForeignKeyConstraint(["failure_id"], ["failures.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("failure_id"),
    )
    op.create_table(
        "job_log_chunks",
        sa.Column("failure_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["failure_id"], ["job_logs.failure_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("failure_id", "number"),
    )
    op.create_index(
        "ix_job_log_chunks_lines", "job_log_chunks", ["failure_id", "part", "first_line"]
    )
    # Compressed already: the database need not try again.
    op.execute("ALTER TABLE job_log_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_changes_at", "changes", ["at"])
    for statement in (NOTE, CHANGED, ACTION_CHANGED, *TRIGGERS):
        op.execute(statement)
