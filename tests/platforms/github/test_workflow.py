"""What speaks against dispatching a workflow with another runner: each condition by a table."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.platforms.github.workflow import (
    MAX_BYTES,
    OF_RUN,
    OF_WORKFLOW,
    Asked,
    against_run,
    against_workflow,
    parse,
)

RUN = Run(
    "github", "acme/shop", "1", 2, "completed", "failure", "CI", "main", "c0ffee", "c0ffee",
    trigger="push", jobs=(Job("1", "tests", "failure"), Job("2", "lint", "success")),
)  # fmt: skip
GOOD = """
name: CI
run-name: ${{ github.event_name }}
on:
  push: {branches: [main]}
  workflow_dispatch:
    inputs:
      runner: {type: choice, options: [ubuntu-latest, spare], default: ubuntu-latest}
concurrency: {group: "${{ github.event.pull_request.number || github.ref }}"}
env: {RUNNER: "${{ github.event.inputs.runner }}"}
jobs:
  tests:
    if: github.ref == 'refs/heads/main' && !cancelled()
    runs-on: ${{ github.event_name == 'workflow_dispatch' && inputs.runner || 'ubuntu-latest' }}
    steps:
      - uses: actions/checkout@v4
      - name: Build
        if: success()
        run: make
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: make lint
        env: {BY: "${{ github.actor }}"}
