"""Judges a log by ordered rules: YAML in, the lines that tell what went wrong out."""
