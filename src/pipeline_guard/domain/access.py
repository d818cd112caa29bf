"""Who may do what here: three scopes, each holding the ones before it."""

from typing import Final, Literal, get_args

Scope = Literal["read", "act", "admin"]
"""read: see everything; act: retry, ignore, label, replay, switch off; admin: end tokens, too."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


def covers(held: Scope, needed: Scope) -> bool:
    """May somebody with the scope `held` do what takes the scope `needed`?"""
    return SCOPES.index(held) >= SCOPES.index(needed)
