"""The change feed: commits are noticed, each distinct panel is computed once, each viewer gets the newest state."""
