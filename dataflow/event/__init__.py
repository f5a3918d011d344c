"""The event contract: a pydantic model becomes fields, Arrow types and rules."""
