"""Setting up a platform: what is written, what is kept, what is asked, and whether it works."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
from click.testing import Result
from typer.testing import CliRunner

from pipeline_guard.cli import build, envfile
from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import Settings

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def retries_without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("PIPELINE_GUARD_DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(
            build("init"), ["init", "--dir", str(tmp_path), *arguments], **more
        )

    return invoke


def settings(folder: Path) -> Settings:
    return Settings(_env_file=folder / ".env")


def test_two_files_are_written_for_the_owner_alone_and_work(call, github, tmp_path):
    (tmp_path / "token").write_text(f"{github.token}\n")
    token = str(tmp_path / "token")
    found = call("--platform", "github", "--url", github.url, "--token-file", token, "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    states = {item["name"]: item["state"] for item in told["findings"]}
    assert states["github"] == states["policy"] == "ok"
    assert "gitlab" not in states
    for name in (".env", "guard.yaml"):
        assert str(tmp_path / name) in told["written"]
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    written = settings(tmp_path)
    assert written.github_token.get_secret_value() == github.token
    assert written.mode == "observe"
    assert len(written.api_tokens[0]) == len(written.github_webhook_secrets[0]) == 64
    assert written.api_tokens[0] not in found.output
    assert github.token not in found.output


def test_a_token_that_does_not_work_is_told_at_once(call, github, tmp_path):
    arguments = ("--platform", "github", "--url", github.url, "--token-file", "-")
    found = call(*arguments, input="ghp_wrong\n")
    assert found.exit_code == 1
    assert "wrong" in found.output
    assert "401" in found.output
    assert settings(tmp_path).github_token.get_secret_value() == "ghp_wrong"


def test_what_is_there_is_kept_and_changed_only_with_leave(call, tmp_path):
    (tmp_path / ".env").write_text("# mine\nPIPELINE_GUARD_GITLAB_TOKEN=old\nOTHER=1\n")
    (tmp_path / "guard.yaml").write_text("mode: suggest\n")
    arguments = ("--platform", "gitlab", "--token-file", "-", "--no-check")
    refused = call(*arguments, input="new")
    assert refused.exit_code == 1
    assert isinstance(refused.exception, ConfigError)
    assert "PIPELINE_GUARD_GITLAB_TOKEN" in str(refused.exception)
    assert settings(tmp_path).gitlab_token.get_secret_value() == "old"

    assert call(*arguments, "--force", input="new").exit_code == 0
    secret = settings(tmp_path).gitlab_webhook_secrets
    text = (tmp_path / ".env").read_text()
    assert text.startswith("# mine\nPIPELINE_GUARD_GITLAB_TOKEN='new'\nOTHER=1\n")
    assert (tmp_path / "guard.yaml").read_text() == "mode: suggest\n"

    again = call("--platform", "github", "--token-file", "-", "--no-check", input="t")
    assert again.exit_code == 0, "another platform goes beside the first"
    assert call(*arguments, input="new").exit_code == 0, "nothing changes, nothing is asked"
    assert settings(tmp_path).gitlab_webhook_secrets == secret


def test_a_person_is_asked_and_may_say_no(call, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline_guard.cli.init.is_terminal", lambda: True)
    found = call("--no-check", input="gitlab\nhttps://git.example/\nact\nglpat-x\n")
    assert found.exit_code == 0, found.output
    written = settings(tmp_path)
    assert (written.gitlab_url, written.mode) == ("https://git.example", "act")
    assert "glpat-x" not in found.output
    refused = call("--no-check", input="gitlab\nhttps://git.example/\nact\nother\nn\n")
    assert refused.exit_code == 1
    assert settings(tmp_path).gitlab_token.get_secret_value() == "glpat-x"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--platform: It is missing"),
        (("--platform", "jenkins"), "'jenkins' is none; choose one of github"),
        (("--platform", "github"), "--token-file"),
        (("--platform", "github", "--token-file", "/no/such"), "/no/such cannot be read"),
        (("--platform", "github", "--token-file", "-"), "is empty"),
        (("--platform", "github", "--token-file", "-", "--mode", "x"), "--mode: 'x' is none"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(call, tmp_path, arguments, words):
    found = call(*arguments, input="" if words == "is empty" else "t")
    assert found.exit_code == 1
    assert isinstance(found.exception, ConfigError)
    assert words in str(found.exception)
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("value", ["plain", "with 'quotes' and \\ and $HOME", "a#b =c", '"x"'])
def test_a_value_is_read_back_as_it_was_written(tmp_path, value):
    text = envfile.merged("", {"PIPELINE_GUARD_GITHUB_TOKEN": value})
    (tmp_path / ".env").write_text(text)
    assert settings(tmp_path).github_token.get_secret_value() == value
    assert envfile.changed(text, {"PIPELINE_GUARD_GITHUB_TOKEN": value}) == []
