"""Alert rules over merged rows: which alerts stand, and what changed with a commit. Knows no storage."""
