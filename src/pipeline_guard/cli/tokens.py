"""`tokens`: keys to API and dashboard, made here, shown once, revoked here."""

from typing import TYPE_CHECKING, Any

import typer

from pipeline_guard.cli.stored import in_store
from pipeline_guard.domain.access import Scope

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(
    help="Keys to the API and the dashboard: create, list, revoke.", no_args_is_help=True
)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
NAME = typer.Argument(help="Who or what it is for, for example grafana.")


@app.command()
def create(
    name: str = NAME,
    scope: Scope = typer.Option("read", help="read, act (retry, replay, …) or admin."),
    as_json: bool = AS_JSON,
) -> None:
    """Make a token and print it, this once.

    Example: pipeline-guard tokens create grafana --scope read

    Exit codes: 0 made, 1 a live one has that name, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import audit, tokens  # noqa: PLC0415

    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise typer.BadParameter("a name is one line of 1 to 100 characters", param_hint="NAME")

    async def work(session: "AsyncSession") -> str | None:
        actor = runtime.actor()
        made = await tokens.create(session, name, scope, actor)
        if made is None:
            return None
        audit.record(session, actor, "token.created", f"token:{name}", {"scope": scope})
        return made[1]

    secret = in_store(work)
    if secret is None:
        _fail(f"There is a token '{name}' already. Revoke it, or take another name.")
    if as_json:
        runtime.print_json({"name": name, "scope": scope, "token": secret})
        return
    typer.echo(secret)
    typer.echo(f"This is the token '{name}' ({scope}). It is not shown again.", err=True)


@app.command("list")
def list_tokens(as_json: bool = AS_JSON) -> None:
    """List the tokens that were made, newest first; never what they are.

    Example: pipeline-guard tokens list

    Exit codes: 0 done, 1 the database does not answer.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import tokens  # noqa: PLC0415

    columns = ("name", "scope", "created_by", "created_at", "last_used_at", "revoked_at")

    async def work(session: "AsyncSession") -> list[dict[str, Any]]:
        rows = await tokens.everything(session)
        return [{column: getattr(row, column) for column in columns} for row in rows]

    found = in_store(work)
    if as_json:
        runtime.print_json(found)
        return
    runtime.print_table(
        f"{len(found)} tokens",
        [column.replace("_", " ") for column in columns],
        [[_told(row[column]) for column in columns] for row in found],
    )


@app.command()
def revoke(name: str = NAME, as_json: bool = AS_JSON) -> None:
    """End a token, and what was signed in with it, at once.

    Example: pipeline-guard tokens revoke grafana

    Exit codes: 0 ended, 1 there is none of that name, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import audit, tokens  # noqa: PLC0415

    async def work(session: "AsyncSession") -> bool:
        if await tokens.revoke(session, name) is None:
            return False
        audit.record(session, runtime.actor(), "token.revoked", f"token:{name}", {})
        return True

    if not in_store(work):
        _fail(f"There is no live token '{name}'. See: pipeline-guard tokens list")
    if as_json:
        runtime.print_json({"name": name, "revoked": True})
        return
    typer.echo(f"The token '{name}' opens nothing any more.")


def _told(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value or "")


def _fail(text: str) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(1)
