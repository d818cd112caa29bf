"""Diagnose: from a run to what failed in it, and why."""
