"""Answers of a reader that stays: the newest windows of rollups are kept merged in memory, older ones lie in files."""

from query.recent.reader import RecentReader

__all__ = ["RecentReader"]
