"""Idempotency keys: one job for each, separate for each client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import InputError
from core.protocol import ResultEvent, encode
from gateway.auth.tokens import ClientSession
from gateway.idempotency import InFlight, key_of, process_job_id, require_same_request
from gateway.inbox.inbox import Inbox, InboxEntry
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


def entry_of(*events: ResultEvent) -> InboxEntry:
    """The newest entry of a job with these events."""
    inbox = Inbox(TOPIC)
    for number, event in enumerate(events):
        inbox.append(number, encode(event))
    [entry] = inbox.latest()
    return entry


def test_a_key_of_an_empty_input_is_for_no_other() -> None:
    entry = entry_of(result_event(params={}, status="QUEUED"))
    require_same_request(entry, "smile_super_position", {}, None)
    with pytest.raises(InputError, match="Use a new key"):
        require_same_request(entry, "smile_super_position", {"n": 1}, None)


@pytest.mark.parametrize("first", [{}, {"n": 1}])
def test_the_input_is_known_after_the_final_event_omitted_it(first: dict[str, Any]) -> None:
    queued = result_event(params=first, status="QUEUED")
    final = result_event(params={}, status="DONE")
    # The gateway's first event may also be the last that arrives.
    for entry in (entry_of(queued, final), entry_of(final, queued)):
        assert entry.event.final
        require_same_request(entry, "smile_super_position", first, None)
        for other in ({"n": 2}, {} if first else {"n": 1}):
            with pytest.raises(InputError, match="Use a new key"):
                require_same_request(entry, "smile_super_position", other, None)


def test_a_number_is_the_same_however_it_is_written() -> None:
    entry = entry_of(result_event(params={"n": 1, "m": [1e16, -0.0], "s": {"b": 1, "a": 2}}))
    require_same_request(
        entry, "smile_super_position", {"m": [10**16, 0], "n": 1.0, "s": {"a": 2, "b": 1}}, None
    )
    with pytest.raises(InputError):
        require_same_request(
            entry, "smile_super_position", {"m": [1e16, 0], "n": True, "s": {"a": 2, "b": 1}}, None
        )


def test_a_key_is_for_one_input() -> None:
    entry = entry_of(result_event(params={"n": 1}))
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
