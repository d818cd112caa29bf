"""Takes secrets out of log text before it is stored, shown, or read by a model."""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, MatchKind

from pipeline_guard.logs.clean import clean_line, strip_ansi
from pipeline_guard.redaction.kinds import bare, is_placeholder, is_secret, random_looking
from pipeline_guard.redaction.known import KEY_BEGIN, MASK, Known

_BUDGET: Final = 1_000_000
"""Telling words looked at while learning; a hostile log could be made of nothing else."""
_LINE_COST: Final = 20
"""What a close look at a line costs of the budget, and at each pair of name and value in it."""
_VALUES_CAP: Final = 500
_BEFORE: Final = 300
_AFTER: Final = 4096
"""Bytes looked at before and after such a word, its line being longer."""
_WRAP: Final = 600
"""Characters of a line that may belong to a secret broken over lines."""

# Few and rare enough for the vector search, which runs at gigabytes a second.
_NEEDLES: Final = tuple(
    b"TOKEN SECRET PASSW PASSPHRASE CREDENTIAL APIKEY _KEY _PASS= _PWD _AUTH= token secret passw "
    b"Token Secret Passw api_key api-key apikey ApiKey apiKey _key AccountKey AccessKey credential "
    b"PRIVATE add-mask issecret=true".split()
)
# What follows such a word when a value follows it.
_TELLING: Final = re.compile(
    rb"[\w.-]{0,64}\\{0,7}[\"']?\]?[ \t]*(?::=|=>|[:=])[ \t]*\\{0,7}[\"']?[^\s*$<{(\"'\\]{6}| KEY"
)
_FLAGGED: Final = re.compile(rb"\s--?[\w-]{0,30}$")
_KEY_END: Final = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_ONE_LINE: Final = re.compile(
    KEY_BEGIN.pattern + r".*?(?:" + _KEY_END.pattern + r"|$)", re.MULTILINE
)
_KEY_LINE: Final = re.compile(
    r"[\s>|+#*'\"]*(?:[A-Za-z0-9+/=]{8,}[\\n'\",+\s]*|[A-Z][\w-]+: .*|=[A-Za-z0-9+/]{4})?$"
)
_KEY_TAIL: Final = re.compile(r"[\s:|>'\"]([A-Za-z0-9+/]{60,}={0,2})$")
_DIGIT: Final = re.compile(r"\d")
_RUN_AFTER: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_TOLD: Final = re.compile(r"(?i)(?:::add-mask::|issecret=true[^\]\n]*\])(\S.{4,200}?)\s*$")
"""A job tells its platform what to mask; whoever reads the log should mask it, too."""
_MIXED: Final = re.compile(r"(?=\S{4})(?=\S*\d)(?=\S*[A-Za-z])|\S{12}")
_REST: Final = re.compile(r"([A-Za-z0-9_.+~/-]+=*)(?:\s|$)")
_RUN: Final = re.compile(r"[A-Za-z0-9_.+/=~-]+")


