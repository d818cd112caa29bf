"""Figures over history: what failed, what was healed, what it cost."""
