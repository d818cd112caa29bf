"""Quarantine: proposes to mark a test that is proven flaky, for a while and with an owner."""

from dataclasses import replace

from pipeline_guard.remedies import patch

REMEDY = replace(
    patch.REMEDY,
    kind="quarantine",
    risk="A test that is looked at no more hides what it was written for.",
    undo="Close the request, or take the mark out.",
)
