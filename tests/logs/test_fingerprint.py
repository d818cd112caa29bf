"""Fingerprints: the same cause tomorrow has the same name, another cause another one."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_guard.logs.fingerprint import fingerprint, mask

SAME = [
    (
        "error: could not fetch 3f786850e387550fdab836ed7e6dc881de23001b after 3 tries",
        "error: could not fetch 89e6c98d92887913cadf06b2adb97f26cde4849b after 5 tries",
    ),
    (
        "FATAL 2026-01-02T03:04:05.678Z worker 7f1c2d3e-1111-4222-8333-444455556666 is gone",
        "FATAL 2026-11-21T13:14:15Z worker 00aa11bb-9999-4888-8777-666655554444 is gone",
    ),
    (
        "/home/runner/work/app/app/src/main.c:10:5: error: unknown type name 'foo'",
        "/builds/group/app/src/main.c:112:15: error: unknown type name 'foo'",
    ),
    ("C:\\agent\\_work\\1\\s\\a.cs(3,4): no", "D:\\a\\2\\s\\a.cs(33,41): no"),
    ("timed out after 30.5 seconds", "timed out after 1200 seconds"),
    ("cannot open /tmp/tmpab12cd/x.sock", "cannot open /tmp/tmpzz99yy/x.sock"),
    ("FAILED in 12.34s (0:00:12)", "FAILED in 612.01s (0:10:12)"),
    ("layer sha256:9f86d081884c7d65 is missing", "layer sha256:1b4f0e9851971998 is missing"),
    ("connect to 10.0.0.12:5432 refused", "connect to 192.168.100.7:5433 refused"),
    ("Jan  2 03:04:05 node1 kernel: oops", "Feb 11 13:14:15 node2 kernel: oops"),
    ("Mon Jan  2 03:04:05 2026 stopped", "Tue Feb 10 13:14:15 2026 stopped"),
    ("[03/Jan/2026:10:11:12 +0000] 502", "[14/Feb/2026:01:02:03 +0100] 502"),
    ("due on 2 January 2026 at 10:11 AM", "due on 14 Feb 2026 at 1:02 PM"),
    ("at file:///home/runner/work/a/a.js:1", "at file:///builds/g/a/a.js:22"),
    (
        "connect to [fe80::1%eth0]:80 refused",
        "connect to [2001:db8::8a2e:370:7334%eth0]:443 refused",
    ),
    ("pod web-7f9c6d5b4-x2x9z was evicted", "pod web-6b8d7c5f9-q8k2m was evicted"),
    ("segfault at 0x7ffd1234 ip 0xdeadbeef", "segfault at 0x55aa ip 0x1"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_over_numbers_hashes_paths_and_times(one: str, other: str):
    assert fingerprint("crash", None, {}, one) == fingerprint("crash", None, {}, other)


# What differs from run to run, by the hole it fills.
VARYING = {
    "number": st.integers(0, 10**9).map(str),
    "hash": st.text("0123456789abcdef", min_size=12, max_size=40).map(lambda text: f"1{text}"),
    "uuid": st.uuids().map(str),
    "time": st.integers(0, 2**32).map(
        lambda second: f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
    ),
    "path": st.lists(st.sampled_from(["home", "ci", "build-7", "w_1", "a.b"]), min_size=2).map(
        lambda names: "/" + "/".join(names)
    ),
    "address": st.integers(0, 2**40).map(hex),
    "span": st.integers(1, 9999).map(lambda count: f"{count}s"),
}
CAUSES = (
    "worker {number} lost its lease on {uuid}",
    "cannot read {path}/data.bin: checksum {hash} is wrong",
    "at {time} the deadline of {span} was exceeded",
    "fault at {address} in thread {number}",
    "E   assert total({number}) == {number}",
    "No module named 'requests'",
    "connect to db-main refused",
)


def filled(draw: st.DrawFn, cause: str) -> str:
    return cause.format(**{name: draw(values) for name, values in VARYING.items()})


@given(st.data(), st.sampled_from(CAUSES))
def test_any_run_of_one_cause_has_one_name(data: st.DataObject, cause: str):
    one, other = filled(data.draw, cause), filled(data.draw, cause)
    assert fingerprint("crash", "r", {}, one) == fingerprint("crash", "r", {}, other)


@given(st.data())
def test_no_two_causes_share_a_name(data: st.DataObject):
    names = [fingerprint("crash", "r", {}, filled(data.draw, cause)) for cause in CAUSES]
    assert len(set(names)) == len(CAUSES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tests/test_a.py::test_x FAILED", "tests/test_b.py::test_x FAILED"),
        ("No module named 'requests'", "No module named 'numpy'"),
        ("error: unknown type name 'foo'", "error: unknown type name 'bar'"),
        ("src/a.c:3: error: expected ';'", "src/b.c:3: error: expected ';'"),
        ("could not resolve host: one.example", "could not resolve host: two.example"),
        ("deadline exceeded", "defaced feedback"),
        ("std::cad::fed is private", "std::bad::fed is private"),
        ("a1:22 is taken", "b1:22 is taken"),
        ("the May release is gone", "the June release is gone"),
    ],
)
def test_different_causes_differ(one: str, other: str):
    assert fingerprint("crash", None, {}, one) != fingerprint("crash", None, {}, other)


def test_category_rule_and_captures_count():
    names = {
        fingerprint("crash", None, {}, "x"),
        fingerprint("timeout", None, {}, "x"),
        fingerprint("crash", "segfault", {}, "x"),
        fingerprint("crash", "segfault", {"test": "a"}, "x"),
        fingerprint("crash", "segfault", {"test": "b"}, "x"),
    }
    assert len(names) == 5
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_captures_stand_for_the_evidence():
    assert fingerprint("crash", "r", {"test": "t 1"}, "a") == fingerprint(
        "crash", "r", {"test": "t 2"}, "b"
    )


def test_masks_keep_the_words():
    text = "2026-01-01T00:00:00Z job 12 in /home/a/b/c failed: exit 137"
    assert mask(text) == "<time> job <n> in <path> failed: exit <n>"


@pytest.mark.parametrize(
    "text",
    [
        *("/a" * 50_000, "1:" * 50_000, "ab12" * 25_000, "-" * 100_000, "fe::" * 25_000),
        *("a:" * 50_000, "Jan " * 25_000, "Mon  " * 20_000, "-bcdfghjk-bcdfg" * 7_000),
        "<time> " * 15_000,
    ],
)
def test_masking_is_linear(text: str):
    begin = time.process_time()
    mask(text)
    assert time.process_time() - begin < 1
