"""Inflates gzip streams and zip archives block by block, with bombs and damage kept in bounds."""

import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO, Final, cast

from isal import isal_zlib

from pipeline_guard.errors import LogError
from pipeline_guard.redaction.names import masked

BLOCK: Final = 1 << 18
"""Compressed bytes read at a time."""

_DIRECTORY_CAP: Final = 2 * 2**20
"""A zip's directory is read whole by the library; GitHub's are some 130 bytes an entry."""

_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
"""Signature, then the lengths of name and extra field (PKWARE's APPNOTE, section 4.3.7)."""

_WHOLE_HEADER: Final = struct.Struct("<4s2xHH4xLL4xHH")
"""The same with flags, method, checksum and packed size."""
_FILE: Final = b"PK\x03\x04"
_MARK: Final = re.compile(rb"PK(?:\x03\x04|\x01\x02)")
_TO_THE_END: Final = 1 << 40
_UNTOLD: Final = -1

_Damaged = cast("type[Exception]", isal_zlib.error)  # its stub says it is an instance
Note = Callable[[str], None]


class Inflater:
    """Inflates one deflate stream; `read` and `given` are the bytes in and out so far."""

    def __init__(self, note: Note, label: str, output_size: int) -> None:
        self.read = 0
        self.given = 0
        self._note = note
        self._label = label
        self._size = output_size

    def raw(self, blocks: Iterator[bytes], crc: int) -> Iterator[bytes]:
        """Inflate a zip entry's bytes and check them against its checksum."""
        engine, seen = isal_zlib.decompressobj(-15), 0
        try:
            for block in blocks:
                for data in self._inflate(engine, block):
                    seen = isal_zlib.crc32(data, seen)
                    yield data
                if engine.eof:
                    break
        except _Damaged:
            self._note(f"{self._label} is damaged; what could be read of it was read")
            return
        if not engine.eof or crc not in (seen, _UNTOLD):
            self._note(f"{self._label} is cut short or damaged; what could be read was read")

    def gzip(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Inflate a gzip stream of one or more members; raises LogError when nothing is gzip."""
        engine = isal_zlib.decompressobj(31)
        try:
            for block in blocks:
                rest = block
                while rest:
                    if engine.eof:
                        engine = isal_zlib.decompressobj(31)
                    yield from self._inflate(engine, rest)
                    rest = engine.unused_data.lstrip(b"\0") if engine.eof else b""
        except _Damaged as error:
            if not self.given:
                raise LogError(f"{self._label} is not readable gzip: {error}") from error
            self._note(f"{self._label} is damaged; what could be read of it was read")
            return
        if not self.given and not engine.eof:
            raise LogError(f"{self._label} ends before its first line")
        if not engine.eof:
            self._note(f"{self._label} is cut short; what could be read of it was read")

    def _inflate(self, engine: "isal_zlib.Decompress", block: bytes) -> Iterator[bytes]:
        before, rest, full = self.read, block, True
        while (rest or full) and not engine.eof:  # a full answer may have more behind it
            data = engine.decompress(rest, self._size)
            rest, full = engine.unconsumed_tail, len(data) == self._size
            self.read = before + len(block) - len(rest)
            self.given += len(data)
            if data:
                yield data


class _Bounded:
    """A file whose single reads are bounded, so that a forged zip directory cannot fill memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek = stream.seek
        self.tell = stream.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_CAP:
            raise LogError("the zip's directory is too large to be a log's")
        return self._stream.read(size)


def log_entries(
    stream: BinaryIO, max_entries: int, note: Note
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Give a zip's readable files with a safe label each, in the order the steps ran.

    GitHub's archive holds each job twice, whole at the top and again step by step in a folder of
    the job's name: the steps win. A zip that was cut off has no directory, but its files stand one
    behind the other. Raises LogError for what is not a zip.
    """
    try:
        with zipfile.ZipFile(_Bounded(stream)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        infos = list(islice(_without_directory(stream), max_entries))
        if not infos:
            raise LogError(f"the zip cannot be read: {error}") from error
        note(f"the zip is cut short or damaged; {len(infos)} of its files were found")
    folders = {info.filename.split("/")[0] for info in infos if "/" in info.filename}
    infos = [i for i in infos if _job_of_whole_log(i.filename) not in folders]
    infos.sort(key=lambda info: _step_order(info.filename))
    if len(infos) > max_entries:
        note(f"{len(infos) - max_entries} of the zip's {len(infos)} files were left out")
        half = max_entries // 2
        infos = infos[: max_entries - half] + (infos[-half:] if half else [])
    for info in infos:
        label = safe_label(info.filename)
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            note(f"{label} is encrypted or packed in an unknown way and was left out")
        else:
            yield label, info


def _without_directory(stream: BinaryIO) -> Iterator[zipfile.ZipInfo]:
    """Find a zip's files by their own headers; each ends at the latest where the next begins."""
    before: zipfile.ZipInfo | None = None
    for at, mark in _marks(stream):
        if before is not None:
            room = at - before.header_offset
            before.compress_size = min(before.compress_size or room, room)
            yield before
        before = _info_at(stream, at) if mark == _FILE else None
        if mark != _FILE:
            return
    if before is not None:
        before.compress_size = before.compress_size or _TO_THE_END
        yield before


def _marks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give the places of what could begin a file or the directory, in order."""
    at, rest = 0, b""
    while True:
        stream.seek(at + len(rest))
        data = rest + (block := stream.read(BLOCK))
        for found in _MARK.finditer(data):
            yield at + found.start(), found[0]
        if not block:
            return
        rest = data[-3:]
        at += len(data) - len(rest)


def _info_at(stream: BinaryIO, at: int) -> zipfile.ZipInfo | None:
    stream.seek(at)
    header = stream.read(_WHOLE_HEADER.size)
    if len(header) < _WHOLE_HEADER.size:
        return None
    _, flags, method, crc, size, name_size, _ = _WHOLE_HEADER.unpack(header)
    name = stream.read(name_size).decode("utf-8", "replace")
    if not name.isprintable() or not name or name.endswith("/"):
        return None
    info = zipfile.ZipInfo(name)
    info.header_offset, info.compress_type, info.flag_bits = at, method, flags & 1
    info.CRC = _UNTOLD if flags & 8 else crc  # told behind the data
    info.compress_size = size
    return info


def _job_of_whole_log(name: str) -> str | None:
    found = re.fullmatch(r"-?\d+_([^/]*)\.txt", name)
    return found[1] if found else None


def _step_order(name: str) -> list[tuple[int, str]]:
    """Sort `2_Build` before `10_Test`, and the runner's own `system.txt` before a job's steps."""
    return [(_leading_number(part), part) for part in name.split("/")]


def _leading_number(part: str) -> int:
    found = re.match(r"\d{1,9}", part)
    return int(found[0]) if found else -1 if part == "system.txt" else 10**9


def safe_label(name: str) -> str:
    """Make an archive's file name fit to be shown: no secret, no control characters, short.

    Steps and jobs are named by people, and a matrix puts its values into the names. Nor does a
    name climb out of its folder.
    """
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", "", name)
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return masked("/".join(parts))[-200:] or "unnamed"


def entry_blocks(stream: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Read one entry's stored bytes; raises LogError when its header is not where it should be."""
    stream.seek(info.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or header[:4] != _FILE:
        raise LogError(f"the zip has no file where it says {safe_label(info.filename)} is")
    _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    stream.seek(name_size + extra_size, 1)
    left = info.compress_size
    while left > 0 and (block := stream.read(min(BLOCK, left))):
        left -= len(block)
        yield block
