"""What a command costs before it does anything: only the imports it needs."""

import subprocess
import sys

import pytest

HEAVY = (
    *("numpy", "pandas", "scipy", "sklearn", "skops", "sqlalchemy", "fastapi", "uvicorn", "httpx"),
    *("pydantic_settings", "procrastinate", "prometheus_client", "github", "gitlab", "structlog"),
    *("opentelemetry", "alembic", "jinja2"),
)
BRIEF = (*HEAVY, "pydantic", "yaml", "re2", "asyncio")


def imported(program: str, *arguments: str) -> set[str]:
    tail = "; import sys; print('\\n' + ' '.join(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", program + tail, *arguments],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(found.stdout.splitlines()[-1].split())


def test_help_needs_none_of_what_the_commands_stand_on():
    program = "from pipeline_guard.cli import build; build()"
    assert imported(program) & set(BRIEF) == set()


@pytest.mark.parametrize("name", ["classify", "doctor", "rules"])
def test_a_command_is_built_without_the_others(name):
    found = imported(f"from pipeline_guard.cli import build; build({name!r})")
    assert f"pipeline_guard.cli.{name}" in found
    assert "pipeline_guard.cli.serve" not in found


def test_classify_imports_only_what_judging_takes(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("FAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed in 0.10s\n")
    program = "import sys; from pipeline_guard.cli import build; build('classify')(sys.argv[1:], standalone_mode=False)"  # noqa: E501
    assert imported(program, "classify", str(log)) & set(HEAVY) == set()
