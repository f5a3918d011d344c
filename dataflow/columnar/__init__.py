"""Arithmetic over whole columns: numbers, sums, groups, order, hashes, sketches."""
