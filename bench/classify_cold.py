"""How long does `pipeline-guard classify` of a 1 MB log take, from a cold process to its answer?

python -m bench.classify_cold [RUNS]      at least 1.5 s, aim 0.7 s (median)
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE = 1_000_000
LINES = [
    "[info] compiling module {n} of 9000 into build/out/{n}",
    "Get:{n} http://deb.example.org/debian stable/main package-{n} 1.{n} [12.3 kB]",
    "  PASS  src/part{n}.test.ts ({n} ms)",
    "2026-01-01T10:00:00.1234567Z warning: unused value in part {n}",
]


def made_log() -> bytes:
    """A made-up log of 1 MB that ends in a failed test."""
    rows: list[str] = []
    size = 0
    while size < SIZE:
        rows.append(LINES[len(rows) % len(LINES)].format(n=len(rows)))
        size += len(rows[-1]) + 1
    rows += [
        "FAILED tests/test_cart.py::test_total - AssertionError: assert 3 == 4",
        "1 failed, 812 passed in 33.10s",
        "##[error]Process completed with exit code 1.",
    ]
    return "\n".join(rows).encode() + b"\n"


def main(runs: int) -> None:
    command = Path(sys.executable).with_name("pipeline-guard")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "job.log"
        log.write_bytes(made_log())
        times = []
        for _ in range(runs + 1):
            started = time.perf_counter()
            subprocess.run(
                [command, "classify", "--json", log], check=True, capture_output=True, timeout=60
            )
            times.append(time.perf_counter() - started)
    # The first run may still compile Python files, which happens once in an installation's life.
    print(f"classify, 1 MB, cold process: median {statistics.median(times[1:]):.2f} s of {runs}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
