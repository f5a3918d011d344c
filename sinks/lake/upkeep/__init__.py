"""Compaction, retention and expiry."""
