"""Finds which of many patterns may match where in a stream of text, fast: no logs, no rules."""
