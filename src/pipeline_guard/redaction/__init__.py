"""Knows secrets by their looks and masks them, in logs and in names: no logs, no platforms."""
