"""Invokes actions on OpenWhisk and interprets the responses."""
