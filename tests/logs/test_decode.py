"""Decoding: what is text becomes UTF-8 lines, and what is none is refused by name."""

import io
import random

import pytest

from pipeline_guard.errors import LogError
from pipeline_guard.logs.read import ReadReport, read_chunks

TEXT = "Error: cannot open größe.txt\r\nsecond line\n" * 20


def read(data: bytes, size: int = 1 << 18) -> bytes:
    return b"".join(c.data for c in read_chunks(io.BytesIO(data), ReadReport(), chunk_size=size))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_understood_with_and_without_its_mark(encoding: str) -> None:
    assert read(TEXT.encode(encoding)) == TEXT.encode()


def test_utf16_of_another_script_is_understood() -> None:
    text = "Ошибка: нет файла 12\n" * 30
    assert read(text.encode("utf-16-le")) == text.encode()


def test_what_goes_on_in_utf16_is_readable() -> None:
    assert b"Error: boom" in read(b"plain start\n" * 20 + "Error: boom\n".encode("utf-16-le") * 40)


def test_zeros_of_a_crashed_machine_hide_nothing() -> None:
    assert read(b"one\n" * 40 + b"\0" * 900 + b"Error: x\n") == b"one\n" * 40 + b"Error: x\n"


def test_a_log_that_was_emptied_while_it_was_written_is_read() -> None:
    """The writer goes on at its old place, so zeros stand where the log was."""
    assert read(b"\0" * 5000 + b"one\nError: x\n" * 9) == b"one\nError: x\n" * 9


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "shift_jis", "gb18030"])
def test_an_old_encoding_is_text_all_the_same(encoding: str) -> None:
    text = {"latin-1": "Größe für Süß", "cp1251": "Ошибка нет файла"}.get(encoding, "失敗しました")
    data = (text + ": error 12\n").encode(encoding) * 40
    assert read(data) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (random.Random(1).randbytes(5000), "binary"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(32)) * 60 + b"\0\1\2\3" * 500, "binary"),
        (b"BZh91AY&SY" + bytes(99), "bzip2"),
        (b"\xfd7zXZ\0" + bytes(99), "xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(99), "zstd"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(LogError, match=said):
        read(data)


@pytest.mark.parametrize("size", [7, 1 << 18])
def test_buildbots_stream_flags_go(size: int) -> None:
    raw = b"hmake check\noone\noand two\no\neerror: three\nofour\nhprogram finished\n"
    plain = b"make check\none\nand two\n\nerror: three\nfour\nprogram finished\n"
    if size > len(raw):
        assert read(raw, size) == plain
    assert read(raw * 3, 64) == plain * 3


@pytest.mark.parametrize(
    "text", [b"ok 1\nok 2\n" * 9, b"error: a\nhello\nok\n", b"here\n\nover\nend\nok\nhi\nho\n"]
)
def test_words_that_begin_with_such_letters_keep_them(text: bytes) -> None:
    assert read(text) == text
