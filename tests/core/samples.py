"""Well-formed events and documents, of which each test changes one part."""

from __future__ import annotations

import json
from typing import Any

from core.protocol import JobEvent, ResultEvent

TOPIC = "results." + "a" * 24


def raw_job(**changes: Any) -> dict[str, Any]:
    """A JobEvent as it is on the wire."""
    return {
        "v": 1,
        "job_id": "d1abc",
        "backend": "fake_fez",
        "backend_type": "hardware",
        "function": "smile_super_position",
        "client_id": "client-1",
        "process_job_id": "process-1",
        "topic": TOPIC,
        "submitted_at": "2026-05-01T12:00:00Z",
        "queue_length_at_submit": 4,
        "params": {"emoticon_1": ":)", "emoticon_2": ":("},
    } | changes


def wire(**changes: Any) -> bytes:
    """The same as bytes."""
    return json.dumps(raw_job(**changes)).encode()


def job(**changes: Any) -> JobEvent:
    """The same as a model."""
    return JobEvent.model_validate_json(wire(**changes))


def result_event(**changes: Any) -> ResultEvent:
    """Return a ResultEvent, queued by default."""
    return ResultEvent.model_validate_json(wire(**{"status": "QUEUED"} | changes))


def raw_document(**changes: Any) -> dict[str, Any]:
    """The config document of the paper (Grossi et al., section 4.2), with our own URL."""
    return {
        "_id": "smile_super_position",
        "functionHttpMethod": "POST",
        "functionBackendUrl": "http://127.0.0.1:3233/api/v1/namespaces/_/actions/quantum/smile?blocking=true",
        "functionParams": {
            "body": "incomingRequestBody",
            "headers": {
                "Authorization": "IAMBearerToken",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        },
    } | changes
