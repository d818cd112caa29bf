"""Cleaning: what each platform wraps around a line goes, what a person reads stays."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.rules.chunks import flatten
from pipeline_guard.search.patterns import LINE_START, scan_options

STAMPED = [
    (b"2026-01-01T00:00:00.1234567Z ##[error]no\r\n", "##[error]no"),
    (b"\xef\xbb\xbf2026-01-01T00:00:00.1234567Z first", "first"),
    (b"2026-01-01T00:00:00.000000Z 00O out", "out"),
    (b"2026-01-01T00:00:00.000000Z 01E+rest", "rest"),
    (b"2026-01-01T00:00:00.000000Z 01E \x1b[0;31mred", "red"),
    (b"[2026-01-01T00:00:00.000Z] jenkins", "jenkins"),
    (b"12:34:56  older jenkins", "older jenkins"),
    (b"[00:01:02] appveyor", "appveyor"),
    (b"[taskcluster 2026-01-01 00:00:00.381Z] tc", "tc"),
    (b"[task 2026-01-01T00:00:00.381+00:00] tc", "tc"),
    (b"2026-01-01 12:00:00.123456 | zuul", "zuul"),
    (b"2026-01-01 12:00:00.123456 | ubuntu-jammy | zuul", "zuul"),
    (b"\x1b_bk;t=1700000000000\x07buildkite", "buildkite"),
    (b"build\tRun tests\t2026-01-01T00:00:00.0000000Z gh", "gh"),
    (b"travis_fold:start:a\r\x1b[0Ktravis", "travis"),
    (b"\x1b[0Ktravis_time:end:0a:start=1,finish=2\r\x1b[0Ktravis", "travis"),
    (b"section_start:1:get_sources[collapsed=true]\r\x1b[0Kgitlab", "gitlab"),
    (b"2026-01-01T00:00:00.0Z 00O section_end:1:a\r\x1b[0Kgitlab", "gitlab"),
    (b"[12:34:56]W:\t\t [Step 2/4] teamcity", "teamcity"),
    (b"[12:34:56]: fastlane", "fastlane"),
    (b"(12:34:56) ERROR: bazel", "ERROR: bazel"),
    (b"[ 1234.567890] Out of memory", "Out of memory"),
    (b"#12 4.231 buildkit", "buildkit"),
    (b"2026-01-01T00:00:00.1234567Z #9 0.4 E: apt", "E: apt"),
    (b"#12 ERROR: process failed", "process failed"),
    (b"service_1  | FAIL x", "FAIL x"),
    (b"\x1b[36me2e-tests-1  | \x1b[0mError: compose", "Error: compose"),
    (b"[web] | podman", "podman"),
    (b"[CI/build]   | act", "act"),
    (b"@acme/web:build: error turbo", "error turbo"),
    (b"web:test:unit: FAIL x", "FAIL x"),
    (b"packages/ui test: pnpm", "pnpm"),
    (b". lint: pnpm", "pnpm"),
    (b"@acme/web: lerna", "lerna"),
    (b"[@acme/web]: yarn", "yarn"),
    (b"[0] concurrently", "concurrently"),
    (b"           ./app+test | earthly", "earthly"),
    (b"web:build: #7 1.2 two of them", "two of them"),
    (b'Step #2 - "plan": Error: Cloud Build', "Error: Cloud Build"),
    (b"Step #0: Cloud Build", "Cloud Build"),
    (b"[  158s] error: Open Build Service", "error: Open Build Service"),
    (b"       > nix", "nix"),
    ("┃        > nom".encode(), "nom"),
    ("[12:34:56]: ▸     fatal: xcpretty".encode(), "fatal: xcpretty"),
    (b"13:41:35 CMake Error", "CMake Error"),
    (b"10:47:54.191 vercel", "vercel"),
    (b"plain", "plain"),
]


@pytest.mark.parametrize(("raw", "text"), STAMPED)
def test_wrappings_go(raw: bytes, text: str):
    assert clean_line(raw) == text


@pytest.mark.parametrize(("raw", "text"), STAMPED)
def test_the_prefix_lets_an_anchored_pattern_match_raw_lines(raw: bytes, text: str):
    source = f"{LINE_START}{re2.escape(text)}".encode()
    pattern = re2.compile(source, scan_options(8 << 20))
    log = flatten(raw + b"\nafter\n").replace(b"\r", b"\n")
    assert pattern.search(log)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"10%\r 50%\r100% done\r\n", "100% done"),
        (b"Receiving 99%\rReceiving 100%\r\x1b[K\n", "Receiving 100%"),
        (b"abc\b\bX", "aX"),
        (b"a \x1b]8;;https://x.example\x07link\x1b]8;;\x07 b", "a link b"),
        (b"\x1b[38;5;196mred\x1b[m and \x1b(Bplain", "red and plain"),
        (b"\x1b]0;never closed, still readable", "]0;never closed, still readable"),
        (b"\xff\xfe bad \x80", "\ufffd\ufffd bad \ufffd"),
        (b"2026-03-23 20:19:00,012 - app - INFO kept", "2026-03-23 20:19:00,012 - app - INFO kept"),
        (b"a\tb\tc", "a\tb\tc"),
        (b"Rust tests  Run tests  2026-01-01T00:00:00.0000000Z error: x", "error: x"),
        (b"CD / Build image | 2026-01-01T00:00:00Z error: x", "error: x"),
        (b"stopped at 2026-01-01T00:00:00Z for good", "stopped at 2026-01-01T00:00:00Z for good"),
        (b"", ""),
    ],
)
def test_what_a_person_sees_stays(raw: bytes, text: str):
    assert clean_line(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        "src/app.c:12:5: error: expected ';'",
        "npm ERR! code E404",
        "foo.go:10:2: undefined: bar",
        "Name      Stmts   Miss | Cover",
        "error[E0308]: mismatched types",
        "[ERROR] /src/Foo.java:[3,4] cannot find symbol",
        "[12/40] Building CXX object",
        "sh: 1: tsc: not found",
        "E   assert 1 == 2",
        "   12 | let x: u8 = 256;",
        "tests/test_a.py::test_b FAILED",
        "#include <missing.h>",
        "fatal: repository 'https://git.example.org/a:b/' not found",
    ],
)
def test_what_only_looks_like_a_wrapping_stays(text: str):
    assert clean_line(text.encode()) == text


@given(st.binary(max_size=300))
def test_any_bytes_give_one_line_without_escapes(raw: bytes):
    text = clean_line(raw.replace(b"\n", b""))
    assert "\x1b" not in text
    assert "\n" not in text
