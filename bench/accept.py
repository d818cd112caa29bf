"""Deliveries a second: our receiver, which stores each before it answers, beside ones that don't.

All receivers verify the signature and parse the payload; they run one after the other under the
same server (uvicorn, uvloop, httptools, one process) and get the same load from this process over
keep-alive connections. `ours` answers 202 only after its delivery and job are committed.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SECRET = "bench-secret"
RIVAL = """
import hashlib, hmac, json
from fastapi import FastAPI, Request, Response
app = FastAPI()

@app.post("/webhooks/github", status_code=202)
async def receive(request: Request) -> Response:
    body = await request.body()
    expected = "sha256=" + hmac.new(b"bench-secret", body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-hub-signature-256", "")):
        return Response(status_code=401)
    json.loads(body)
    return Response(b'{"status": "accepted"}', 202, media_type="application/json")
"""


def payload(size: int) -> bytes:
    """A failed workflow run, padded to about the size that the platform really sends."""
    run = {
        "id": 1, "run_attempt": 1, "status": "completed", "conclusion": "failure", "name": "ci",
        "head_sha": "0" * 40, "head_branch": "main", "pull_requests": [],
    }  # fmt: skip
    body = {
        "action": "completed",
        "workflow_run": run,
        "repository": {"full_name": "acme/shop", "filler": [{"k": "v" * 40}] * (size // 60)},
        "sender": {"login": "someone"},
    }
    return json.dumps(body).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(command: list[str], port: int, env: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        command, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


async def load(port: int, body: bytes, connections: int, total: int) -> tuple[float, list[float]]:
    """Send `total` deliveries over `connections`; returns seconds and each answer's latency."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    latencies: list[float] = []
    left = iter(range(total))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in left:
            start = time.perf_counter()
            writer.write(
                b"POST /webhooks/github HTTP/1.1\r\nHost: bench\r\n"
                b"Content-Type: application/json\r\nX-GitHub-Event: workflow_run\r\n"
                b"X-GitHub-Delivery: %d-%d\r\n"
                b"X-Hub-Signature-256: sha256=%s\r\nContent-Length: %d\r\n\r\n%s"
                % (id(latencies), number, digest.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in head.split(b"\r\n", 1)[0]:
                raise RuntimeError(f"unexpected answer: {head[:200]!r}")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - start)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return time.perf_counter() - start, latencies


def measure(name: str, port: int, pid: int, size: int) -> list[dict[str, object]]:
    """Rows at one and at 64 connections, after a warm-up."""
    body = payload(size)
    rows: list[dict[str, object]] = []
    asyncio.run(load(port, body, 16, 500))
    for connections, total in ((1, 1000), (64, 6000)):
        before = _processor_seconds(pid)
        seconds, latencies = asyncio.run(load(port, body, connections, total))
        spent = _processor_seconds(pid) - before
        ordered = sorted(latencies)
        rows.append(
            {
                "receiver": name,
                "connections": connections,
                "payload_kb": len(body) // 1024,
                "per_second": round(total / seconds),
                "median_ms": round(statistics.median(ordered) * 1000, 2),
                "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
                "cpu_us": round(spent / total * 1e6),
                "rss_mb": _rss(pid),
            }
        )
    return rows


def _processor_seconds(pid: int) -> float:
    """What the receiver's process has used of a processor, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def run(args: list[str]) -> list[dict[str, object]]:
    """Both receivers; an argument sets the payload's size in bytes (default 12,000)."""
    size = int(args[0]) if args else 12_000
    rows = []
    with tempfile.TemporaryDirectory(prefix="pg-bench-") as folder:
        port = free_port()
        (Path(folder) / "rival.py").write_text(RIVAL)
        command = [sys.executable, "-m", "uvicorn", "rival:app", "--app-dir", folder]
        command += ["--port", str(port), "--no-access-log", "--loop", "uvloop"]
        with serving(command, port, {}) as pid:
            rows += measure("FastAPI, stores nothing", port, pid, size)
        port = free_port()
        command = [str(Path(sys.executable).with_name("pipeline-guard")), "serve", "--no-worker"]
        env = {
            "PIPELINE_GUARD_DATA_DIR": f"{folder}/data",
            "PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET": SECRET,
            "PIPELINE_GUARD_GITHUB_TOKEN": "unused",
            "PIPELINE_GUARD_GITHUB_API_URL": "http://127.0.0.1:9",
        }
        with serving([*command, "--port", str(port)], port, env) as pid:
            rows += measure("Pipeline Guard, stored and queued", port, pid, size)
    return rows


if __name__ == "__main__":
    for row in run(sys.argv[1:]):
        print(row)
