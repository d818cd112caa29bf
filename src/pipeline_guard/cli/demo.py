"""`demo`: heals a real red build on a real Buildbot, and explains another, all on loopback."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline_guard.cli.demo_buildbot.stage import Stage
    from pipeline_guard.cli.demo_buildbot.verdict import Scene

#: Seconds for both stories, from the push to the last verdict.
STORY_TIMEOUT = 90


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        keep: bool = typer.Option(
            False, "--keep", help="Leave the dashboard and Buildbot up until Ctrl-C."
        ),
    ) -> None:
        """Show the main job on a real Buildbot: heal one red build, explain another.

        Starts the service on its embedded database and a Buildbot master with a worker, all on
        loopback and in a temporary directory, lets two builds go red, and watches. Needs Buildbot
        in an environment of its own, which `make demo` sets up.

        Example: pipeline-guard demo --keep

        Exit codes: 0 the transient failure was rebuilt and turned green, and the genuine one was
        diagnosed and left alone; 1 else, with the reason and where the logs are.
        """
        from pipeline_guard.cli.demo_buildbot.processes import (  # noqa: PLC0415
            DemoFailed,
            Processes,
            adopt_orphans,
            reap_orphans,
        )

        root = Path(tempfile.mkdtemp(prefix="pipeline-guard-demo-")).resolve()
        teller = _Teller()
        adopt_orphans()
        try:
            with _interruptible(), Processes(root) as processes:
                _play(processes, teller, keep=keep)
        except DemoFailed as error:
            teller.say(f"The demo failed: {error}")
            teller.say(f"The service's last words: {_last_words(root / 'service.log')}")
            teller.say(f"Every log is kept in {root}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            shutil.rmtree(root, ignore_errors=True)
            raise typer.Exit(130) from None
        finally:
            reap_orphans()
        shutil.rmtree(root, ignore_errors=True)
        teller.say("Everything was stopped and removed.")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1].strip()[:300] if lines else "none"


class _Teller:
    """Prints what happens, each line with the seconds since the start; plain when piped."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415

        self._start = time.monotonic()
        terminal = sys.stdout.isatty()
        self.console: Console = Console() if terminal else Console(width=140, no_color=True)

    def say(self, text: str) -> None:
        """One line."""
        passed = time.monotonic() - self._start
        self.console.print(f"{passed:5.1f} s  {text}", markup=False, highlight=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat being asked to end like Ctrl-C, so that everything is stopped on the way out."""

    def interrupt(number: int, frame: object) -> None:
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.SIG_IGN)  # cleaning up is not to be interrupted
        raise KeyboardInterrupt

    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in endings]
    try:
        yield
    finally:
        for number, handler in zip(endings, before, strict=True):
            signal.signal(number, handler)


def _play(processes: Any, teller: _Teller, *, keep: bool) -> None:
    from pipeline_guard.cli.demo_buildbot.stage import GENUINE, TRANSIENT, Stage  # noqa: PLC0415

    stage = Stage(processes)
    teller.say("Starting the service, a Buildbot master and a worker on loopback")
    stage.start_service()
    stage.buildbot.create()
    stage.buildbot.start()
    stage.wait_for_service()
    teller.say(f"Ready: dashboard {stage.guard}/ and Buildbot {stage.buildbot.url}/")
    stage.push(stage.commit())
    teller.say(f"Pushed one commit; Buildbot builds '{TRANSIENT}' and '{GENUINE}'")
    scene = _watch(processes, stage, teller)
    _print_table(teller.console, scene)
    teller.say("One was healed by a rebuild, the other explained and left to a person.")
    if keep:
        teller.say(f"Look around at {stage.guard}/ and {stage.buildbot.url}/; Ctrl-C ends it.")
        with _until_interrupted():
            signal.pause()


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        return


def _watch(processes: Any, stage: "Stage", teller: _Teller) -> "Scene":
    """Follow both stories to their end; the last scene."""
    from pipeline_guard.cli.demo_buildbot.stage import GENUINE, TRANSIENT  # noqa: PLC0415
    from pipeline_guard.cli.demo_buildbot.verdict import RED, Scene, told  # noqa: PLC0415

    def first_is_red() -> bool:
        builds = stage.buildbot.builds(TRANSIENT)
        return bool(builds) and builds[0]["results"] in RED

    processes.wait_until(f"'{TRANSIENT}' going red", first_is_red, STORY_TIMEOUT)
    stage.start_rates_server()
    teller.say(f"'{TRANSIENT}' went red: its rates server was not up. It is now being started")
    scenes: list[Scene] = []
    report = _changes(teller.say)

    def ended() -> bool:
        builds = stage.buildbot.builds
        scenes[:] = [Scene(stage.failures(), builds(TRANSIENT), builds(GENUINE))]
        report(scenes[0])
        return told(scenes[0])

    processes.wait_until("the end of both stories", ended, STORY_TIMEOUT)
    return scenes[0]


def _changes(say: Callable[[str], None]) -> Callable[["Scene"], None]:
    """Tells each failure's state once, when it changes."""
    seen: dict[int, str] = {}

    def report(scene: "Scene") -> None:
        for item in scene.failures:
            if seen.get(item["id"]) != item["status"]:
                seen[item["id"]] = item["status"]
                say(f"'{item['job']}': {item['category']}, {item['status']}")

    return report


def _print_table(console: "Console", scene: "Scene") -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("build", "cause", "sure", "evidence", "what was done", "outcome", show_lines=True)
    for item in scene.failures:
        # As text, so that brackets in a log are not read as markup.
        table.add_row(*(Text(cell, overflow="fold") for cell in _cells(item, scene)))
    console.print(table)


def _cells(item: Any, scene: "Scene") -> tuple[str, ...]:
    rebuilt = [action for action in item["actions"] if action["kind"] == "rerun"]
    builds = len(scene.transient_builds if rebuilt else scene.genuine_builds)
    done = "\n".join(step["why"] for step in item["plan"]["steps"]) or "\n".join(
        refusal["reason"] for refusal in item["plan"]["refusals"]
    )
    evidence = item["evidence"][0]
    return (
        item["job"],
        item["category"],
        f"{item['confidence']:.2f}",
        f"line {evidence['line']}: {evidence['text']}",
        f"{'rebuilt' if rebuilt else 'not rebuilt'}: {done}",
        f"{item['status']}; {builds} build{'s' if builds > 1 else ''} in Buildbot",
    )
