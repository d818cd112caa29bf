"""Every folder below platforms/ keeps the same contract, and the map names exactly the folders."""

import ast
import inspect
from pathlib import Path
from typing import get_args

import pytest

import pipeline_guard.platforms as platforms
from pipeline_guard.domain.capabilities import (
    Capability,
    Connected,
    Conversation,
    Platform,
    WebhookReader,
)
from pipeline_guard.domain.changes import ProposesChanges
from pipeline_guard.domain.recovery import ListsRuns, Redelivers
from pipeline_guard.domain.tracker import CancelsRuns, KeepsChecks, KeepsIssues, KeepsLabels
from pipeline_guard.errors import BadSignature, MalformedDelivery
from pipeline_guard.settings import Settings

ROOT = Path(platforms.__file__).parent
FOLDERS = sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").exists())
SECRET = "s3cret-of-the-webhook"
CONFIGURED = {
    "github": {"github_webhook_secret": SECRET, "github_token": "t"},
    "gitlab": {"gitlab_webhook_secret": SECRET, "gitlab_token": "t"},
    "buildbot": {"buildbot_webhook_token": SECRET, "buildbot_url": "http://127.0.0.1:9"},
}

BEHIND = {
    "commands": Conversation,
    "list_runs": ListsRuns,
    "redeliver": Redelivers,
    "issues": KeepsIssues,
    "labels": KeepsLabels,
    "checks": KeepsChecks,
    "cancel": CancelsRuns,
    "changes": ProposesChanges,
}
"""The protocol that each capability stands for."""


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)


async def connected(name: str) -> Connected:
    built = platforms.PLATFORMS[name](settings(**CONFIGURED[name]))
    assert isinstance(built, Connected), built
    return built


def test_the_map_names_exactly_the_folders():
    assert sorted(platforms.PLATFORMS) == FOLDERS == sorted(CONFIGURED)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_has_the_same_files_and_a_readme(name):
    for file in ("adapter.py", "webhook.py", "client.py", "README.md"):
        assert (ROOT / name / file).exists(), file
    assert (ROOT / name / "README.md").read_text().startswith("# ")


@pytest.mark.parametrize("name", FOLDERS)
def test_without_its_secret_it_is_off_and_says_which_variable_is_missing(name):
    reason = platforms.PLATFORMS[name](settings())
    assert isinstance(reason, str)
    assert "PIPELINE_GUARD_" in reason


@pytest.mark.parametrize("name", FOLDERS)
async def test_it_has_every_method_of_the_protocols_with_the_same_parameters(name):
    built = await connected(name)
    for protocol, made in ((WebhookReader, built.reader), (Platform, built.platform)):
        for method, wanted in inspect.getmembers(protocol, inspect.isfunction):
            if method.startswith("_"):
                continue
            asked = list(inspect.signature(wanted).parameters)[1:]
            assert list(inspect.signature(getattr(made, method)).parameters) == asked, method
    assert built.platform.name == name
    assert built.platform.capabilities <= set(get_args(Capability))
    await built.platform.aclose()


@pytest.mark.parametrize("name", FOLDERS)
async def test_what_it_declares_it_has_and_what_it_has_it_declares(name):
    platform = (await connected(name)).platform
    for capability, protocol in BEHIND.items():
        wanted = [
            method
            for method, _ in inspect.getmembers(protocol, inspect.isfunction)
            if not method.startswith("_")
        ]
        has = all(hasattr(platform, method) for method in wanted)
        assert has == (capability in platform.capabilities), capability
        for method in wanted if has else ():
            asked = inspect.signature(getattr(protocol, method)).parameters
            taken = inspect.signature(getattr(platform, method)).parameters
            assert list(taken) == list(asked)[1:], method
    await platform.aclose()


@pytest.mark.parametrize("name", FOLDERS)
async def test_a_delivery_that_is_not_signed_is_refused(name):
    built = await connected(name)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"x-gitlab-token": ""}):
        with pytest.raises(BadSignature) as refused:
            built.reader.verify(headers, b"{}")
        assert SECRET not in str(refused.value)
    await built.platform.aclose()


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 3000])
async def test_a_verified_body_that_is_no_delivery_is_malformed_not_a_crash(name, body):
    built = await connected(name)
    events = {"x-github-event": "workflow_run", "x-gitlab-event": "Pipeline Hook"}
    with pytest.raises(MalformedDelivery):
        built.reader.parse(events, body)
    await built.platform.aclose()


@pytest.mark.parametrize("name", FOLDERS)
def test_reading_a_webhook_does_no_input_or_output(name):
    tree = ast.parse((ROOT / name / "webhook.py").read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {(node.module or "").split(".")[0] for node in ast.walk(tree)
         if isinstance(node, ast.ImportFrom)}  # fmt: skip
    assert not imported & {"httpx", "requests", "github", "gitlab", "socket", "asyncio"}
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree))
