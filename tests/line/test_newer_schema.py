"""This version's code works on while, and after, a newer version has upgraded the database."""

import psycopg
from tests.line.test_github import DNS, reruns, send

from pipeline_guard.store import migrate


def upgrade_to_the_future(url: str) -> None:
    """What any migration is allowed to do: new tables, new columns with NULL or a default."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'procrastinate%' AND tablename <> 'alembic_version'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN later text")  # type: ignore[arg-type]
            connection.execute(
                f"ALTER TABLE {table} ADD COLUMN much_later jsonb NOT NULL DEFAULT '{{}}'"  # type: ignore[arg-type]
            )
        connection.execute("CREATE TABLE of_the_future (id bigint PRIMARY KEY)")
        connection.execute("UPDATE alembic_version SET version_num = '29991231_future'")


async def test_a_failure_is_healed_across_the_upgrade(github, github_line, database_url):
    github.add_pull()
    run = github.add_run(log=DNS, pulls=())
    await send(github_line, github, run)
    assert len(reruns(github)) == 1

    upgrade_to_the_future(database_url)
    migrate.check(database_url)  # so would a process do that starts now

    github.finish_run(run)
    await send(github_line, github, run)
    second = github.add_run(log=DNS, pulls=())
    await send(github_line, github, second)
    statuses = [failure["status"] for failure in await github_line.failures()]
    assert statuses == ["healed", "healing"]
