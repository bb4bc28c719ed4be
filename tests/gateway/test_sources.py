"""A client's id says which clients have the same source, and nothing else about it."""

from __future__ import annotations

import re

from core.client_sources import source_of
from gateway.auth.sources import digest_of
from gateway.auth.tokens import Tokens

SECRET = "s" * 32


def test_sessions_of_one_source_are_known_as_that() -> None:
    tokens = Tokens(SECRET, 60)
    sources = [digest_of(SECRET, "address", "192.0.2.1")] * 2 + [digest_of(SECRET, "tenant", "192.0.2.1")]
    first, second, other = (tokens.new(source)[0].client_id for source in sources)
    assert first != second
    assert source_of(first) == source_of(second) != source_of(other)
    for client_id in (first, second, other):
        assert re.fullmatch(r"[A-Za-z0-9_-]{28}", client_id)
    assert digest_of("t" * 32, "address", "192.0.2.1") != sources[0], "it cannot be guessed"


def test_a_client_of_an_older_session_is_its_own_source() -> None:
    client_id = Tokens(SECRET, 60).new()[0].client_id
    assert source_of(client_id) == client_id
