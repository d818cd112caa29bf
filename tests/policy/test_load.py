import pytest

from pipeline_guard.errors import ConfigError
from pipeline_guard.policy.load import MAX_BYTES, Broken, Loaded, check_file, parse
from pipeline_guard.policy.schema import GuardFile, RepositoryFile


def problems(text: str, shape=GuardFile) -> tuple[str, ...]:
    found = parse("guard.yaml", text.encode(), shape)
    assert isinstance(found, Broken)
    return found.problems


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "mode: act\n"])
def test_what_says_little_is_fine(text):
    assert isinstance(parse("guard.yaml", text.encode(), GuardFile), Loaded)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_rerun: 1", "guard.yaml:1:1: max_rerun: there is no such key: did you mean 'max_re"),
        (
            "\nbreadth:\n  max_shar: 1",
            "guard.yaml:3:3: breadth.max_shar: there is no such key: did",
        ),
        ("jobs: {lint: {mod: act}}", "guard.yaml:1:15: jobs.lint.mod: there is no such key: did"),
        ("mode: acting", "'acting' is none of observe, suggest, act: did you mean 'act'?"),
        ("max_reruns: -1", "guard.yaml:1:1: max_reruns: Input should be greater than or equal"),
        ("categories: {never: [crush]}", "did you mean 'crash'?"),
        ("mode: act\nmode: act", "guard.yaml:2:1: the key 'mode' is written twice"),
        ("mode: [", "guard.yaml:1:8: not YAML"),
        ("- mode", "guard.yaml:1:1: the file: keys and values are needed here, not a list"),
        ("maintenance: [{from: 22:00}]", "maintenance.0.to: this key is missing"),
        ("never_rerun: ['']", "never_rerun.0: String should have at least 1 character"),
    ],
)
def test_each_mistake_is_told_with_its_place(text, told):
    assert told in problems(text)[0]


MAIL = "notify: {{us: {{email: {{host: {}, security: {}, from: a@b, to: [c@d]}}}}}}"


@pytest.mark.parametrize(
    ("host", "security"),
    [("localhost", "none"), ("127.0.0.1", "none"), ("mail.acme.example", "starttls")],
)
def test_mail_goes_in_the_open_to_this_very_machine_only(host, security):
    text = MAIL.format(host, security).encode()
    assert isinstance(parse("guard.yaml", text, GuardFile), Loaded)
    assert "on this machine only" in problems(MAIL.format("mail.acme.example", "none"))[0]


@pytest.mark.parametrize(
    "places", ["", "slack: {url_env: A}, webhook: {url_env: A, secret_env: B}"]
)
def test_a_receiver_is_at_one_place(places):
    assert "say exactly one of" in problems(f"notify: {{us: {{{places}}}}}")[0]


def test_all_mistakes_are_told_at_once():
    assert len(problems("mode: no\nmax_rerun: 1\ncool_down: 9999\n")) == 3


@pytest.mark.parametrize("key", ["max_mode", "organisation_budgets", "repositories"])
def test_a_repository_cannot_say_what_is_the_operators(key):
    assert "there is no such key" in problems(f"{key}: {{}}", RepositoryFile)[0]


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 32_000 + b"]" * 32_000,
        b"- " * 30_000,
        b"&a [*a]",
        b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((n + 1,) * 2 + (n,) * 8)
            for n in range(97, 110)
        ),
        b"x" * (MAX_BYTES + 1),
        b"\xff\xfe",
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_and_not_fatal(raw):
    assert isinstance(parse(".pipeline-guard.yml", raw, RepositoryFile), Broken)


def test_a_file_is_checked_as_what_its_name_says(tmp_path):
    own, guard = tmp_path / ".pipeline-guard.yml", tmp_path / "guard.yaml"
    own.write_text("max_mode: act")
    guard.write_text("max_mode: act")
    assert check_file(guard).says.max_mode == "act"
    with pytest.raises(ConfigError, match="no such key"):
        check_file(own)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        check_file(tmp_path / "missing.yaml")
