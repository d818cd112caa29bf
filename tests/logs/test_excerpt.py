"""Excerpts: first and last hits with context, the failing step's end and the tail, bounded."""

from collections.abc import Mapping, Sequence

from pipeline_guard.logs.excerpt import Excerpt, ExcerptBuilder
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.redaction.known import MASK


def excerpt(
    lines: Sequence[str], hits: Sequence[int] = (), size: int = 50, part: str | None = None
) -> Excerpt:
    builder, redactor = ExcerptBuilder(), Redactor()
    for start in range(0, len(lines), size):
        data = "".join(line + "\n" for line in lines[start : start + size]).encode()
        redactor.observe(data)
        inside = [hit for hit in hits if start < hit <= start + size]
        builder.feed(Chunk(data, start + 1, part), inside)
    return builder.build(redactor)


def log(count: int, special: Mapping[int, str] = {}) -> list[str]:
    return [special.get(n, f"step {n} of the quiet build") for n in range(1, count + 1)]


def numbers(result: Excerpt) -> set[int]:
    return {line.line for line in result.lines}


def test_hits_come_with_context_also_over_chunk_borders():
    result = excerpt(log(1000, {101: "BOOM one", 150: "BOOM two"}), hits=[101, 150])
    assert {99, 100, 101, 102, 105, 148, 149, 150, 151, 154} <= numbers(result)
    assert next(line.text for line in result.lines if line.line == 101) == "BOOM one"
    assert 300 not in numbers(result)


def test_the_tail_is_kept_without_any_hit():
    assert set(range(971, 1001)) <= numbers(excerpt(log(1000)))


def test_first_and_last_hits_are_kept_when_there_are_many():
    special = {n: f"BOOM {chr(97 + n % 26) * (n % 7 + 1)}{n}" for n in range(1, 5000, 20)}
    result = excerpt(log(5000, special), hits=list(special))
    assert 1 in numbers(result)
    assert 4981 in numbers(result)
    assert len(result.lines) <= 200
    assert len(result.text) <= 16_384


def test_repeated_hits_do_not_crowd_out_another():
    special = {n: f"warning {n}: same again" for n in range(100, 2000, 30)} | {2100: "BOOM"}
    result = excerpt(log(4000, special), hits=sorted(special))
    assert 2100 in numbers(result)


def test_telling_words_are_found_without_rules():
    result = excerpt(log(3000, {700: "main.c:3: fatal error: x.h: No such file"}))
    assert {698, 700, 704} <= numbers(result)


def test_the_end_of_the_failing_step_brings_its_own_tail():
    cleanup = {n: f"cleaning {n}" for n in range(502, 1001)}
    end = {501: "##[error]Process completed with exit code 2."}
    assert set(range(480, 502)) <= numbers(excerpt(log(1000, cleanup | end)))


def test_lines_are_clean_and_redacted_and_in_order():
    lines = log(60, {5: "DEPLOY_TOKEN=abcDEF123456", 30: "\x1b[31merror: abcDEF123456 refused"})
    result = excerpt(lines)
    assert f"error: {MASK} refused" in result.text
    assert "abcDEF123456" not in result.text
    assert [line.line for line in result.lines] == sorted(numbers(result))


def test_parts_of_a_zip_keep_their_own_numbers():
    builder = ExcerptBuilder()
    builder.feed(Chunk(b"a\nBOOM a\n", 1, "1_A.txt"), [2])
    builder.feed(Chunk(b"b\nBOOM b\n", 1, "2_B.txt"), [2])
    lines = builder.build(Redactor()).lines
    assert [(line.part, line.line, line.text) for line in lines] == [
        ("1_A.txt", 1, "a"),
        ("1_A.txt", 2, "BOOM a"),
        ("2_B.txt", 1, "b"),
        ("2_B.txt", 2, "BOOM b"),
    ]


def test_a_giant_line_is_cut_between_words_and_hit_lines_outside_are_ignored():
    builder = ExcerptBuilder()
    builder.feed(Chunk(b"error: " + b"word " * 200_000 + b"\n", 1), [1, 77])
    builder.feed(Chunk(b"x" * 1_000_000 + b"\n", 2), [2])
    result = builder.build(Redactor())
    assert result.lines[0].text.startswith("error: word word")
    assert len(result.text) < 2000


def test_an_empty_log_gives_an_empty_excerpt():
    assert ExcerptBuilder().build(Redactor()) == Excerpt("", ())
