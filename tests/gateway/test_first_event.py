"""A job's first event, made from its function's answer."""

from __future__ import annotations

from typing import Any

import pytest

from core.config_docs.model import ConfigDocument
from core.errors import InvocationError
from core.protocol import Envelope
from gateway.submissions import queued_event
from tests.core.samples import TOPIC, raw_document

REPLY = {"job_id": "d1", "backend": "aer_simulator", "backend_type": "simulator"}
ENVELOPE = Envelope(client_id="c", process_job_id="p", topic=TOPIC, again=True)


def first(reply: dict[str, Any]) -> Any:
    return queued_event(ConfigDocument.model_validate(raw_document()), {"n": 1}, reply, ENVELOPE)


def test_it_has_the_jobs_fields() -> None:
    event = first(REPLY)
    assert (event.job_id, event.process_job_id, event.status) == ("d1", "p", "QUEUED")


@pytest.mark.parametrize("job_id", ["stray.d2", "lost", "lost.a1", "", "a b", None, 7, ["d1"]])
def test_an_id_that_would_cancel_another_job_is_left_out(job_id: Any) -> None:
    """The client's cancellation request passes it to the pollers, to which some ids mean other jobs."""
    with pytest.raises(InvocationError, match="which job"):
        first(REPLY | {"job_id": job_id})
    with pytest.raises(InvocationError, match="which job"):
        first({})
