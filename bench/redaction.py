"""How many planted secrets does redaction find in real logs, and what does it mask for nothing?

python -m bench.redaction MANIFEST [--seed 1] [--count 500] [--show]
"""

import argparse
import io
import json
import random
import time
from collections import Counter
from pathlib import Path

from bench.secrets_made import Leak, leaks
from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import ReadReport, read_chunks
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.redaction.known import MASK

CONTEXT = 20


def _logs(manifest: Path) -> list[Path]:
    lines = manifest.read_text("utf-8").splitlines()
    return [manifest.parent / json.loads(line)["path"] for line in lines if line.strip()]


def _plant(leak: Leak, log: bytes, rng: random.Random) -> tuple[bytes, list[int]]:
    """Put the leak's lines somewhere into the log; give it and the first line of each place."""
    lines = log.split(b"\n")
    places = []
    for group in (leak.elsewhere, leak.lines):
        if group:
            at = (
                rng.randrange(len(lines) + 1)
                if group is leak.elsewhere
                else rng.randrange(max(places, default=0), len(lines) + 1)
            )
            lines[at:at] = group
            places.append(at)
    return b"\n".join(lines), places


def _shown(raw: bytes, places: list[int], size: int) -> str:
    """What an excerpt around the places would show."""
    redactor, rows = Redactor(), []
    for chunk in read_chunks(io.BytesIO(raw), ReadReport(), chunk_size=4096):
        redactor.observe(chunk.data)
        rows += chunk.data.split(b"\n")[:-1]
    texts = []
    for at in places:
        window = rows[max(0, at - CONTEXT) : at + size + CONTEXT]
        texts += redactor.redact_lines(clean_line(row) for row in window)
    return "\n".join(texts)


def _recall(logs: list[Path], seed: int, count: int, show: bool) -> dict[str, object]:
    rng, missed = random.Random(seed), Counter[str]()
    for leak in leaks(seed, count):
        raw, places = _plant(leak, rng.choice(logs).read_bytes(), rng)
        text = _shown(raw, places, len(leak.lines))
        if any(part in text for part in leak.parts):
            missed[leak.kind] += 1
            if show:
                print("MISSED", leak.kind, leak.lines, leak.elsewhere)
    return {
        "what": "redaction recall",
        "secrets": count,
        "recall": 1 - missed.total() / count,
        "missed": dict(missed),
    }


def _false_positives(logs: list[Path], show: bool) -> dict[str, object]:
    changed = lines = 0
    seconds = 0.0
    for path in logs:
        redactor, rows = Redactor(), []
        for chunk in read_chunks(path, ReadReport()):
            redactor.observe(chunk.data)
            rows += [clean_line(raw) for raw in chunk.data.split(b"\n")[:-1]]
        begin = time.perf_counter()
        redacted = redactor.redact_lines(rows)
        seconds += time.perf_counter() - begin
        lines += len(rows)
        for before, after in zip(rows, redacted, strict=True):
            if MASK in after:
                changed += 1
                if show:
                    print(f"{path.name}\n  - {before}\n  + {after}")
    return {
        "what": "masked lines in the corpus as it is",
        "lines": lines,
        "masked": changed,
        "per 10,000 lines": round(changed / max(lines, 1) * 10_000, 3),
        "us per line": round(seconds / max(lines, 1) * 1e6, 2),
    }


def run(args: list[str]) -> list[dict[str, object]]:
    parser = argparse.ArgumentParser(prog="bench.redaction", description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--sample", type=int, default=1, help="only every n-th log unseeded")
    parser.add_argument("--show", action="store_true", help="print what was missed and masked")
    given = parser.parse_args(args)
    logs = _logs(given.manifest)
    return [
        _recall(logs, given.seed, given.count, given.show),
        _false_positives(logs[:: given.sample], given.show),
    ]


if __name__ == "__main__":
    import sys

    for row in run(sys.argv[1:]):
        print(row)