class Redactor(Known):
    """Learns the secrets a log prints beside their names, then masks them and all known kinds.

    One per log.
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, None] = {}
        self._encoded: dict[str, None] = {}
        self._values_finder = AhoCorasick([])
        self._finder_of = 0
        self._in_key = False
        self._key_prefix = ""
        self._budget = _BUDGET
        self._finder = BytesAhoCorasick(_NEEDLES, matchkind=MatchKind.LeftmostFirst)

    # -- learning

    def observe(self, chunk: bytes) -> None:
        """Learn secret values that this chunk of the raw log prints; chunks come in order."""
        if self._budget <= 0 or len(self._values) >= _VALUES_CAP:
            return
        done = self._learn_key(chunk, 0) if self._in_key else 0
        for _, start, end in self._finder.find_matches_as_indexes(chunk):
            self._budget -= 1
            if start < done or self._budget <= 0:
                continue
            near = max(0, start - _BEFORE)
            begin = max(near, chunk.rfind(b"\n", near, start) + 1)
            if (
                not _TELLING.match(chunk, end)
                and not _FLAGGED.search(chunk, max(begin, start - 40), start)
                and chunk[end : end + 1] != b"]"
            ):
                continue
            done = chunk.find(b"\n", end, end + _AFTER) + 1 or min(end + _AFTER, len(chunk))
            self._budget -= _LINE_COST
            line = clean_line(chunk[begin:done])
            if KEY_BEGIN.search(line) and not _KEY_END.search(line):
                self._key_prefix = _prefix(line, KEY_BEGIN)
                done = self._learn_key(chunk, done)
            else:
                self._learn_pairs(line)

    def _learn_key(self, chunk: bytes, at: int) -> int:
        """Learn a private key's lines from `at` on; give where the key, or the chunk, ends."""
        self._in_key = True
        while at < len(chunk) and len(self._values) < _VALUES_CAP and self._budget > 0:
            self._budget -= _LINE_COST
            end = chunk.find(b"\n", at) + 1 or len(chunk)
            line = clean_line(chunk[at : min(end, at + 200)])
            body = _key_body(line, self._key_prefix)
            if _KEY_END.search(line) or body is None:
                self._in_key = False
                return at
            if len(body) >= 16 and ": " not in body:
                self._values[body] = None
            at = end
        return at

    def _learn_pairs(self, line: str) -> None:
        if (told := _TOLD.search(line)) and not is_placeholder(told[1]):
            self._learn(told[1])
        for pattern in self._pairs:
            for match in pattern.finditer(line):
                self._budget -= _LINE_COST
                _, name, value = match.groups()
                if is_secret(name, bare(value), attached=True) and random_looking(bare(value)):
                    self._learn(bare(value))

    def _learn(self, value: str) -> None:
        if value in self._values or len(self._values) >= _VALUES_CAP:
            return
        self._values[value] = None
        if (quoted := quote(value, safe="")) != value:
            self._values[quoted] = None
        for shifted in _base64_cores(value.encode()):
            self._encoded[shifted] = None

    # -- masking

    def redact(self, text: str) -> str:
        """Give `text` (one line or several, newlines between) with every secret masked."""
        text = strip_ansi(text)
        if "PRIVATE KEY" in text:
            text = self._mask_keys(text)
        for value in self._values:
            if value in text:
                self.count += text.count(value)
                text = text.replace(value, MASK)
        return super().redact(text)

    def redact_lines(self, lines: Iterable[str]) -> list[str]:
        """Redact consecutive lines, with secrets that are broken over several of them."""
        plain = [strip_ansi(line).replace("\n", " ") for line in lines]
        if not plain:
            return []
        for index in range(len(plain) - 1):
            if _may_be_broken(plain[index], plain[index + 1]):
                self._mask_broken(plain, index)
        masked = self.redact("\n".join(plain)).split("\n")
        for index in range(len(masked) - 1):
            if masked[index].endswith(MASK):
                self._mask_rest(masked, index)
        return masked

    def _mask_keys(self, text: str) -> str:
        """Mask private keys, on one line or many, also when only their end is in the text."""
        lines, inside, prefix = text.split("\n"), False, ""
        for index, line in enumerate(lines):
            if KEY_BEGIN.search(line):
                self.count += 1
                inside, prefix = not _KEY_END.search(line), _prefix(line, KEY_BEGIN)
                lines[index] = _KEY_ONE_LINE.sub(MASK, line)
            elif _KEY_END.search(line):
                if not inside:
                    self._mask_before(lines, index)
                inside = False
                lines[index] = MASK
            elif inside and _key_body(line, prefix) is not None:
                lines[index] = MASK
            else:
                inside = False
        return "\n".join(lines)

    def _mask_before(self, lines: list[str], end: int) -> None:
        self.count += 1
        prefix = _prefix(lines[end], _KEY_END)
        for index in range(end - 1, -1, -1):
            if len(_key_body(lines[index], prefix) or "") < 16:
                return
            lines[index] = MASK

    def _mask_base64(self, text: str) -> str:
        for core in self._encoded:
            while (at := text.find(core)) >= 0:
                self.count += 1
                before, after = _run_before(text[:at]), _RUN_AFTER.match(text, at + len(core))
                text = text[: at - before] + MASK + text[after.end() if after else at :]
        return super()._mask_base64(text)

    def _mask_rest(self, lines: list[str], index: int) -> None:
        """A secret cut at the line's end goes on where the next line begins."""
        run = _REST.match(lines[index + 1])
        if run and _MIXED.match(run[0]):
            lines[index + 1] = MASK + lines[index + 1][run.end(1) :]

    def _mask_broken(self, lines: list[str], index: int) -> None:
        parts = [lines[index][-_WRAP:]]
        for line in lines[index + 1 : index + 12]:
            parts.append(line[:_WRAP])
            if not _RUN.fullmatch(line):
                break
        joined, border = "".join(parts), len(parts[0])
        for start, end in self._found(joined):
            if start <= border - 2 and end > border and not self._whole(parts[0], start):
                self.count += 1
                lines[index] = lines[index][: len(lines[index]) - (border - start)] + MASK
                _mask_front(lines, index + 1, end - border)
                return

    def _whole(self, line: str, start: int) -> bool:
        """A token that is complete at the line's end does not go on in the next line."""
        return any(span == (start, len(line)) for span in self._found(line))

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._token.finditer(text):
            yield match.span()
        if self._values:
            for _, start, end in self._learned().find_matches_as_indexes(text, overlapping=True):
                yield start, end

    def _learned(self) -> AhoCorasick:
        """All learned values in one: each border of two lines is searched for them."""
        if self._finder_of != len(self._values):
            self._finder_of = len(self._values)
            self._values_finder = AhoCorasick(self._values)
        return self._values_finder


def _prefix(line: str, mark: re.Pattern[str]) -> str:
    """What a program put before a key's first or last line, as it does before each; no digits."""
    found = mark.search(line)
    return _DIGIT.sub("0", line[: found.start()]) if found else ""


def _key_body(line: str, prefix: str) -> str | None:
    """What of a line belongs to a private key; None when the line does not."""
    rest = line[len(prefix) :] if _DIGIT.sub("0", line[: len(prefix)]) == prefix else line
    if _KEY_LINE.match(rest):
        return rest.strip()
    return run[1] if (run := _KEY_TAIL.search(line)) else None


def _mask_front(lines: list[str], index: int, size: int) -> None:
    while size > 0:
        taken = min(size, len(lines[index]))
        lines[index] = MASK + lines[index][taken:]
        size -= taken
        index += 1


def _may_be_broken(line: str, following: str) -> bool:
    """Words long enough together to be a token meet at the border of two lines."""
    before, after = line[-_WRAP:].rsplit(None, 1)[-1:], following.split(None, 1)[:1]
    return bool(before and after) and len(before[0]) + len(after[0]) >= 20


def _run_before(text: str) -> int:
    """How many characters at the end of `text` belong to a base64 run."""
    found = _RUN_AFTER.match(text[:-_AFTER:-1])
    return found.end() if found else 0


def _base64_cores(value: bytes) -> Iterator[str]:
    """What stays the same of a value's base64 whatever stands before and after it."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value).decode().rstrip("=")
        core = encoded[(0, 2, 3)[shift] : len(encoded) - 1]
        if len(core) >= 8:
            yield core
            yield core.replace("+", "-").replace("/", "_")
