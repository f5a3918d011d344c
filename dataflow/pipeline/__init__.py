"""From a declaration to a checked plan and the tables it makes."""
