import pytest

from pipeline_guard.policy.layers import STRICTER, Setting, Target, _leaves, resolve
from pipeline_guard.policy.load import Broken, Loaded, parse
from pipeline_guard.policy.schema import GuardFile, Keys, RepositoryFile

SHOP = Target("acme/shop", "main", "ci", "unit tests")
MODE = Setting("observe", "PIPELINE_GUARD_MODE")


def guard(text: str) -> Loaded[GuardFile]:
    found = parse("guard.yaml", text.encode(), GuardFile)
    assert isinstance(found, Loaded)
    return found


def own(text: str) -> Loaded[RepositoryFile]:
    found = parse(".pipeline-guard.yml", text.encode(), RepositoryFile)
    assert isinstance(found, Loaded)
    return found


def policy(guard_text: str = "", own_text: str = "", target: Target = SHOP):
    return resolve(guard(guard_text), MODE, own(own_text), target).policy


def test_without_files_the_built_in_values_and_the_environments_mode_count():
    found = resolve(None, Setting("act", "PIPELINE_GUARD_MODE"), None, SHOP)
    assert (found.policy.mode, found.policy.max_reruns) == ("act", 2)
    assert found.origins["mode"] == "PIPELINE_GUARD_MODE"
    assert found.origins["max_reruns"] == "built-in"


LAYERS = """\
mode: suggest
max_reruns: 1
breadth: {max_failed: 6}
jobs:
  unit*: {max_reruns: 5}
branches:
  main: {max_reruns: 4}
repositories:
  "acme/*": {max_reruns: 2, mode: act}
  acme/shop: {max_reruns: 3}
  other/*: {max_reruns: 0}
"""


@pytest.mark.parametrize(
    ("target", "reruns", "mode", "origin"),
    [
        (Target("else/where"), 1, "suggest", "guard.yaml:2:1"),
        (Target("Acme/blog"), 2, "act", "guard.yaml:9:14"),
        (Target("acme/shop", "dev"), 3, "act", "guard.yaml:10:15"),
        (Target("acme/shop", "main", job="lint"), 4, "act", "guard.yaml:7:10"),
        (SHOP, 5, "act", "guard.yaml:5:11"),
        (Target("other/x", "dev", workflow="ci / Unit 3"), 5, "suggest", "guard.yaml:5:11"),
    ],
)
def test_the_later_layer_has_the_say_key_by_key(target, reruns, mode, origin):
    found = resolve(guard(LAYERS), MODE, None, target)
    assert (found.policy.max_reruns, found.policy.mode) == (reruns, mode)
    assert found.policy.breadth.max_failed == 6
    assert found.policy.breadth.max_share == 0.5
    assert found.origins["max_reruns"] == origin


@pytest.mark.parametrize(
    ("key", "operator", "asked", "counts"),
    [
        ("max_reruns", "3", "1", 1),
        ("max_reruns", "1", "3", 1),
        ("max_reruns_per_base", "5", "9", 5),
        ("min_confidence", "0.7", "0.9", 0.9),
        ("min_confidence", "0.7", "0.1", 0.7),
        ("cool_down", "10", "5", 10),
        ("enabled", "true", "false", False),
        ("enabled", "false", "true", False),
        ("never_rerun", "[deploy]", "[migrate]", ("deploy", "migrate")),
        ("never_rerun", "[deploy]", "[]", ("deploy",)),
        ("categories", "{never: [crash]}", "{never: [timeout]}", {"never": ("crash", "timeout")}),
        ("budgets", "{reruns_per_day: 9}", "{minutes_per_day: 5}",
         {"reruns_per_day": 9, "minutes_per_day": 5.0, "money_per_day": None}),
        ("budgets", "{reruns_per_day: 9}", "{reruns_per_day: null}",
         {"reruns_per_day": 9, "minutes_per_day": None, "money_per_day": None}),
        ("forks", "{first_time: false}", "{first_time: true}",
         {"rerun": True, "first_time": False}),
    ],
)  # fmt: skip
def test_a_repository_can_only_be_stricter(key, operator, asked, counts):
    found = policy(f"{key}: {operator}", f"{key}: {asked}").model_dump()
    assert found[key] == counts


