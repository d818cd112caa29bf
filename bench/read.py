"""How fast, and in how much memory, is a 1 GB zip of logs read, and judged end to end?

End to end is a cold process that reads all of it, and judges the 200 MB that its caps leave.

python -m bench.read [--megabytes 1024]
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.excerpt import ExcerptBuilder
from pipeline_guard.logs.read import Chunk, ReadLimits, ReadReport, read_chunks
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.logs.steps import StepTree

WORDS = [
    "compiling",
    "linking",
    "checking",
    "src/app/main.c",
    "include/util.h",
    "test_case_{}",
    "PASSED",
    "ok",
    "done",
    "in",
    "0.{}s",
    "downloading",
    "https://mirror.example/pool/p{}.tar.gz",
    "layer",
    "{}",
    "extracted",
    "warning:",
    "unused",
    "variable",
    "'x{}'",
    "[INFO]",
    "[DEBUG]",
    "make[2]:",
    "Entering",
    "directory",
    "'/home/runner/work/app'",
    "--",
    "Found",
    "-Wall",
    "-O2",
]
UNCAPPED = ReadLimits(max_bytes=4 << 30)


def _block(seed: int) -> bytes:
    """About 1 MB of a log as GitHub keeps it: timestamps, colours, groups."""
    rng, lines = random.Random(seed), []
    said = [" ".join(rng.choices(WORDS, k=rng.randrange(3, 18))) for _ in range(300)]
    for n in range(9000):
        text = rng.choice(said).replace("{}", str(rng.randrange(1000)))
        if n % 11 == 0:
            text = f"\x1b[36;1m{text}\x1b[0m"
        if n % 900 == 0:
            text = f"##[group]Run step {n}"
        lines.append(f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}.{n:07}Z {text}\n")
    return "".join(lines).encode()


def _make_zip(path: Path, megabytes: int) -> None:
    blocks = [_block(seed) for seed in range(8)]
    left, index = megabytes << 20, 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        while left > 0:
            with archive.open(f"build/{index + 1}_Step.txt", "w") as entry:
                for turn in range(256):
                    if left <= 0:
                        break
                    block = blocks[turn % 8]
                    entry.write(block)
                    left -= len(block)
            index += 1


def _chunks(path: Path, report: ReadReport) -> Iterator[Chunk]:
    return read_chunks(path, report, UNCAPPED)


def _plainly(path: Path) -> int:
    return sum(len(chunk.data) for chunk in _chunks(path, ReadReport()))


def _by_zipfile(path: Path) -> int:
    """The rival: the standard library's way."""
    size = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as entry:
                while block := entry.read(1 << 20):
                    size += len(block)
                    block.count(b"\n")
    return size


def _with_all(path: Path) -> int:
    """Read, learn secrets, follow steps, collect the excerpt."""
    report, redactor, steps, excerpt = ReadReport(), Redactor(), StepTree(), ExcerptBuilder()
    for chunk in _chunks(path, report):
        redactor.observe(chunk.data)
        steps.feed(chunk)
        excerpt.feed(chunk)
    excerpt.build(redactor)
    return report.bytes


def _end_to_end(path: Path) -> int:
    from pipeline_guard.classifier.predict import Model  # noqa: PLC0415 (a part of what is timed)
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415
    from pipeline_guard.stages.diagnose.judge import Judge  # noqa: PLC0415

    return Judge(load_rules(), Model()).judge(path).bytes


WAYS: dict[str, Callable[[Path], int]] = {
    "end to end, judged": _end_to_end,
    "read_chunks": _plainly,
    "zipfile and a newline count": _by_zipfile,
    "read, redact, steps, excerpt": _with_all,
}


def _child(way: str, path: Path) -> None:
    begin, cpu = time.perf_counter(), time.process_time()
    size = WAYS[way](path)
    seconds = time.perf_counter() - begin
    print(
        json.dumps(
            {
                "what": f"1 GB zip: {way}",
                "MB": round(size / 2**20),
                "seconds": round(seconds, 2),
                "cpu seconds": round(time.process_time() - cpu, 2),
                "MB/s": round(size / 2**20 / seconds),
                "peak RSS MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


def _cleaning() -> dict[str, object]:
    lines = _block(1).split(b"\n")
    begin = time.perf_counter()
    for line in lines:
        clean_line(line)
    each = (time.perf_counter() - begin) / len(lines)
    return {"what": "clean_line", "us per line": round(each * 1e6, 2)}


def _observing() -> dict[str, object]:
    block, redactor = _block(1), Redactor()
    begin = time.perf_counter()
    for _ in range(100):
        redactor.observe(block)
    seconds = time.perf_counter() - begin
    return {"what": "Redactor.observe", "MB/s": round(len(block) * 100 / 2**20 / seconds)}


def run(args: list[str]) -> list[dict[str, object]]:
    parser = argparse.ArgumentParser(prog="bench.read", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    given = parser.parse_args(args)
    rows: list[dict[str, object]] = [_cleaning(), _observing()]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "logs.zip"
        _make_zip(path, given.megabytes)
        for way in WAYS:
            command = [sys.executable, "-m", "bench.read", "--child", way, str(path)]
            done = subprocess.run(command, capture_output=True, check=True, timeout=300)
            rows.append(json.loads(done.stdout))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], Path(sys.argv[3]))
    else:
        for row in run(sys.argv[1:]):
            print(row)
