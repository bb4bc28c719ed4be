"""What input from topics, providers and headers costs grows in proportion to its size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from core.errors import EventError
from core.kafka.client import redact_topics
from core.protocol import JobEvent, ResultEvent, decode
from core.provider.ibm.backends import backends_of
from core.provider.ibm.failures import of_status
from core.provider.ibm.jobs import views_of
from core.retry_after import parse_retry_after
from core.strays import sought
from testkit.growth import excess
from tests.core.samples import raw_job

NOW = datetime(2026, 5, 1, tzinfo=UTC)
#: Characters or values of the smaller input.
SIZE = 20_000

#: Texts that make regular expressions backtrack.
TEXTS: dict[str, Callable[[int], str]] = {
    "a word": lambda size: "a" * size,
    "spaces": lambda size: " " * size,
    "digits": lambda size: "9" * size,
    "addresses": lambda size: "https://" * (size // 8),
    "pools": lambda size: "Pool(" * (size // 5),
    "open brackets": lambda size: "aPool" + "(" * size,
    "topics": lambda size: "results." * (size // 8),
    "dots": lambda size: "." * size,
    "hyphens": lambda size: "a-" * (size // 2),
    "spaces before addresses": lambda size: " " * size + "https:/",
}

#: The work that a text is given to.
READERS: dict[str, Callable[[str], object]] = {
    "the provider's message": lambda text: of_status("take the job", 500, text),
    "a Kafka error": redact_topics,
    "Retry-After": lambda text: parse_retry_after(text, NOW),
    "a job's id": sought,
    "a topic's message": lambda text: read(JobEvent, raw_job(job_id=text, topic=text)),
    "an instant": lambda text: read(JobEvent, raw_job(submitted_at=text)),
    "a job of the provider": lambda text: views_of(
        {"jobs": [{"id": text, "created": text, "state": {"reason": text}}]}
    ),
    "a backend of the provider": lambda text: backends_of([{"name": text, "status": {"reason": text}}], NOW),
}


def read(model: type[JobEvent], message: dict[str, Any]) -> None:
    """Decode a message of a topic, which may be invalid."""
    with suppress(EventError):
        decode(model, orjson.dumps(message))


@pytest.mark.parametrize("reader", READERS)
def test_no_text_costs_more_than_in_proportion(reader: str) -> None:
    wrong = {}
    for name, text in TEXTS.items():

        def make(size: int, text: Callable[[int], str] = text) -> Callable[[], object]:
            value = text(size)
            return lambda: READERS[reader](value)

        if found := excess(make, SIZE):
            wrong[name] = found
    assert not wrong


@pytest.mark.parametrize(
    "changes",
    [
        lambda size: {f"unknown{number}": 1 for number in range(size)},
        lambda size: {"params": {str(number): [] for number in range(size)}},
        lambda size: {"params": {"list": [[0]] * size}},
        lambda size: {"state": {str(number): number for number in range(size)}},
        lambda size: {"progress": {str(number): number for number in range(size)}},
        lambda size: {"result": {"counts": {"meas": {str(number): "x" for number in range(size)}}}},
        lambda size: {"result": {"pubs": [{"shots": "x"}] * size}},
        lambda size: {"result": {"evs": [[None]] * size}},
    ],
    ids=["unknown fields", "names", "lists", "state", "progress", "wrong counts", "wrong PUBs", "values"],
)
def test_no_message_costs_more_than_in_proportion(changes: Callable[[int], dict[str, Any]]) -> None:
    def make(size: int) -> Callable[[], object]:
        data = orjson.dumps(raw_job(status="DONE") | changes(size))

        def work() -> None:
            with suppress(EventError):
                decode(ResultEvent, data)

        return work

    # Both sizes are over the bound of `state`: a message that is rejected costs more than one that is not.
    assert excess(make, 10_000) is None
