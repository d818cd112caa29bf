"""Decide: from facts, policy and time to a plan; pure, nothing in here reads or writes."""
