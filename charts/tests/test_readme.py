"""The commands of the chart's README make Secrets in which its pods find all they look for.

kubectl makes its objects itself, without a cluster; helm's words are read by Helm's own engine.
"""

import json
import re
import shlex
import shutil
import subprocess
from functools import reduce
from typing import Any

import helm_python as helm
import pytest

from rendering import CHART, merged, pods

README = CHART / "README.md"  # charts/pipeline-guard/README.md


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """The words of each command, as the shell gives them; its $(…) are run."""
    (block,) = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    told = "".join(
        f"{name}() {{ printf '{name} %s\\n' \"${{*@Q}}\"; }}\n" for name in ("kubectl", "helm")
    )
    done = subprocess.run(
        ["bash", "-euc", told + block], check=True, capture_output=True, text=True
    )
    return [shlex.split(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def secrets(commands: list[list[str]]) -> dict[str, set[str]]:
    """The keys of each Secret that the block makes."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl on this machine: Debian's kubernetes-client")
    made = {}
    for words in commands:
        if words[0] == "kubectl":
            done = subprocess.run(
                [*words, "--dry-run=client", "--output=json"],
                env={"PATH": "/usr/bin:/bin", "HOME": "/"}, check=True, capture_output=True,
            )  # fmt: skip
            found = json.loads(done.stdout)
            assert found["kind"] == "Secret"
            made[found["metadata"]["name"]] = set(found["data"])
    return made


def looked_for(value: Any, *, must: bool) -> set[tuple[str, str]]:
    """Every name and key of a Secret that a pod asks for; only those it `must` find, or all."""
    found = set()
    if isinstance(value, dict):
        asked = value.get("secretKeyRef")
        if asked and not (must and asked.get("optional")):
            found.add((asked["name"], asked["key"]))
        value = list(value.values())
    if isinstance(value, list):
        found.update(*(looked_for(item, must=must) for item in value))
    return found


def test_what_is_installed_finds_every_secret_that_the_block_makes(render, commands, secrets):
    (words,) = [words for words in commands if words[0] == "helm"]
    assert words[1:4] == ["install", "guard", "charts/pipeline-guard"]
    assert set(words[4::2]) == {"--set"}
    values = reduce(merged, map(helm.parse_set_string, words[5::2]))
    templates = pods(render(values, required=False))
    assert len(templates) == 3
    made = {(name, key) for name, keys in secrets.items() for key in keys}
    every = list(templates.values())
    assert looked_for(every, must=True) <= made <= looked_for(every, must=False)
    for template in templates.values():
        for container in template["spec"]["containers"]:
            assert container["image"].startswith("registry.example.org/pipeline-guard:")
