"""Quarantine: proposes to mark a test that is proven flaky, for a while and with an owner."""

import hashlib
from dataclasses import replace

from pipeline_guard.remedies import patch


def print_of(test: str) -> str:
    """The fingerprint of a test's quarantine: one, however its failures are told apart."""
    return hashlib.sha256(f"quarantine:{test}".encode()).hexdigest()[:16]


REMEDY = replace(
    patch.REMEDY,
    kind="quarantine",
    risk="A test that is looked at no more hides what it was written for.",
    undo="Close the request, or take the mark out.",
)
