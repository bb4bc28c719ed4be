"""Idempotency keys: one job for each, separate for each client."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import InputError
from core.protocol import encode
from gateway.auth.tokens import ClientSession
from gateway.idempotency import InFlight, key_of, process_job_id, require_same_request
from gateway.inbox.inbox import InboxEntry
from gateway.problems import ConflictError
from tests.core.samples import TOPIC, result_event

SECRET = "s" * 32


def session(client: str) -> ClientSession:
    return ClientSession(client, TOPIC, datetime.now(UTC))


def test_a_key_gives_one_id_of_one_client() -> None:
    first = process_job_id(SECRET, session("a"), "key")
    assert first == process_job_id(SECRET, session("a"), "key")
    others = [
        process_job_id(SECRET, session("b"), "key"),
        process_job_id(SECRET, session("a"), "yek"),
        process_job_id("t" * 32, session("a"), "key"),
    ]
    assert len({first, *others}) == 4
    assert len(first) == 22, "not as long as the random ids"


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\n"])
def test_an_invalid_key_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="1 to 255 visible ASCII characters") as caught:
        key_of(key)
    assert caught.value.details == {"field": "Idempotency-Key"}


def test_a_missing_key_is_not_an_error() -> None:
    assert key_of(None) is None
    assert key_of("x" * 255) == "x" * 255


def test_a_key_is_for_one_input() -> None:
    event = result_event(params={"n": 1})
    entry = InboxEntry(0, event, encode(event))
    require_same_request(entry, "smile_super_position", {"n": 1}, None)
    for function, value, callback in (
        ("other", {"n": 1}, None),
        ("smile_super_position", {"n": 2}, None),
        ("smile_super_position", {"n": 1}, "https://app.example.org/"),
    ):
        with pytest.raises(InputError, match="Use a new key"):
            require_same_request(entry, function, value, callback)


def test_a_request_in_progress_is_not_started_again() -> None:
    in_flight = InFlight()
    with in_flight.claim("a"):
        with pytest.raises(ConflictError), in_flight.claim("a"):
            pass
        with in_flight.claim("b"):
            pass
    with in_flight.claim("a"):
        pass
