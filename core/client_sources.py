"""The source of a client, which is part of its id: who signed in, or the address of an anonymous session.

A gateway makes it (`gateway/auth/sources.py`). It is a keyed digest.
"""

from __future__ import annotations

#: The characters of a client's id that are random, and those of the source that follow them.
RANDOM, SOURCE = 16, 12


def source_of(client_id: str) -> str:
    """Return the source of a client; the id itself if it has none, as those of older sessions."""
    return client_id[RANDOM:] if len(client_id) == RANDOM + SOURCE else client_id
