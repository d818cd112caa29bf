"""`init`: asks what is needed, writes `.env` and `guard.yaml`, and looks whether it works."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from pipeline_guard.cli import envfile, questions
from pipeline_guard.cli.questions import PREFIX, Answers, Told
from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from pipeline_guard.domain.inspection import Finding

POLICY: Final = """\
# What Pipeline Guard may do. All keys and what they mean: docs/policy.md
# What is in force:  pipeline-guard config show --explain
# After a change:    pipeline-guard config check guard.yaml
max_reruns: 2
never_rerun: ["*deploy*", "*release*", "*publish*", "terraform *"]
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(  # noqa: PLR0913, PLR0917 (each is an option that people may give)
    platform: str | None = typer.Option(None, help="github, gitlab or buildbot."),
    url: str | None = typer.Option(None, help="Address of its API, when it is your own server."),
    token_file: str | None = typer.Option(
        None, help="File with the API token (Buildbot: the password); - reads standard input."
    ),
    user: str | None = typer.Option(None, help="Buildbot only: who may rebuild."),
    secret_file: str | None = typer.Option(
        None, help="File with the webhook's secret; without it one is made."
    ),
    mode: str | None = typer.Option(None, help="observe (look only), suggest (comment) or act."),
    folder: Path = typer.Option(Path(), "--dir", help="Where .env and guard.yaml are written."),
    force: bool = typer.Option(False, "--force", help="Change what is there without asking."),
    check: bool = typer.Option(True, help="Look afterwards whether it works, as doctor does."),
    as_json: bool = typer.Option(False, "--json", help="Ask nothing, print JSON."),
) -> None:
    """Set up a platform: ask, write .env (for you alone) and guard.yaml, and look if it works.

    What is not given is asked for, where a person is there to answer; tokens are not shown. Run it
    once for each platform: whatever else .env and guard.yaml hold stays.

    Example: pipeline-guard init --platform github --token-file token.txt --mode observe

    Exit codes: 0 written and nothing is wrong, 1 not written, or something is wrong.
    """
    told = Told(
        platform,
        url,
        _read(token_file),
        user,
        _read(secret_file),
        mode,
        asking=is_terminal() and not as_json,
    )
    answers = questions.answers(told)
    written = _write(folder, answers, ask=told.asking and not force, force=force)
    found = _look(folder / ".env", answers.platform) if check else []
    if as_json:
        _print_json(answers.platform, written, found)
    else:
        _tell(answers.platform, written, found)
    if any(item.state == "wrong" for item in found):
        raise typer.Exit(1)


def is_terminal() -> bool:
    """Is there a person who can be asked?"""
    return sys.stdin.isatty()


def _read(name: str | None) -> str | None:
    """The one line of a file; ConfigError when it cannot be read or is empty."""
    if name is None:
        return None
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{name} cannot be read: {reason}") from None
    if not text.strip():
        raise ConfigError(f"{name} is empty; it should hold a token.")
    return text.strip()


def _write(folder: Path, answers: Answers, *, ask: bool, force: bool) -> list[Path]:
    """Write both files; what somebody wrote before is changed only with leave."""
    env, policy = folder / ".env", folder / "guard.yaml"
    before = env.read_text("utf-8") if env.exists() else ""
    gaps = {**answers.otherwise, f"{PREFIX}CONFIG": str(policy.absolute())}
    known = envfile.names(before)
    wanted = {name: value for name, value in gaps.items() if name not in known} | answers.said
    other = envfile.changed(before, wanted)
    if other and not force:
        if not ask:
            raise ConfigError(f"{env} sets {', '.join(other)} already; --force changes that.")
        typer.confirm(f"{env} sets {', '.join(other)} already. Change that?", abort=True)
    written = [env]
    envfile.write_private(env, envfile.merged(before, wanted))
    if not policy.exists():
        envfile.write_private(policy, POLICY)
        written.append(policy)
    return written


def _look(env: Path, platform: str) -> list["Finding"]:
    """What doctor says about the policy, the disk and the platform, with the new settings."""
    from pipeline_guard.cli import logging_setup, runtime  # noqa: PLC0415
    from pipeline_guard.settings import load_settings  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep import doctor  # noqa: PLC0415

    settings = load_settings(_env_file=env)
    logging_setup.configure(settings, quiet=True)

    async def work() -> list["Finding"]:
        platforms = assemble.connect_platforms(settings)
        try:
            found = await doctor.examine(settings, None, platforms)
        finally:
            await platforms.aclose()
        others = set(questions.KNOWN) - {platform}
        return [item for item in found if item.name.split()[0] not in others]

    return list(runtime.run(work()))


def _steps(platform: str, env: Path) -> list[str]:
    known = questions.KNOWN[platform]
    hook = f"Make the webhook at {platform}: {known.where}"
    return [
        f"{hook}. Its address: https://YOUR-HOST/webhooks/{platform}",
        f"Give it the secret {PREFIX}{known.secret} of {env}",
        "Start the service where that address leads to: pipeline-guard serve",
        "See whether all is well: pipeline-guard doctor",
    ]


def _print_json(platform: str, written: Sequence[Path], found: Sequence["Finding"]) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415

    runtime.print_json(
        {
            "platform": platform,
            "written": [str(path) for path in written],
            "next": _steps(platform, written[0]),
            "findings": [asdict(item) for item in found],
        }
    )


def _tell(platform: str, written: Sequence[Path], found: Sequence["Finding"]) -> None:
    from pipeline_guard.cli import doctor  # noqa: PLC0415

    typer.echo(f"Written: {', '.join(str(path) for path in written)}")
    doctor.show(found)
    typer.echo("\nWhat is left to do:")
    for number, step in enumerate(_steps(platform, written[0]), 1):
        typer.echo(f"{number}. {step}")
