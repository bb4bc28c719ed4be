"""Why the stack cannot run, in one clear line."""

from __future__ import annotations


class LocalError(Exception):
    """Said to the person at the terminal as it is."""
