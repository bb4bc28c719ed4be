"""Events are CloudEvents 1.0, as the official package reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from core.kafka.topics import CANCEL
from core.protocol import STRUCTURED, BackendList, binary_headers, encode, encode_public, structured
from poller.delivery.result_delivery import ResultDelivery
from tests.core.samples import TOPIC, job, result_event
from tests.poller import fakes, results


def read(headers: dict[str, bytes], value: bytes) -> BaseCloudEvent:
    """Read a message of Kafka as a consumer with the official package does."""
    return from_binary_event(KafkaMessage(headers, "process-1", value))


def test_a_submitted_job_is_an_event_with_its_value_unchanged() -> None:
    event = job()
    data = encode(event)
    found = read(binary_headers(event, data), data)
    assert (found.get_specversion(), found.get_type()) == ("1.0", "qwhisk.job.submitted")
    assert (found.get_source(), found.get_subject()) == ("/api/v1/jobs/process-1", "process-1")
    assert found.get_time() == event.submitted_at
    assert found.get_datacontenttype() == "application/json"
    assert found.get_data() == json.loads(data)


@pytest.mark.parametrize("status", ["POOLED", "QUEUED", "RUNNING", "DONE", "CANCELLED", "ERROR"])
def test_each_status_has_its_type_and_only_an_end_has_a_time(status: str) -> None:
    final = status not in ("POOLED", "QUEUED", "RUNNING")
    finished = {"finished_at": "2026-05-01T12:00:05Z"} if final else {}
    event = result_event(status=status, **finished)
    data = encode(event)
    headers = binary_headers(event, data)
    found = read(headers, data)
    assert found.get_type() == f"qwhisk.job.{status.lower()}"
    assert ("ce_time" in headers) == final
    shown = encode_public(event)
    body = structured(event, shown, "7")
    same = from_structured_event(HTTPMessage({"content-type": STRUCTURED}, body))
    assert (same.get_id(), same.get_type()) == ("7", found.get_type())
    assert ("time" in json.loads(body)) == final
    if final:
        assert found.get_time() == same.get_time() == datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)
    assert same.get_source() == found.get_source()
    assert same.get_data() == json.loads(shown)
    assert TOPIC not in body.decode()


def test_the_same_bytes_have_the_same_id_and_others_another() -> None:
    event, other = job(), job(attempt=1)
    first, second = encode(event), encode(other)
    assert binary_headers(event, first)["ce_id"] == binary_headers(event, first)["ce_id"]
    assert binary_headers(event, first)["ce_id"] != binary_headers(other, second)["ce_id"]


def test_the_list_of_backends_is_an_event_of_no_job() -> None:
    listed = BackendList(backends=[])
    data = encode(listed)
    found = read(binary_headers(listed, data), data)
    assert (found.get_type(), found.get_source()) == ("qwhisk.backends.listed", "/api/v1/backends")
    assert found.get_subject() is None


def test_the_headers_tell_nothing_secret() -> None:
    event = result_event(callback_url="https://app.example.org/?key=hidden")
    headers = b" ".join(binary_headers(event, encode(event)).values())
    assert TOPIC.encode() not in headers
    assert b"hidden" not in headers


def test_everything_that_a_delivery_publishes_is_an_event() -> None:
    publisher = fakes.Publisher()
    provider = fakes.Provider()
    provider.raw = results.sampler({"01": 3})
    arguments: Any = (provider, publisher, fakes.Documents(), fakes.Invoke({}))
    looping = job(step=2, progress={"step": 2, "of": 9}, callback_url="https://app.example.org/")
    # The function's reply has no answer: the run ends, and the job that it may have submitted is a stray.
    ResultDelivery(*arguments).deliver(looping, fakes.view("DONE"))
    found = {
        topic: read(headers, value).get_type()
        for (topic, _, value), headers in zip(publisher.sent, publisher.headers, strict=True)
    }
    assert found == {
        TOPIC: "qwhisk.job.error",
        "webhooks": "qwhisk.job.error",
        CANCEL: "qwhisk.job.cancellation_requested",
    }
