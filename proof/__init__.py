"""Tables against their source: audit, replay, dump, take-over."""
