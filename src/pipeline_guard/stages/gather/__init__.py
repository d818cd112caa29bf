"""Gather: everything that a decision needs to know, read before it is made."""