"""
INPUT = "runner: {type: choice, options: [ubuntu-latest, spare], default: ubuntu-latest}"
ON = GOOD[GOOD.index("on:") : GOOD.index("concurrency")]
USES = "${{ github.event_name == 'workflow_dispatch' && inputs.runner || 'ubuntu-latest' }}"


def asked(text: str, run: Run = RUN, **more: object) -> Asked:
    workflow = parse(text.encode())
    assert not isinstance(workflow, str), workflow
    values = {"input": "runner", "label": "spare", "is_protected": lambda name: "deploy" in name}
    return Asked(run, workflow, **(values | more))


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("of_request", {"request": ChangeRequest(7)}),
        ("trigger", {"trigger": "pull_request"}),
        ("trigger", {"trigger": "release"}),
        ("trigger", {"trigger": None}),
        ("newest", {"head_sha": "beef"}),
        ("newest", {"head_sha": ""}),
        ("newest", {"head_sha": None}),
        ("newest", {"branch": None}),
        ("newest", {"commit": None, "head_sha": None}),
        ("skipped", {"jobs": (*RUN.jobs, Job("3", "later", "skipped"))}),
    ],
)
def test_each_condition_of_a_run(check, changes):
    run = replace(RUN, **changes)
    assert [item.__name__ for item in OF_RUN if item(run)] == [check]
    assert against_run(run).endswith(".")


@pytest.mark.parametrize("trigger", ["push", "schedule", "workflow_dispatch"])
def test_a_run_that_can_be_made_up_for(trigger):
    assert against_run(replace(RUN, trigger=trigger)) is None


def test_a_job_that_only_its_matrix_calls_a_deploy_is_protected():
    run = replace(RUN, jobs=(*RUN.jobs, Job("3", "deploy", "success")))
    matrix = GOOD.replace("  lint:\n", "  each:\n    name: ${{ matrix.what }}\n")
    assert against_workflow(asked(matrix)) is None
    assert "'deploy'" in against_workflow(asked(matrix, run))


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        ("takes_input", ON, "on: push\n"),
        ("takes_input", ON, "on: [push, schedule]\n"),
        ("takes_input", ON, "on: {push: {}}\n"),
        ("takes_input", ON, "on: workflow_dispatch\n"),
        ("takes_input", ON, "on: [push, workflow_dispatch]\n"),
        ("takes_input", ON, "on: {workflow_dispatch: }\n"),
        ("takes_input", ON, "on: {workflow_dispatch: {inputs: [runner]}}\n"),
        ("takes_input", INPUT, "runner: {type: choice, options: [ubuntu-latest]}"),
        ("takes_input", INPUT, "runner: {type: choice, options: spare}"),
        ("takes_input", INPUT, "runner: {type: boolean}"),
        ("takes_input", INPUT, "runner: {type: environment}"),
        ("takes_input", ON, "on: 7\n"),
        ("other_inputs", INPUT, INPUT + "\n      level: {required: true}"),
        ("other_inputs", INPUT, INPUT + "\n      push: {type: boolean, default: true}"),
        ("used", USES, "ubuntu-latest"),
        ("used", USES, "${{ inputs.runners }}"),
        ("used", USES, "${{ inputs.runner-2 }}"),
        ("environments", "  lint:\n", "  lint:\n    environment: staging\n"),
        ("unread", "  lint:\n", "  lint:\n    uses: ./.github/workflows/lint.yml\n"),
        ("unread", "actions/checkout@v4", "./.github/actions/build"),
        ("protected", "name: Build", "name: deploy it"),
        ("protected", "  lint:\n", "  deploy-docs:\n"),
        ("protected", "  lint:\n", "  lint:\n    name: deploy ${{ matrix.where }}\n"),
        ("protected", "name: CI", "name: CI and deploy"),
        ("conditions", "if: success()", "if: inputs.runner != ''"),
        ("conditions", "if: success()", "if: github.actor == 'ann'"),
        ("conditions", "if: success()", "if: ${{ env.triggering_actor }}"),
        ("conditions", "if: success()", "if: github.run_attempt == 1"),
        ("scripts", "run: make lint", "run: test $GITHUB_EVENT_NAME = push || make push"),
        ("scripts", "run: make lint", "run: jq .inputs $GITHUB_EVENT_PATH"),
        ("scripts", "run: make lint", "run: echo ${{ toJSON(github) }}"),
        ("scripts", "run: make lint", "run: echo ${{ github['event_name'] }}"),
        ("scripts", "run: make lint", "run: echo ${{ github.event.inputs.runner-2 }}"),
        ("scripts", 'RUNNER: "${{ github.event.inputs.runner }}"', "EVENT: '${{ github.event }}'"),
    ],
)
def test_each_condition_of_a_workflow(check, old, new):
    assert old in GOOD
    found = asked(GOOD.replace(old, new))
    assert against_workflow(found).endswith(".")
    assert next(item.__name__ for item in OF_WORKFLOW if item(found)) == check
    assert against_workflow(asked(GOOD)) is None


@pytest.mark.parametrize(
    "condition",
    [
        "github.event_name == 'push'",
        "${{ GitHub.Event_Name != 'workflow_dispatch' }}",
        "github.event.head_commit.message != 'x'",
        "github['event'].ref",
    ],
)
@pytest.mark.parametrize("place", ["if: success()", "if: github.ref == 'refs/heads/main' && "])
def test_a_condition_on_the_event_speaks_against_it(condition, place):
    text = GOOD.replace(place, place.split()[0] + f' "{condition}" # ')
    assert "tells a dispatched run" in against_workflow(asked(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (INPUT, "runner:"),
        (INPUT, "runner: {type: string, required: true}"),
        (INPUT, "runner: {required: true, default: ubuntu-latest}"),
        (USES, "[self-hosted, '${{ inputs.runner }}']"),
        (USES, "{group: big, labels: '${{ github.event.inputs.runner }}'}"),
        (USES, "${{ Inputs.Runner }}"),
    ],
)
def test_what_is_no_reason_against_it(old, new):
    assert old in GOOD
    assert against_workflow(asked(GOOD.replace(old, new))) is None


def test_an_input_with_a_hyphen():
    text = GOOD.replace("runner:", "the-runner:").replace("inputs.runner", "inputs.the-runner")
    assert against_workflow(asked(text, input="the-runner")) is None
    assert "no input 'runner'" in against_workflow(asked(text))


def test_the_runs_own_name_of_its_workflow_is_looked_at_too():
    assert "deploy" in against_workflow(asked(GOOD, replace(RUN, workflow="deploy")))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\xff\xfe",
        b"\x00",
        b"[1, 2]",
        b"jobs: 7",
        b"jobs: {a: 7}",
        b"jobs: {a: [7]}",
        b"on: push",
        b"{" * 5000,
        b"a: [",
        b"a: *b",
        b"a: !!python/object/apply:os.system [ls]\njobs: 1",
        b"jobs: {a: {}}\njobs: {b: {}}",
        b"a: " + b"9" * 5000,
        BOMB.encode(),
        b"#" * (MAX_BYTES + 1),
    ],
)
def test_a_file_that_nobody_can_judge_is_refused_in_a_sentence(raw):
    found = parse(raw)
    assert isinstance(found, str)
    assert found.startswith("The workflow's file")
    assert found.endswith(".")


WORDS = (
    *("on", "jobs", "workflow_dispatch", "inputs", "runner", "type", "choice", "options", "spare"),
    *("runs-on", "steps", "uses", "./x", "if", "env", "name", "deploy", "environment", "defaults"),
    *("${{ inputs.runner }}", "github.event_name == 'push'"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_whatever_a_workflow_holds_every_condition_has_an_answer(on, job, more):
    workflow = {"on": {"workflow_dispatch": on}, "env": more, "name": more, "jobs": {"a": job}}
    for inputs in (on, {"inputs": on}, {"inputs": {"runner": on}}):
        workflow["on"]["workflow_dispatch"] = inputs
        found = parse(json.dumps(workflow).encode())
        if isinstance(found, str):
            continue
        question = Asked(RUN, found, "runner", "spare", lambda name: "deploy" in name)
        for check in OF_WORKFLOW:
            assert str(check(question) or ".").endswith(".")
