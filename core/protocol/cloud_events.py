"""Events as CloudEvents 1.0: in binary mode on Kafka, in structured mode for clients that request it.

On Kafka, the attributes are headers and the value stays as it is, so a reader need not know CloudEvents. A
structured event is one JSON document, with the job that clients see as its `data`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import orjson
from pydantic import BaseModel

from core.protocol.events import JobEvent, ResultEvent
from core.protocol.paths import API, job_path
from core.tracing import TRACEPARENT, traceparent

#: The media type of an event in structured mode.
STRUCTURED = "application/cloudevents+json"
#: The subprotocol of WebSockets whose messages are such events.
SUBPROTOCOL = "cloudevents.json"

#: The types of events that are not of a job's status.
SUBMITTED, CANCELLATION, ERASURE, BACKENDS = (
    "qwhisk.job.submitted",
    "qwhisk.job.cancellation_requested",
    "qwhisk.job.erasure_requested",
    "qwhisk.backends.listed",
)


def binary_headers(event: BaseModel, data: bytes, request: str | None = None) -> dict[str, bytes]:
    """Return the headers of a Kafka message that make it a CloudEvent.

    Args:
        event: the event.
        data: the encoded event. A repeated message with the same bytes has the same id.
        request: the type of a JobEvent that requests something: `CANCELLATION` or `ERASURE`.
    """
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": hashlib.blake2b(data, digest_size=16).hexdigest(),
        "ce_source": f"{API}/backends",
        "ce_type": BACKENDS,
        "content-type": "application/json",
    }
    if isinstance(event, JobEvent):
        attributes["ce_type"] = request or _type(event)
        attributes["ce_source"] = job_path(event.process_job_id)
        attributes["ce_subject"] = event.process_job_id
        if (time := _time(event)) is not None:
            attributes["ce_time"] = time.isoformat()
        attributes |= _trace(event)
    return {name: value.encode() for name, value in attributes.items()}


def trace_headers(event: JobEvent) -> dict[str, bytes]:
    """Return the header of a Kafka message that makes it part of the event's trace; none without a trace."""
    return {name: value.encode() for name, value in _trace(event).items()}


def _trace(event: JobEvent) -> dict[str, str]:
    header = traceparent(event.traceparent)
    return {} if header is None else {TRACEPARENT: header}


def structured(event: ResultEvent, job: bytes, event_id: str) -> bytes:
    """Return an event in structured mode.

    Args:
        event: the event; its large fields are not needed.
        job: the job that clients see, encoded.
        event_id: the event's id, different from those of the job's other events.
    """
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": job_path(event.process_job_id),
        "type": _type(event),
        "subject": event.process_job_id,
        "datacontenttype": "application/json",
    }
    if (time := _time(event)) is not None:
        attributes["time"] = time.isoformat()
    return b'%s,"data":%s}' % (orjson.dumps(attributes)[:-1], job)


def _type(event: JobEvent) -> str:
    return f"qwhisk.job.{event.status.lower()}" if isinstance(event, ResultEvent) else SUBMITTED


def _time(event: JobEvent) -> datetime | None:
    """Return when the event happened; None if that is not known, as for a change in the queue."""
    if isinstance(event, ResultEvent):
        return event.finished_at
    return event.submitted_at
