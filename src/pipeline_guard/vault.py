"""The vault: what must be kept secret in the database is encrypted with a key that is not in it."""

import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import Settings, split_secrets

KEY_FILE: Final = "secret.key"


class Vault:
    """Seals with the first of its keys and opens with any, so that keys can be changed.

    AES-128-CBC with HMAC-SHA256, as Fernet specifies.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        # A key is any long random text; Fernet wants 32 bytes of it.
        self._fernet = MultiFernet(
            [
                Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
                for key in keys
            ]
        )

    def seal(self, plain: bytes) -> bytes:
        """The encrypted form."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; raises ConfigError when it was with another key."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise ConfigError(
                "What the database keeps secret was sealed with another key. Give every process"
                f" the same PIPELINE_GUARD_SECRET_KEY, or the same {KEY_FILE} in its DATA_DIR"
            ) from None


def vault_from(settings: Settings) -> Vault:
    """The vault with SECRET_KEY, else with a key file below DATA_DIR, made when there is none.

    Raises ConfigError when the file cannot be read or written.
    """
    keys = split_secrets(settings.secret_key)
    return Vault(keys or (_key_of(settings.data_dir / KEY_FILE),))


def _key_of(path: Path) -> str:
    try:
        if not path.exists():
            _write_key(path)
        path.chmod(0o600)
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The key file {path} cannot be used: {error}") from error
    if not key:
        raise ConfigError(f"The key file {path} is empty. Put its key back, or remove it")
    return key


def _write_key(path: Path) -> None:
    """Make the key appear at once and whole: another process may be at it, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
