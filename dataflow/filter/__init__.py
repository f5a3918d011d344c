"""Filters: one SQL condition, parsed once, evaluated column by column."""
