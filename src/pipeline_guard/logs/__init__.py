"""Reads CI logs as they are: streams, cleans, redacts, excerpts and fingerprints them."""
