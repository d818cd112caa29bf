"""The vault opens what it sealed, and nobody else does."""

import pytest

from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import Settings
from pipeline_guard.vault import KEY_FILE, Vault, vault_from


def test_keys_can_be_changed_one_after_the_other():
    old, new = Vault(["old"]), Vault(["new", "old"])
    assert new.open(old.seal(b"pem")) == b"pem"
    assert b"pem" not in old.seal(b"pem")
    with pytest.raises(ConfigError, match="another key"):
        old.open(new.seal(b"pem"))


def test_without_a_key_one_is_made_that_only_we_can_read(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    sealed = vault_from(settings).seal(b"pem")
    path = tmp_path / "data" / KEY_FILE
    path.chmod(0o644)
    assert vault_from(settings).open(sealed) == b"pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == [KEY_FILE]
    path.write_text("")
    with pytest.raises(ConfigError, match="empty"):
        vault_from(settings)


def test_a_given_key_comes_before_the_file(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, secret_key="a, b")
    assert Vault(["b", "a"]).open(vault_from(settings).seal(b"x")) == b"x"
    assert list(tmp_path.iterdir()) == []
