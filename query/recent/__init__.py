"""Answers of a reader that stays: the newest windows of rollups are kept merged in memory, older ones lie in files."""

from query.recent.keeper import Limits
from query.recent.reader import Held, RecentReader

__all__ = ["Held", "Limits", "RecentReader"]
