"""Checks what gateway and poller depend on, one line each with what to do (`python -m tools.doctor`)."""
