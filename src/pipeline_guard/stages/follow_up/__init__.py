"""Follow up: what came of it, and what it has made untrue."""
