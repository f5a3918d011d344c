"""Tables become answers, read-only."""