def test_what_a_repository_may_not_say_is_told_with_its_place():
    found = resolve(guard("max_reruns: 1"), MODE, own("\nmax_reruns: 3\n"), SHOP)
    assert found.notes == (".pipeline-guard.yml:2:1: max_reruns: only 1 is allowed here.",)
    assert found.origins["max_reruns"] == "guard.yaml:1:1"


def test_a_value_of_both_names_both_origins():
    found = resolve(guard("never_rerun: [a]"), MODE, own("never_rerun: [b]"), SHOP)
    assert found.origins["never_rerun"] == "guard.yaml:1:1 and .pipeline-guard.yml:1:1"
    assert found.notes == ()


def test_within_a_repositorys_own_file_a_job_may_have_more_than_the_rest():
    text = "max_reruns: 1\njobs: {unit*: {max_reruns: 2}}"
    assert policy("max_reruns: 2", text).max_reruns == 2
    assert policy("max_reruns: 2", text, Target("acme/shop", job="lint")).max_reruns == 1


@pytest.mark.parametrize(
    ("operator", "asked", "mode"),
    [
        ("mode: act", "observe", "observe"),
        ("mode: suggest", "act", "suggest"),
        ("", "act", "observe"),
        ("max_mode: act", "act", "act"),
        ("mode: observe\nmax_mode: suggest", "act", "suggest"),
        ("max_mode: act\nbranches: {main: {mode: suggest}}", "act", "suggest"),
        ("repositories: {acme/*: {max_mode: act}}", "act", "act"),
        ("repositories: {other/*: {max_mode: act}}", "act", "observe"),
    ],
)
def test_a_repository_raises_the_mode_no_further_than_the_operator_lets_it(operator, asked, mode):
    assert policy(operator, f"mode: {asked}").mode == mode


@pytest.mark.parametrize(
    ("mode", "left"), [("act", "suggest"), ("suggest", "suggest"), ("observe", "observe")]
)
def test_a_broken_file_of_a_repository_leaves_the_operators_values_and_no_action(mode, left):
    broken = parse(".pipeline-guard.yml", b"max_rerun: 0", RepositoryFile)
    assert isinstance(broken, Broken)
    found = resolve(guard(f"mode: {mode}\nmax_reruns: 1"), MODE, broken, SHOP)
    assert (found.policy.mode, found.policy.max_reruns) == (left, 1)
    assert "max_rerun" in found.notes[0]


BOTH = "other_runner: {input: runner, label: spare}"


@pytest.mark.parametrize(
    ("operator", "asked", "wanted"),
    [
        ("", "", None),
        ("other_runner: {input: runner}", "", None),
        (BOTH, "", ("runner", "spare")),
        ("", BOTH, None),
        ("other_runner: {label: big}", BOTH, None),
        (BOTH, "other_runner: {input: os, label: big}", ("os", "big")),
        (BOTH, "other_runner: {label: big}", ("runner", "big")),
        (BOTH, "other_runner: {input: }", None),
        (BOTH + "\njobs: {unit: {other_runner: {label: }}}", "", None),
        (BOTH + "\njobs: {lint: {other_runner: {label: }}}", "", ("runner", "spare")),
    ],
)
def test_another_runner_takes_the_operators_word_and_the_repositorys_names(operator, asked, wanted):
    found = policy(operator, asked, Target("acme/shop", job="unit"))
    assert found.other_runner.wanted == wanted


def test_the_causes_for_another_runner_only_become_fewer():
    asked = "other_runner: {categories: [disk_full, crash]}"
    assert policy(BOTH, asked).other_runner.categories == ("disk_full",)
    found = resolve(guard(BOTH), MODE, own(asked), SHOP)
    assert found.notes == (
        ".pipeline-guard.yml:1:16: other_runner.categories: only disk_full is allowed here.",
    )
    (note,) = resolve(guard(""), MODE, own("other_runner: {label: big}"), SHOP).notes
    assert note.endswith("other_runner.label: only nothing is allowed here.")


def test_every_key_says_which_of_two_values_is_the_stricter():
    assert {key for key, _ in _leaves(Keys(), said_only=False)} - {"mode"} == set(STRICTER)


def test_every_key_is_documented():
    def described(model) -> None:
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), name
            inner = field.annotation
            if hasattr(inner, "model_fields"):
                described(inner)

    for shape in (GuardFile, RepositoryFile):
        described(shape)
