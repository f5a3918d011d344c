"""The names of the lake's tables and views that are not a rollup's."""

EVENTS = "events"
LATE_EVENTS = "late_events"
DEAD_LETTERS = "dead_letters"
LEDGER = "ledger"

ALERT_CHANGES = "alert_changes"
ALERTS = "alerts"
"""Of a pipeline with alert rules: the table of what became of each alert, and the view of how each stands."""

WEBHOOK_DEAD_LETTERS = "webhook_dead_letters"
"""Of a pipeline with a webhook: the table of what it did not take."""
