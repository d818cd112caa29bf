"""A dependency is bounded where its manifest declares it, and nowhere else."""

import time

import pytest

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.edits.dependency import bound

PYPROJECT = """\
[project]
name = "urllib3"  # a project may be called like one
dependencies = [
    "requests[socks] >=2.0 ; python_version < '3.14'",  # for the API
    'Flask.SQLAlchemy',
]
[project.optional-dependencies]
dev = ["pytest>=8", "pytest-cov"]
[tool.thing]
keep = "pytest>=8 is what we need"
"""
PACKAGE = """\
{
  "name": "shop",
  "scripts": {"test": "jest"},
  "dependencies": {"left-pad": "^1.0.0"},
  "devDependencies": {
    "@types/node": "20.1.0"
  }
}
"""
GO = "module acme/shop\n\ngo 1.22\n\nrequire (\n\texample.org/x v1.2.3 // indirect\n\texample.org/x/y v0.1.0\n)\n"  # noqa: E501
CARGO = """\
[package]
name = "serde"
version = "0.1.0"
[dependencies]
serde = { version = "1.0", features = ["derive"] }
rand = "0.8" # for tests
"""


@pytest.mark.parametrize(
    ("path", "text", "package", "to", "old", "new"),
    [
        ("requirements.txt", "# all\nRequests[socks]>=2 ; python_version<'4'  # api\nflask\n",
         "requests", "<3", "Requests[socks]>=2 ;", "Requests[socks]<3 ;"),
        ("requirements-dev.txt", "flask\n", "Flask", "==3.0.1", "flask", "flask==3.0.1"),
        ("ci/constraints.txt", "a_b==1\r\nc\r\n", "a-b", "~=2.0", "a_b==1", "a_b~=2.0"),
        ("pyproject.toml", PYPROJECT, "requests", ">=2,<3", "[socks] >=2.0 ;", "[socks]>=2,<3 ;"),
        ("pyproject.toml", PYPROJECT, "flask-sqlalchemy", "<4", "'Flask.SQLAlchemy'",
         "'Flask.SQLAlchemy<4'"),
        ("pyproject.toml", PYPROJECT, "pytest-cov", "<7", '"pytest-cov"', '"pytest-cov<7"'),
        ("package.json", PACKAGE, "left-pad", "1.0.0", '"^1.0.0"', '"1.0.0"'),
        ("web/package.json", PACKAGE, "@types/node", "^22.0.0", '"20.1.0"', '"^22.0.0"'),
        ("go.mod", GO, "example.org/x", "v1.2.4", "x v1.2.3 //", "x v1.2.4 //"),
        ("Cargo.toml", CARGO, "serde", "=1.0.200", 'version = "1.0"', 'version = "=1.0.200"'),
        ("Cargo.toml", CARGO, "rand", "0.9", 'rand = "0.8" #', 'rand = "0.9" #'),
    ],
)  # fmt: skip
def test_one_constraint_changes_and_nothing_else(path, text, package, to, old, new):
    assert text.count(old) == 1
    assert bound(path, text, {"package": package, "to": to}) == text.replace(old, new)


@pytest.mark.parametrize(
    ("path", "text", "package", "to"),
    [
        ("requirements.txt", "flask\n", "requests", "<3"),
        ("requirements.txt", "flask\nflask>1\n", "flask", "<3"),
        ("requirements.txt", "flask==1 \\\n  --hash=sha256:aa\n", "flask", "<3"),
        ("requirements.txt", "flask @ https://host.example/f.whl\n", "flasky", "<3"),
        ("requirements.txt", "flask<3\n", "flask", "<3"),
        ("pyproject.toml", PYPROJECT, "urllib3", "<3"),
        ("pyproject.toml", "[project\n", "requests", "<3"),
        ("package.json", PACKAGE, "test", "1.0.0"),
        ("package.json", PACKAGE, "jest", "1.0.0"),
        ("package.json", "{", "left-pad", "1.0.0"),
        ("go.mod", GO, "example.org", "v1.0.0"),
        ("Cargo.toml", CARGO, "name", "1.0"),
        ("setup.py", "flask", "flask", "<3"),
    ],
)
def test_what_is_not_declared_once_there_is_refused(path, text, package, to):
    with pytest.raises(Unfit):
        bound(path, text, {"package": package, "to": to})


HOSTILE = [
    ("flask\nevil", "<3"),
    ("flask --index-url", "<3"),
    ("flask; import os", "<3"),
    ("../flask", "<3"),
    ("", "<3"),
    ("-r", "<3"),
    ("flask", "<3\nevil"),
    ("flask", "<3 --index-url https://host.example"),
    ("flask", '<3", "evil'),
    ("flask", "@ https://host.example/x.whl"),
    ("flask", "git+https://host.example"),
    ("flask", ""),
]


@pytest.mark.parametrize(("package", "to"), HOSTILE)
@pytest.mark.parametrize("path", ["requirements.txt", "pyproject.toml", "package.json", "go.mod"])
def test_hostile_names_and_constraints_are_refused_everywhere(path, package, to):
    project = '[project]\ndependencies = ["flask"]\n'
    texts = {"requirements.txt": "flask\n", "pyproject.toml": project,
             "package.json": '{"dependencies": {"flask": "1.0.0"}}', "go.mod": GO}  # fmt: skip
    with pytest.raises(Unfit):
        bound(path, texts[path], {"package": package, "to": to})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "flask" + " " * 400_000 + "x\n"),
        ("Cargo.toml", "\n" * 400_000 + "x"),
        ("pyproject.toml", "'a=" * 100_000),
        ("package.json", '"flask"' + " " * 400_000),
        ("go.mod", " \t" * 200_000),
    ],
)
def test_a_hostile_file_costs_no_more_than_reading_it(path, text):
    to = "v1.0.0" if path == "go.mod" else "<2" if path[0] in "rp" and "j" not in path else "1.0"
    to = "<2" if path == "pyproject.toml" else to
    start = time.process_time()
    with pytest.raises(Unfit):
        bound(path, text, {"package": "flask", "to": to})
    assert time.process_time() - start < 2.0
