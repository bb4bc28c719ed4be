"""What is sent, with which signature, and when it is retried."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EventError
from core.kafka.topics import WEBHOOK_WAITS, shared
from core.protocol import ResultEvent, encode
from gateway.webhooks.callback import callback
from gateway.webhooks.delivery import DELAYS, JITTER, LONGEST, MAX_AGE, WebhookDelivery, due, parse_delivery
from gateway.webhooks.signature import secret_of, signature
from testkit.receiver import Delivery
from tests.core.samples import result_event

URL = "https://app.example.org/results?key=a-secret"


def event(**changes: object) -> ResultEvent:
    return result_event(
        **{"status": "DONE", "callback_url": URL, "finished_at": "2026-05-01T12:00:05Z"} | changes
    )


def made(attempt: int = 0, first: float = 1_000.0, **changes: object) -> WebhookDelivery:
    final = event(**changes)
    return WebhookDelivery(final, encode(final), attempt, first)


def test_the_signature_is_that_of_the_standard() -> None:
    """The test vector of the Standard Webhooks libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_client_has_a_different_secret() -> None:
    first = secret_of("s" * 32, "client-1")
    assert first == secret_of("s" * 32, "client-1")
    assert len({first, secret_of("s" * 32, "client-2"), secret_of("t" * 32, "client-1")}) == 3
    assert first.startswith("whsec_")


def test_the_receiver_gets_the_final_event_and_nothing_secret() -> None:
    delivery = made(answer={"summary": "yes"})
    body = json.loads(delivery.body)
    assert (body["type"], body["timestamp"]) == ("job.done", "2026-05-01T12:00:05+00:00")
    assert body["data"]["answer"] == {"summary": "yes"}
    assert body["data"]["process_job_id"] == "process-1"
    assert delivery.event.topic not in delivery.body.decode()
    assert URL not in delivery.body.decode()
    assert delivery.host == "app.example.org"


def test_a_receiver_that_asks_for_cloud_events_gets_them_signed() -> None:
    address = callback(URL, "public", "cloudevents")
    assert address is not None
    delivery = made(answer={"summary": "yes"}, callback_url=address)
    secret = secret_of("s" * 32, "client-1")
    headers = delivery.headers([secret], delivery.body, 1_614_265_330.0)
    found = from_structured_event(HTTPMessage({"content-type": headers["Content-Type"]}, delivery.body))
    assert (found.get_id(), found.get_type()) == ("msg_process-1", "qwhisk.job.done")
    assert found.get_id() == headers["webhook-id"]
    data = found.get_data()
    assert isinstance(data, dict)
    assert data["answer"] == {"summary": "yes"}
    assert "a-secret" not in delivery.body.decode()
    assert headers["webhook-signature"] == signature(secret, found.get_id(), 1_614_265_330, delivery.body)


def test_others_get_json() -> None:
    delivery = made(callback_url=callback(URL, "public", "webhook"))
    assert "Content-Type" not in delivery.headers([secret_of("s" * 32, "c")], b"{}", 0.0)
    assert json.loads(delivery.body)["type"] == "job.done"
    assert delivery.event.callback_url == callback(URL, "public") == URL


def test_the_link_of_a_large_result_is_below_the_settings_prefix() -> None:
    data = made(result_url="/api/v1/jobs/process-1/result").data
    links = [
        json.loads(parse_delivery(data, [], 0.0, prefix).body)["data"]["result_url"] for prefix in ("", "/q")
    ]
    assert links == ["/api/v1/jobs/process-1/result", "/q/api/v1/jobs/process-1/result"]


def test_a_signature_is_valid_for_one_attempt_and_one_body() -> None:
    delivery, secret = made(), secret_of("s" * 32, "client-1")
    headers = delivery.headers([secret], delivery.body, 1_614_265_330.9)
    assert headers["webhook-timestamp"] == "1614265330"
    received = Delivery("/", headers, delivery.body, 1_614_265_331.0)
    assert received.signed_with(secret)
    assert not received.signed_with(secret_of("s" * 32, "client-2"))
    assert not Delivery("/", headers, delivery.body + b" ", received.at).signed_with(secret)
    assert not Delivery("/", headers, delivery.body, received.at + 600).signed_with(secret), (
        "a replay was accepted"
    )
    later = delivery.headers([secret], delivery.body, 1_614_265_400.0)
    assert later["webhook-id"] == headers["webhook-id"]
    assert later["webhook-signature"] != headers["webhook-signature"]


def test_a_receiver_may_know_either_secret_while_it_is_changed() -> None:
    delivery, secrets = made(), [secret_of(letter * 32, "client-1") for letter in "no"]
    headers = delivery.headers(secrets, delivery.body, 1_614_265_330.0)
    received = Delivery("/", headers, delivery.body, 1_614_265_331.0)
    assert all(received.signed_with(secret) for secret in secrets)
    assert not received.signed_with(secret_of("x" * 32, "client-1"))


def test_retries_are_less_and_less_frequent_and_end() -> None:
    now, delivery, delays = 1_000.0, made(), []
    while (wait := delivery.schedule_retry(now, 0.0)) is not None:
        delays.append(due(list(wait.headers.items())) - now)
        assert wait.topic == WEBHOOK_WAITS[delays[-1]]
        now += delays[-1]
        delivery = parse_delivery(delivery.data, list(wait.headers.items()), now)
        assert delivery.first == 1_000.0
    assert delays == list(DELAYS)
    assert delays == sorted(delays)
    assert now - 1_000.0 < MAX_AGE


