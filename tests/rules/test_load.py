"""Loading: exact places for every mistake, and a user's word over the built-in one."""

import errno
import os
from datetime import date
from pathlib import Path

import pytest

from pipeline_guard.errors import ConfigError
from pipeline_guard.rules.load import load_rules
from pipeline_guard.rules.selftest import run_tests
from pipeline_guard.rules.watch import RuleWatcher

GOOD = """\
rules:
  - id: {id}
    category: crash
    patterns: {{any: ['{pattern}']}}
    tests: {{match: ['it broke badly']}}
"""
DOCUMENT = Path(__file__).parents[2] / "docs" / "writing-rules.md"


def write(folder: Path, text: str, name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def problems(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_rules([folder], builtin=False)
    return str(caught.value).splitlines()


def test_the_example_in_the_documentation_loads_and_passes_its_tests(tmp_path: Path) -> None:
    example = DOCUMENT.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    write(tmp_path, example)
    (rule,) = load_rules([tmp_path], builtin=False).rules
    assert run_tests([rule]) == []
    assert rule.expires == date(2099, 12, 31)
    assert rule.told({"artifact": "web.tar"}) == (
        "The store was busy while web.tar was uploaded. Re-run."
    )


def test_a_misspelt_key_is_named_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.format(id="a-b", pattern="broke").replace("category", "categry"))
    found = problems(tmp_path)
    assert f"{path}:3:5: rules.0.categry: there is no such key: did you mean 'category'?" in found


def test_a_misspelt_category_says_what_was_meant(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke").replace("crash", "network_transiet"))
    (found,) = problems(tmp_path)
    assert ":3:5: " in found
    assert found.endswith("did you mean 'network_transient'?")


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="A B", pattern="(?=x)broke"))
    write(tmp_path, "rules: [\n", "syntax.yaml")
    found = problems(tmp_path)
    assert len(found) == 3
    assert any("lookahead" in line for line in found)
    assert any("syntax.yaml:" in line and "not YAML" in line for line in found)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=x)y", "a lookahead"),
        ("(?!x)y", "a negative lookahead"),
        ("(?<=x)y", "a lookbehind"),
        ("(?<!x)y", "a negative lookbehind"),
        (r"(a)\1", "a backreference"),
        ("(?>ab)c", "an atomic group"),
        ("ab++c", "a possessive quantifier"),
        ("broke.*", "leave out the .*"),
        (".*broke", "leave out the .*"),
        ("a*", "matches an empty line"),
        ("(broke", "cannot be read"),
        ("((broke){1,99}){1,99}", "cannot be read"),
    ],
)
def test_what_re2_refuses_is_named(tmp_path: Path, pattern: str, said: str) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern=pattern))
    (found,) = problems(tmp_path)
    assert said in found
    assert ":4:" in found


