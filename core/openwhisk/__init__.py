"""Invokes actions on OpenWhisk and interprets what it answers."""
