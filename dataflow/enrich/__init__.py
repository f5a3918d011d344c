"""Dimensions joined to events, column by column."""
