"""Everything that depends on order: one intake per source partition."""
