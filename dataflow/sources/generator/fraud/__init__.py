"""A made-up ad stream in which it is known which events are fraud, and of which kind."""
