"""Upkeep: the service looks after itself: what it missed, what it keeps, how it stands."""