def test_a_delivery_that_is_too_old_is_given_up() -> None:
    assert made().schedule_retry(1_000.0 + MAX_AGE + 1, 0.5) is None
    assert made().postpone(1_000.0 + MAX_AGE + 1, 0.5) is None


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_delays_are_random_and_bounded(chance: float) -> None:
    wait = made().schedule_retry(1_000.0, chance)
    assert wait is not None
    assert due(list(wait.headers.items())) == 1_005.0 + 5.0 * JITTER * chance


@pytest.mark.parametrize(("asked", "topic"), [(0, "5s"), (5, "5s"), (6, "1m"), (90, "10m"), (1e99, "1h")])
def test_a_receiver_may_request_a_delay(asked: float, topic: str) -> None:
    wait = made().schedule_retry(1_000.0, 0.0, asked)
    assert wait is not None
    assert wait.topic == f"webhooks.wait.{topic}"


@pytest.mark.parametrize(("since_the_end", "waited"), [(0.5, False), (5.0, True), (-600.0, True)])
def test_an_end_that_is_not_just_now_may_be_of_an_erased_job(since_the_end: float, waited: bool) -> None:
    """Also if the provider's clock is ahead."""
    ended = datetime(2026, 5, 1, tzinfo=UTC)
    assert made(finished_at=ended.isoformat()).waited(ended.timestamp() + since_the_end) is waited
    assert made(attempt=1, finished_at=ended.isoformat()).waited(ended.timestamp() + 0.5)


def test_waiting_for_other_deliveries_is_not_an_attempt() -> None:
    wait = made(attempt=2).postpone(1_000.0, 0.0)
    assert wait is not None
    again = parse_delivery(made().data, list(wait.headers.items()), 2_000.0)
    assert (again.attempt, again.first) == (2, 1_000.0)


@pytest.mark.parametrize(
    "data", [b"", b"{}", encode(event(callback_url=None)), encode(event(status="QUEUED"))]
)
def test_only_a_final_event_with_an_address_is_a_delivery(data: bytes) -> None:
    with pytest.raises(EventError):
        parse_delivery(data, [], 0.0)


def test_invalid_headers_mean_a_first_attempt() -> None:
    delivery = parse_delivery(made().data, [("attempt", b"x"), ("first", b"\xff"), ("due", b"1.2.3")], 7.0)
    assert (delivery.attempt, delivery.first) == (0, 7.0)
    assert due([("due", b"nan")]) == 0.0


@pytest.mark.parametrize("digits", [12, 20, 21, 400, 5_000])
def test_numbers_in_headers_are_bounded(digits: int) -> None:
    """Otherwise one message blocks its topic, or ends the thread that reads it."""
    number = b"9" * digits
    delivery = parse_delivery(made().data, [("attempt", number), ("first", number)], 7.0)
    assert delivery.attempt >= 0
    # If a time far in the future remains, the consumer waits no longer than its topic's delay.
    assert due([("due", number)]) == (0.0 if digits > 20 else float(number))


def test_every_wait_topic_is_created() -> None:
    assert set(WEBHOOK_WAITS.values()) <= set(shared(2))


@pytest.mark.parametrize(
    "value", [None, b"", b"-5", b"nan", b"inf", b"1e9", b"9" * 400, b"\xff", "\u0663".encode(), b"1.2.3"]
)
def test_a_header_that_is_not_a_number_is_ignored(value: bytes | None) -> None:
    """For any message on the topic: an exception there would stop every webhook behind it."""
    headers = [(name, value) for name in ("attempt", "first", "due")]
    assert due(headers) == 0.0
    delivery = parse_delivery(made().data, headers, 1_000.0)
    assert (delivery.attempt, delivery.first) == (0, 1_000.0)


#: Values of headers as anybody may write them to a topic.
VALUES = (
    st.none()
    | st.binary(max_size=40)
    | st.text("0123456789.-+eEinfa_ \u0663", max_size=40).map(str.encode)
    | st.integers(0, 10**400).map(lambda number: str(number).encode())
    | st.floats().map(lambda number: repr(number).encode())
)


@given(
    st.lists(st.tuples(st.sampled_from(["attempt", "first", "due", "other", ""]), VALUES), max_size=6),
    st.floats(0, 1),
    st.floats(0, 4e9),
)
def test_no_headers_stop_the_deliveries_behind_them(
    headers: list[tuple[str, bytes | None]], chance: float, now: float
) -> None:
    assert math.isfinite(due(headers))
    delivery = parse_delivery(made().data, headers, now)
    assert delivery.attempt >= 0
    assert math.isfinite(delivery.first)
    for wait in (delivery.schedule_retry(now, chance), delivery.postpone(now, chance)):
        if wait is not None:
            assert due(list(wait.headers.items())) - now <= LONGEST[wait.topic] + 1.0


def test_no_wait_is_longer_than_the_delay_of_its_topic() -> None:
    """A message that the consumer holds back no longer than that is never early."""
    for attempt in range(len(DELAYS)):
        wait = replace(made(), attempt=attempt).schedule_retry(1_000.0, 1.0)
        assert wait is not None
        assert due(list(wait.headers.items())) - 1_000.0 <= LONGEST[wait.topic] + 0.001
