"""Masks the secrets that a text gives away by itself: by their shape, or a name beside them."""

import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import re2

from pipeline_guard.redaction.kinds import (
    BLOCK,
    FLAG,
    GUESSES,
    LISTED,
    NAMED,
    PAIR,
    PLACES,
    TELLING_NAME,
    TOKEN,
    bare,
    is_placeholder,
    is_secret,
    mixed,
    random_looking,
)

MASK: Final = "[redacted]"

KEY_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_LISTED: Final = re.compile(r"([;&]([\w.-]{2,60})=)([^;&\s]+)")


class Known:
    """Masks all known kinds of secrets; `count` is how many were masked so far."""

    def __init__(self) -> None:
        self.count = 0
        self._token = re2.compile(TOKEN)
        self._named = re2.compile(NAMED)
        self._pairs = tuple(re2.compile(pair) for pair in (PAIR, FLAG, LISTED, BLOCK))
        self._places = tuple(re2.compile(place) for place in PLACES)
        self._guesses = tuple(re2.compile(guess) for guess in GUESSES)

    def redact(self, text: str) -> str:
        """Give `text` (one line or several, newlines between) with every secret masked."""
        text = self._sub(self._token, lambda match: MASK, text)
        if self._named.search(text):
            text = self._mask_named(text)
        return self._mask_base64(text)

    def _mask_named(self, text: str) -> str:
        for place in self._places:
            text = self._sub(place, _masked_place, text)
        for guess in self._guesses:
            text = self._sub(guess, _masked_guess, text)
        for pair in self._pairs:
            text = self._sub(pair, _masked_pair, text)
        return text

    def _sub(self, pattern: Any, masked: Callable[[Any], str], text: str) -> str:
        def replace(match: Any) -> str:
            new = masked(match)
            self.count += new != match[0]
            return new

        return str(pattern.sub(replace, text))

    def _mask_base64(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            run = match[0]
            if not self._hides_token(run):
                return run
            self.count += 1
            return MASK

        return _BASE64.sub(replace, text)

    def _hides_token(self, run: str) -> bool:
        if run.islower() or run.isupper() or not any(map(str.isdigit, run)):
            return False
        standard = run.rstrip("=").replace("-", "+").replace("_", "/")
        for text in _decoded(standard):
            if self._token.search(text) or KEY_BEGIN.search(text):
                return True
            if self._named.search(text) and self._names_secret(text):
                return True
        return False

    def _names_secret(self, text: str) -> bool:
        before = self.count
        named = self._mask_named(text) != text
        self.count = before
        return named


def _masked_place(match: Any) -> str:
    before, value = match[1], match[2]
    if is_placeholder(value) or value == MASK:
        return str(match[0])
    if before.rstrip().lower() in ("basic", "bearer") and not random_looking(value, 16):
        return str(match[0])  # prose: "basic authentication/authorization"
    if before.endswith("//") and not random_looking(value, 20):
        return str(match[0])
    return f"{before}{MASK}{match[0][len(before) + len(value) :]}"


def _masked_guess(match: Any) -> str:
    before, value = match[1], match[2]
    if not mixed(value.rstrip(".,;:)")):
        return str(match[0])
    return f"{before}{MASK}{match[0][len(before) + len(value) :]}"


def _masked_pair(match: Any) -> str:
    before, name, value = match[1], match[2], match[3]
    inner = bare(value)
    bare_colon = before[-1:] == ":" and before[-2:-1] not in ('"', "'")  # in JSON it is plain
    if MASK in value or (bare_colon and not TELLING_NAME.search(name)):
        return str(match[0])
    if is_secret(name, inner, attached=_attached(before, value)):
        return f"{before}{value.replace(inner, MASK, 1)}"
    return str(before) + _LISTED.sub(_masked_listed, value)  # a=b;token=c, a=b&token=c


def _masked_listed(match: re.Match[str]) -> str:
    before, name, value = match[1], match[2], match[3]
    told = TELLING_NAME.search(name) and is_secret(name, value, attached=True)
    return f"{before}{MASK}" if told else match[0]


def _attached(before: str, value: str) -> bool:
    """An equals sign alone parts name and value, or quotes hold the value."""
    return "=" in before and (not before[-1:].isspace() or value[:1] in ("'", '"'))


def _decoded(run: str) -> Iterator[str]:
    """The readable texts a base64 run may hold, wherever in it the encoding began."""
    for shift in range(4):
        part = run[shift : shift + (len(run) - shift) // 4 * 4]
        rest = run[shift + len(part) :]
        if len(rest) > 1:
            part += rest + "=" * (4 - len(rest))
        try:
            text = binascii.a2b_base64(part)
        except binascii.Error:
            continue
        if text and text.isascii() and text.replace(b"\n", b"").decode().isprintable():
            yield text.decode()
