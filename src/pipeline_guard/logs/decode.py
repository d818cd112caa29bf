"""Tells what a log's bytes are: UTF-8, UTF-16 with or without its mark, Buildbot's, or no text."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from pipeline_guard.errors import LogError

_LOOK: Final = 4096
"""Bytes at the start, in the middle and at the end of the first block that are looked at."""
_LEAST: Final = 32
"""Fewer bytes than this say nothing about what they are."""
_PACKED: Final = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
)
_CONTROLS: Final = bytes({*range(1, 32), 127} - set(b"\t\n\r\x1b\b\f\a"))
_FLAGGED_LINES: Final = 6
_FLAG: Final = re.compile(rb"\n[oeh]")
_WIDE_SHARE: Final = 0.12
"""Of every second byte, how many are NUL in UTF-16 at least: all in Latin scripts, elsewhere those
of spaces, digits and line ends."""
_BEGINNING: Final = 64
"""A log that is UTF-16 from its start has a NUL in so many bytes."""
_FEW: Final = 16
"""So many NULs in a block mean nothing."""


def as_text(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Give the bytes as UTF-8, and without the flag that Buildbot puts before each line.

    What is neither valid nor UTF-16 comes as it is. Raises LogError for what is no text at all.
    """
    first = next(blocks, b"")
    for magic, name in _PACKED:
        if first.startswith(magic):
            raise LogError(f"this is packed with {name}; plain text, gzip and zip can be read")
    encoding = _utf16(first)
    if encoding is not None:
        yield from _decoded(first, blocks, encoding)
        return
    if _is_binary(first):
        raise LogError("this is no text: it looks like a program's binary data")
    first = first.removeprefix(codecs.BOM_UTF8)
    yield from (_unflagged if _has_flags(first) else _narrowed)(first, blocks)


def _utf16(data: bytes) -> str | None:
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    head = data[:_LOOK]
    even, odd = head[::2].count(0), head[1::2].count(0)
    most = _WIDE_SHARE * len(head) / 2
    if len(head) < _LEAST or 0 not in head[:_BEGINNING] or max(even, odd) < most:
        return None
    if min(even, odd) > max(even, odd) / 2:
        return None  # zeros that fill a gap: in text, one half of the bytes has next to none
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return None if _controls(head.decode(encoding, "replace").encode()) else encoding


def _decoded(first: bytes, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first).encode("utf-8", "replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _is_binary(data: bytes) -> bool:
    middle = len(data) // 2
    samples = (data[:_LOOK], data[middle : middle + _LOOK], data[-_LOOK:])
    return len(data) >= _LEAST and all(_looks_binary(sample) for sample in samples)


def _looks_binary(sample: bytes) -> bool:
    """Control characters, and beside them NULs or bytes that are no UTF-8.

    Both, because an old encoding is no UTF-8 either, but has no control characters.
    """
    controls = _controls(sample)
    broken = sample.decode("utf-8", "replace").count("\ufffd") + sample.count(0)
    return controls > 0.01 * len(sample) and controls + broken > 0.15 * len(sample)


def _controls(sample: bytes) -> int:
    return len(sample) - len(sample.translate(None, _CONTROLS))


def _has_flags(data: bytes) -> bool:
    """Tell Buildbot's raw log chunks: each line begins with o, e or h for its stream."""
    lines = data[:_LOOK].split(b"\n")[:-1]
    return (
        len(lines) >= _FLAGGED_LINES
        and all(line[:1] in (b"o", b"e", b"h") for line in lines)
        and len({line[:2] for line in lines}) > 1
    )


def _unflagged(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    ended = True
    for block in _chained(first, blocks):
        start = 1 if ended and block[:1] in (b"o", b"e", b"h") else 0
        ended = block.endswith(b"\n")
        yield _FLAG.sub(b"\n", block[start:])


def _narrowed(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Let bytes pass; where a tool went on in UTF-16 or zeros fill a gap, drop the NULs."""
    for block in _chained(first, blocks):
        wide = b"\0" in block and block.count(0) > max(_FEW, len(block) / 50)
        yield block.replace(b"\0", b"") if wide else block


def _chained(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks
