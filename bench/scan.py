"""How fast are rules matched against a raw log, beside `re` line by line and ripgrep?

python -m bench.scan [LOGS] [--megabytes 100] [--json]

LOGS is a folder of real logs (*.log below it, in a seeded order); without it a log is made up.
Every engine gets the same patterns, one a rule: built-in ones first, then made-up ones in their
style. More built-in rules also find more, which costs by itself; so 2,000 rules are measured once
more as the 50 of the first row beside 1,950 about tools that the log does not hold.
Ours gives rule, line and captures for each hit kept; ripgrep only numbers the lines that hit
anything, and sees neither text behind a timestamp's end as a line start nor words that colours
cut apart. Ours is the best of five, the rivals run once. `cpu_mb_s` goes by processor seconds,
which other work on the machine disturbs less.
"""

import argparse
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk, ReadLimits, ReadReport, read_chunks
from pipeline_guard.rules.load import RuleSet, load_rules
from pipeline_guard.rules.match import Scanner
from pipeline_guard.rules.schema import Rule

SIZES = (50, 500, 2000)
LINEAR = (r"(?:a+)+b broke", r"a.*a.*a.*a.*x broke", r"a[ab]{60}x broke")
_TOOLS = ("vendorctl", "packman", "shipit", "deployer", "fetchd", "linkwise", "buildkit", "cachet")
_TROUBLE = ("refused", "corrupt", "expired", "unreachable", "rejected", "missing", "stale")
_REPEAT = 5
_RIVAL_SECONDS = 30.0


def run(args: argparse.Namespace) -> list[dict[str, object]]:
    """Measure every engine; a row each, speeds in MB/s of raw log."""
    with tempfile.TemporaryDirectory() as folder:
        log = _log(args, Path(folder) / "mixed.log")
        rows: list[dict[str, object]] = []
        for count in SIZES:
            patterns = _patterns(count)
            rows.append(_ours(log, patterns))
            if shutil.which("rg"):
                rows.append(_ripgrep(log, patterns))
            if count == 500:
                rows.append(_python(log, patterns))
        idle = _ours(log, _idle(SIZES[0], SIZES[-1]), "ours, all but 50 of them idle")
        rows += [idle, _cost(rows, idle)]
        rows.append(_dense(args.megabytes))
        rows += [_one_line(pattern, args.megabytes) for pattern in LINEAR]
    return rows


def _log(args: argparse.Namespace, path: Path) -> Path:
    size, written = args.megabytes * 1_000_000, 0
    files = sorted(args.logs.rglob("*.log")) if args.logs else []
    random.Random(1).shuffle(files)
    with path.open("wb") as out:
        for file in files:
            data = file.read_bytes()[:3_000_000]
            data = data if data.endswith(b"\n") else data + b"\n"
            written += out.write(data[: max(0, size - written)])
            if written >= size:
                return path
        rng = random.Random(2)
        while written < size:
            written += out.write(_made_up(rng))
    return path


def _made_up(rng: random.Random) -> bytes:
    """A thousand lines as a platform shows them: times, colours, now and then a failure."""
    lines = []
    for number in range(1000):
        stamp = f"2026-01-02T03:{rng.randrange(60):02}:{rng.randrange(60):02}.1234567Z "
        tool = rng.choice(_TOOLS)
        text = f"{tool}: compiling src/module_{rng.randrange(9999)}/part.c in {rng.random():.3f}s"
        if number % 5 == 0:
            text = f"\x1b[32m{text}\x1b[0m"
        if rng.random() < 0.002:
            text = f"\x1b[31mFAILED\x1b[0m tests/test_{tool}.py::test_it - AssertionError"
        lines.append(stamp + text)
    return "\n".join(lines).encode() + b"\n"


def _patterns(count: int) -> list[str]:
    # Without names of groups: ripgrep joins all patterns into one, where a name may stand once.
    shipped = [
        re.sub(r"\(\?P<\w+>", "(?:", pattern)
        for rule in load_rules().rules
        for pattern in rule.patterns.any
        if pattern.isascii()
    ]
    random.Random(3).shuffle(shipped)
    return (shipped + _invented(max(0, count - len(shipped))))[:count]


def _invented(count: int) -> list[str]:
    rng = random.Random(4)
    return [
        f"{rng.choice(_TOOLS)}{number}: (?:layer|blob) \\S+ {rng.choice(_TROUBLE)} by host \\d+"
        for number in range(count)
    ]


def _idle(shipped: int, count: int) -> list[str]:
    """A few built-in patterns, the rest about tools that no log is about."""
    return _patterns(shipped) + _invented(count - shipped)


def _rules(patterns: list[str]) -> RuleSet:
    rules = [
        Rule.model_validate(
            {
                "id": f"rule-{number}",
                "category": "unknown",
                "patterns": {"any": [pattern]},
                "tests": {"match": ["x"]},
            }
        )
        for number, pattern in enumerate(patterns)
    ]
    return RuleSet(tuple(rules), {})


@dataclass(frozen=True, slots=True)
class Took:
    """The best of several runs, in seconds, with its children's; and what the last one gave."""

    wall: float
    cpu: float
    result: int


