"""A GitHub for containers, where a run has just failed; prints the delivery about it, signed."""

import json
import os
import socket
import threading

from tests.fakes.github import FakeGitHub

LOG = "curl: (6) Could not resolve host: mirror.example\n##[error]Process completed with exit code 6.\n"  # noqa: E501


def main() -> None:
    """Answer until the container is stopped."""
    with FakeGitHub(host=socket.gethostname(), port=8080) as github:
        github.add_token(os.environ["PIPELINE_GUARD_GITHUB_TOKEN"], github.login)
        secret = os.environ["PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET"]
        github.add_pull()
        headers, body = github.webhook("workflow_run", github.add_run(log=LOG), secret=secret)
        print(json.dumps({"headers": headers, "body": body.decode()}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