def test_an_id_used_twice_is_refused_and_a_key_written_twice_too(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke"), "a.yaml")
    write(tmp_path, GOOD.format(id="a-b", pattern="broke"), "b.yaml")
    (found,) = problems(tmp_path)
    assert "b.yaml:2:5: id 'a-b' is taken by" in found
    text = GOOD.format(id="c-d", pattern="broke") + "    category: crash\n"
    write(tmp_path, text, "b.yaml")
    assert "written twice" in problems(tmp_path)[0]


def test_a_users_rule_replaces_the_built_in_one_and_stands_first(tmp_path: Path) -> None:
    shipped = load_rules()
    write(tmp_path, GOOD.format(id="net-dns-curl", pattern="broke"))
    rules = load_rules([tmp_path])
    assert len(rules.rules) == len(shipped.rules)
    assert rules.rules[0].id == "net-dns-curl"
    assert rules.rules[0].category == "crash"
    assert rules.origins["net-dns-curl"].startswith(str(tmp_path))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such directory"):
        load_rules([tmp_path / "gone"])


def test_advice_may_only_use_captures(tmp_path: Path) -> None:
    text = GOOD.format(id="a-b", pattern="broke") + "    advice: 'see {what}'\n"
    write(tmp_path, text)
    assert "captures does not list" in problems(tmp_path)[0]


def test_changed_files_are_read_again_and_an_invalid_set_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke"))
    told: list[str] = []
    watcher = RuleWatcher([tmp_path], builtin=False, on_problem=told.append)
    first = watcher.current()
    assert watcher.current() is first
    write(tmp_path, GOOD.format(id="c-d", pattern="(?=never)"))
    assert watcher.current() is first
    assert watcher.problem is not None
    assert "lookahead" in watcher.problem
    assert watcher.current() is first
    assert len(told) == 1
    write(tmp_path, GOOD.format(id="c-d-e", pattern="broke badly"))
    assert [rule.id for rule in watcher.current().rules] == ["c-d-e"]
    assert watcher.problem is None


def test_a_folder_that_cannot_be_looked_into_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, GOOD.format(id="a-b", pattern="broke"))
    watcher = RuleWatcher([tmp_path], builtin=False)
    first = watcher.current()
    look = os.scandir

    def refused(path: str) -> object:
        if str(path) == str(inner):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert problems(tmp_path) == [f"{inner}:1:1: cannot be read: Permission denied"]
    assert watcher.current() is first
    assert watcher.problem is not None
    monkeypatch.undo()
    assert [rule.id for rule in watcher.current().rules] == ["a-b"]
    assert watcher.problem is None


def test_a_folder_whose_parent_is_closed_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke"))
    watcher = RuleWatcher([tmp_path], builtin=False)
    first = watcher.current()

    def refused(path: Path, **_: object) -> object:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "stat", refused)
    assert watcher.current() is first
    assert watcher.problem == f"{tmp_path}:1:1: cannot be read: Permission denied"


def test_the_files_of_a_mounted_config_map_are_read_once(tmp_path: Path) -> None:
    hidden = tmp_path / "..2026_01_02"
    hidden.mkdir()
    write(hidden, GOOD.format(id="a-b", pattern="broke"))
    (tmp_path / "..data").symlink_to(hidden.name)
    (tmp_path / "own.yaml").symlink_to("..data/own.yaml")
    (rule,) = load_rules([tmp_path], builtin=False).rules
    assert rule.id == "a-b"


def test_a_file_whose_ending_is_in_capitals_is_a_rule_file(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke"), "OWN.YAML")
    assert len(load_rules([tmp_path], builtin=False).rules) == 1


def test_what_is_not_utf_8_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes("rules: []\n# café\n".encode("latin-1"))
    assert problems(tmp_path) == [f"{tmp_path}/own.yaml:2:6: this is not UTF-8"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: the file: it is empty: it needs `rules:`"),
        ("# nothing yet\n", "1:1: the file: it is empty: it needs `rules:`"),
        ("rules:\n", "1:1: rules: a list is needed here, not nothing"),
        ("- a\n", "1:1: the file: keys and values are needed here, not a list"),
        ("rules: [a]\n", "1:9: rules.0: keys and values are needed here, not the single value 'a'"),
        ("rules: []\n# \a\n", "2:3: not YAML: control characters are not allowed"),
        ("rules: []\n? [a, b]\n: c\n", "2:3: a key must be a word, not a list or more keys"),
    ],
)
def test_a_wrong_shape_is_told_in_the_words_of_yaml(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    assert problems(tmp_path) == [f"{path}:{told}"]


def test_a_single_pattern_where_a_list_belongs_is_told(tmp_path: Path) -> None:
    write(tmp_path, GOOD.format(id="a-b", pattern="broke").replace("['broke']", "broke"))
    (found,) = problems(tmp_path)
    assert found.endswith(
        "rules.0.patterns.any: a list is needed here, not the single value 'broke'"
    )
