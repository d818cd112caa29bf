"""Asks every question of this folder, one after the other, and prints what was measured.

python -m bench [--corpus DIR] [NAME...]

DIR holds labelled logs: folders with a `manifest.jsonl` each (path and label a line). Without it
the questions that need real logs use made-up ones, or say that they were not asked.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

QUESTIONS = ("accept", "scan", "read", "judge", "classify_cold", "redaction")
NEEDS_CORPUS = ("judge", "redaction")


def arguments(name: str, corpus: Path | None) -> list[str]:
    """What the question's module is called with."""
    if corpus is None:
        return []
    manifests = sorted(str(path) for path in corpus.glob("*/manifest.jsonl"))
    return {"scan": [str(corpus)], "judge": manifests, "redaction": manifests[-1:]}.get(name, [])


def main() -> None:
    """Run each question in a process of its own, so that none inherits another's memory."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *QUESTIONS], help="only these questions")
    parser.add_argument("--corpus", type=Path, help="folder of labelled logs")
    chosen = parser.parse_args()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load}", flush=True)
    failed = False
    for name in chosen.names or QUESTIONS:
        if name in NEEDS_CORPUS and chosen.corpus is None:
            print(f"\n{name}: not asked, it needs --corpus DIR", flush=True)
            continue
        print(f"\n{name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", *arguments(name, chosen.corpus)]
        failed |= subprocess.run(command, check=False).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
