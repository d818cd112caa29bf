"""First schema: deliveries, failures, actions, comments, and the queue's own tables."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

revision = "20261121_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_actions()
    _create_comments()
    _create_deliveries()
    _create_failures()
    _create_action_failures()
    _create_queue()


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("run_attempt", sa.Integer(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_actions_run", "actions", ["platform", "repository", "run_id"], unique=False)
    op.create_index(
        "ix_actions_undecided",
        "actions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )


def _create_comments() -> None:
    op.create_table(
        "comments",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("request_number", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("platform", "repository", "request_number"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("event", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default="accepted", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform", "delivery_id"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status <> 'processed'"),
    )


def _create_failures() -> None:
    op.create_table(
        "failures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("run_attempt", sa.Integer(), nullable=False),
        sa.Column("run_url", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("request_number", sa.Integer(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("transient", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("diagnosis", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rerun_passed", sa.Boolean(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform", "repository", "run_id", "run_attempt", "job_id"),
    )
    _index_failures()


def _index_failures() -> None:
    op.create_index(
        "ix_failures_commit", "failures", ["platform", "repository", "commit", "job"], unique=False
    )
    op.create_index(
        "ix_failures_fingerprint", "failures", ["fingerprint", "created_at"], unique=False
    )
    op.create_index(
        "ix_failures_request",
        "failures",
        ["platform", "repository", "request_number"],
        unique=False,
    )
    op.create_index("ix_failures_status", "failures", ["status", "id"], unique=False)


def _create_action_failures() -> None:
    op.create_table(
        "action_failures",
        sa.Column("action_id", sa.BigInteger(), nullable=False),
        sa.Column("failure_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["failure_id"], ["failures.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("action_id", "failure_id"),
    )
    op.create_index(
        op.f("ix_action_failures_failure_id"), "action_failures", ["failure_id"], unique=False
    )


def _create_queue() -> None:
    # The queue's schema as its own package ships it, in the same transaction as ours. When the
    # package changes it, a later revision runs the package's own migration files.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("no open connection to create the queue's tables with")
    driver.execute(SchemaManager.get_schema())
    # The queue looks for work when a job is added, not when one ends and frees its lock: what
    # waits for that lock would lie there until the next poll. This tells the workers at once.
    driver.execute(
        """
        CREATE INDEX ix_queue_lock ON procrastinate_jobs (lock)
            WHERE lock IS NOT NULL AND status IN ('todo', 'doing');
        CREATE FUNCTION pipeline_guard_lock_freed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM procrastinate_jobs WHERE lock = OLD.lock AND status = 'todo'
            ) THEN
                PERFORM pg_notify(
                    'procrastinate_any_queue_v1',
                    json_build_object('type', 'job_inserted', 'job_id', OLD.id)::text
                );
                PERFORM pg_notify(
                    'procrastinate_queue_v1#' || OLD.queue_name,
                    json_build_object('type', 'job_inserted', 'job_id', OLD.id)::text
                );
            END IF;
            RETURN NULL;
        END;
        $$;
        CREATE TRIGGER pipeline_guard_lock_freed
            AFTER DELETE OR UPDATE OF status ON procrastinate_jobs
            FOR EACH ROW WHEN (OLD.lock IS NOT NULL AND OLD.status = 'doing')
            EXECUTE FUNCTION pipeline_guard_lock_freed();
        """
    )
