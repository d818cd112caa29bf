"""Which jobs of a run deploy, read from the workflow as people write them."""

import pytest

from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.platforms.github.environments import environments

CI = ".github/workflows/ci.yml"
WORKFLOW = b"""
on: push
jobs:
  test:
    runs-on: ubuntu-latest
  plain:
    environment: production
  named:
    name: Ship it
    environment: {name: prod, url: https://shop.example}
  regions:
    name: roll ${{ matrix.region }}
    environment: ${{ matrix.region }}
    strategy: {matrix: {region: [eu, us]}}
  anything:
    name: ${{ matrix.title }}
    environment: any
  called:
    uses: ./.github/workflows/inner.yml
  elsewhere:
    uses: acme/flows/.github/workflows/x.yml@v1
"""
INNER = b"jobs: {go: {name: Go live, environment: live}, look: {}}"


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("test", None), ("test (3.11, linux)", None), ("plain", "production"),
        ("plain (eu)", "production"), ("Ship it", "prod"), ("named", "any"),
        ("roll eu (x)", "${{ matrix.region }}"), ("called / Go live", "live"),
        ("called / look", None),
    ],
)  # fmt: skip
async def test_a_job_is_known_by_the_names_that_github_gives_it(name, environment):
    found = await environments(run(name), files({CI: WORKFLOW, CI.replace("ci", "inner"): INNER}))
    assert found.get(name) == environment


async def test_of_two_jobs_with_one_name_the_one_that_deploys_counts():
    both = b"jobs: {a: {name: x}, b: {name: x, environment: live}}"
    assert await environments(run("x"), files({CI: both})) == {"x": "live"}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"jobs: 1", b"jobs: {a: 1}", b"\xff\xfe\x00", b"a: " + b"[" * 5000,
        b"jobs: {a: {environment: x, name: " + b"x" * 600_000 + b"}}",
        b"jobs: {a: {environment: }}",
    ],
)  # fmt: skip
async def test_what_is_no_workflow_tells_nothing(raw):
    assert await environments(run("a"), files({CI: raw})) == {}


async def test_workflows_that_call_each_other_end():
    itself = b"jobs: {a: {uses: ./.github/workflows/ci.yml}, b: {environment: x}}"
    assert await environments(run("a / a / b"), files({CI: itself})) == {"a / a / b": "x"}


async def test_a_name_of_many_expressions_takes_no_time():
    title = "a${{ x }}" * 500
    workflow = f"jobs: {{a: {{name: '{title}b', environment: x}}}}".encode()
    assert await environments(run("a" * 5000), files({CI: workflow})) == {}


@pytest.mark.parametrize("path", [None, "dynamic/pages/pages-build-deployment", "../x.yml"])
async def test_what_no_file_of_the_repository_defines_is_not_read(path):
    assert await environments(run("plain", path=path), files({})) == {}


def run(*names: str, path: str | None = f"{CI}@refs/heads/main") -> Run:
    jobs = tuple(Job(name, name, "failure") for name in names)
    return Run("github", "acme/shop", "1", 1, "completed", "failure", "CI", "main", "c0ffee",
               jobs=jobs, hints={"workflow_path": path})  # fmt: skip


def files(there: dict[str, bytes]):
    async def read(path: str) -> bytes | None:
        return there.get(path)

    return read