def _best(work: Callable[[], int], repeat: int = _REPEAT) -> Took:
    walls, cpus, result = [], [], 0
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), _cpu()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(_cpu() - cpu)
    return Took(min(walls), max(min(cpus), 1e-6), result)


def _cpu() -> float:
    """Processor seconds of this process and its ended children; os.times() ticks in hundredths."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _ours(log: Path, patterns: list[str], name: str = "ours") -> dict[str, object]:
    rules = _rules(patterns)
    limits = ReadLimits(max_bytes=1 << 34)

    def scan() -> int:
        scanner = Scanner(rules)
        for chunk in read_chunks(log, ReadReport(), limits):
            scanner.feed(chunk)
        return len(scanner.finish())

    first, warm = _best(scan, 1), _best(scan)
    size = log.stat().st_size
    return _row(len(patterns), name, size, warm) | {
        "first_pass_cpu_mb_s": round(size / first.cpu / 1e6),
        "hits_kept": warm.result,
    }


def _cost(rows: list[dict[str, object]], idle: dict[str, object]) -> dict[str, object]:
    """What the most rules cost in times of what the fewest do, and what more they found."""
    ours = [row for row in rows if row["engine"] == "ours"]
    few, many = ours[0], ours[-1]
    times = {
        name: round(float(str(few["cpu_mb_s"])) / float(str(row["cpu_mb_s"])), 2)
        for name, row in (("times_finding_as_much", idle), ("times_finding_more", many))
    }
    hits = {"hits_then": few["hits_kept"], "hits_now": many["hits_kept"]}
    name = f"ours, cost over {few['rules']} rules"
    return {"bench": "scan", "rules": many["rules"], "engine": name} | times | hits


def _ripgrep(log: Path, patterns: list[str]) -> dict[str, object]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(patterns) + "\n")
        file.flush()
        command = ["rg", "--no-unicode", "-j1", "-n", "-a", "-f", file.name, str(log)]

        def scan() -> int:
            done = subprocess.run(command, capture_output=True, timeout=_RIVAL_SECONDS, check=False)
            if done.returncode > 1:
                raise RuntimeError(done.stderr.decode("utf-8", "replace")[:500])
            return done.stdout.count(b"\n")

        try:
            took = _best(scan, 1)
        except subprocess.TimeoutExpired:
            stopped = Took(_RIVAL_SECONDS, _RIVAL_SECONDS, 0)
            name = "ripgrep, stopped unfinished, so slower than"
            return _row(len(patterns), name, log.stat().st_size, stopped)
    return _row(len(patterns), "ripgrep", log.stat().st_size, took) | {"lines": took.result}


def _python(log: Path, patterns: list[str]) -> dict[str, object]:
    compiled = [re.compile(pattern) for pattern in patterns]
    with log.open("rb") as file:
        data = file.read(1_000_000)

    def scan() -> int:
        texts = [clean_line(line) for line in data.splitlines()]
        return sum(any(p.search(text) for p in compiled) for text in texts)

    took = _best(scan, 1)
    return _row(len(patterns), "re, line by line", len(data), took) | {"lines": took.result}


def _dense(megabytes: int) -> dict[str, object]:
    """A log of which every line hits a rule."""
    line = b"2026-01-02T03:04:05.1234567Z npm ERR! code ECONNRESET while fetching\n"
    chunk = Chunk(line * (1_000_000 // len(line)), 1, None)
    rules = load_rules()

    def scan() -> int:
        scanner = Scanner(rules)
        for _ in range(megabytes):
            scanner.feed(chunk)
        return len(scanner.finish())

    size = len(chunk.data) * megabytes
    return _row(len(rules.rules), "ours, every line hits", size, _best(scan))


def _one_line(pattern: str, megabytes: int) -> dict[str, object]:
    """A hostile pattern on one line, full and a quarter of the size: four times, if linear."""
    rules = _rules([pattern])

    def took(size: int) -> Took:
        chunk = Chunk(b"a" * size + b" broke\n", 1, None)
        scanner = Scanner(rules)
        return _best(lambda: len(scanner.feed(chunk)), 2)

    full = took(megabytes * 1_000_000)
    row = _row(1, f"ours, one line, {pattern}", megabytes * 1_000_000, full)
    return row | {"times_a_quarter": round(full.cpu / took(megabytes * 250_000).cpu, 1)}


def _row(rules: int, engine: str, size: int, took: Took) -> dict[str, object]:
    return {
        "bench": "scan",
        "rules": rules,
        "engine": engine,
        "mb": round(size / 1e6, 1),
        "seconds": round(took.wall, 3),
        "mb_s": round(size / took.wall / 1e6, 1),
        "cpu_mb_s": round(size / took.cpu / 1e6, 1),
    }


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this benchmark's own arguments."""
    parser.add_argument("logs", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=int, default=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    arguments(parser)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not shutil.which("rg"):
        print("ripgrep is not installed, so its rows are left out", file=sys.stderr)
    for row in run(args):
        print(json.dumps(row) if args.json else "  ".join(f"{k}={v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
