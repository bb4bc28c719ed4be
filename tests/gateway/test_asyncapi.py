"""The AsyncAPI document describes what the parts send. tests/clients checks it by AsyncAPI's own schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from core.kafka.topics import SESSIONS, shared
from core.protocol import CANCELLATION, ERASURE, binary_headers, encode, encode_public, structured
from gateway.asyncapi import document
from testkit.schemas import closed
from tests.core.samples import job, result_event
from tests.core.wire_traffic import golden

DOCUMENT = document()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for name, item in value.items() if name == "$ref" and isinstance(item, str))
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from references(item)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from objects(item)


def resolve(reference: str) -> Any:
    value: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def check(schema: dict[str, Any], value: Any) -> None:
    Draft7Validator(closed(schema) | {"components": closed(DOCUMENT["components"])}).validate(value)


def test_every_reference_resolves_and_every_topic_is_there() -> None:
    for reference in references(DOCUMENT):
        resolve(reference)
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {"/api/v1/events", "results.{client}", SESSIONS, *shared(1)}


def test_the_schemas_say_the_same_to_readers_of_draft_07() -> None:
    # AsyncAPI's schemas extend this draft, which knows neither `prefixItems` nor anything beside a `$ref`.
    schemas = DOCUMENT["components"]["schemas"]
    members = schemas["PoolRecord"]["properties"]["members"]
    check(members, [["m3b", 0, 1]])
    with pytest.raises(ValidationError):
        check(members, [[0, "m3b", 1]])
    observable = schemas["PooledPub"]["properties"]["observable"]
    check(observable, [["ZZ", 0.5]])
    with pytest.raises(ValidationError):
        check(observable, [[0.5, "ZZ"]])
    event = schemas["PoolSubmission"]["properties"]["event"]
    assert event["description"]
    with pytest.raises(ValidationError):
        check(event, {})
    assert [
        each for each in objects(DOCUMENT) if "prefixItems" in each or ("$ref" in each and len(each) > 1)
    ] == []


@pytest.mark.parametrize("status", ["POOLED", "QUEUED", "RUNNING", "DONE", "CANCELLED", "ERROR"])
def test_both_forms_of_a_frame_are_described(status: str) -> None:
    finished = {} if status in ("POOLED", "QUEUED", "RUNNING") else {"finished_at": "2026-05-01T12:00:05Z"}
    event = result_event(status=status, **finished)
    shown = encode_public(event)
    schemas = DOCUMENT["components"]["schemas"]
    check(schemas["EventFrame"], {"id": 3, "event": json.loads(shown)})
    check(schemas["JobCloudEvent"], json.loads(structured(event, shown, "3")))


def test_the_recorded_messages_of_the_topics_are_described() -> None:
    messages = DOCUMENT["components"]["messages"]
    seen = set()
    for line in (line for part in golden().values() for line in part):
        topic, _, rest = line.replace("<now>", "2026-05-01T12:00:01").partition(" ")
        channel = DOCUMENT["channels"].get("results.client" if topic.startswith("results.") else topic)
        if channel is None or topic == "jobs.dead":
            continue
        # Gateways send further messages to a client's topic; tests/gateway/test_erasure.py has these.
        name = next(iter(channel["messages"]))
        value = rest.partition(" ")[2]
        check(messages[name]["payload"], json.loads(value))
        seen.add(name)
    assert seen == {"JobEvent", "ResultEvent", "BackendList"}


def test_the_headers_of_events_are_described() -> None:
    done = result_event(status="DONE")
    for event, request in ((job(), None), (job(), CANCELLATION), (job(), ERASURE), (done, None)):
        data = encode(event)
        headers = {name: value.decode() for name, value in binary_headers(event, data, request).items()}
        check(DOCUMENT["components"]["messages"][type(event).__name__]["headers"], headers)
