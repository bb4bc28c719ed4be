"""Requests to the pollers, on the topic `jobs.cancel`."""

from __future__ import annotations

from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, binary_headers, encode


def publish_request(publisher: Publisher, event: JobEvent, kind: str) -> None:
    """Publish a request as a CloudEvent, and wait for its acknowledgement.

    Args:
        publisher: the publisher.
        event: the job, or what `core/strays.py` or `core/erasure.py` makes of it.
        kind: the type of the CloudEvent, `CANCELLATION` or `ERASURE`.

    Raises:
        StreamError: the broker did not acknowledge the request.
    """
    data = encode(event)
    publisher.publish(CANCEL, event.process_job_id, data, binary_headers(event, data, kind))
