"""Answers for people: an HTTP API, a change feed, SQL in a child process, and the page."""
