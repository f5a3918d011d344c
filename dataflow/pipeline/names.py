"""The names of the lake's tables that every pipeline has."""

EVENTS = "events"
LATE_EVENTS = "late_events"
DEAD_LETTERS = "dead_letters"
LEDGER = "ledger"
