"""Quarantine: proposes to mark a test that is proven flaky, for a while and with an owner."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from pipeline_guard.remedies import patch


def reason_of(until: str, owners: Sequence[str]) -> str:
    """What stands in the mark, and what it is found by when its day has come."""
    return f"flaky, in quarantine until {until}; owner: {' '.join(owners)}"


def print_of(test: str) -> str:
    """The fingerprint of a test's quarantine: one, however its failures are told apart."""
    return hashlib.sha256(f"quarantine:{test}".encode()).hexdigest()[:16]


REMEDY = replace(
    patch.REMEDY,
    kind="quarantine",
    params={
        **patch.REMEDY.params,
        "test": "the test",
        "until": "the mark's last day",
        "owners": "who answers for it",
    },
    risk="Until the mark's day is over, the test no longer stops what it was written to stop.",
    undo="Close the request; after a merge, take the mark out.",
)
