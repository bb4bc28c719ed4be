"""Submits a job: invokes its function, publishes its first event, and answers its client."""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any

from flask import Response, g

from core.config_docs.model import ConfigDocument
from core.erasure import erasure_of
from core.errors import InvocationError
from core.kafka.publisher import PUBLISH_TIMEOUT
from core.poller_requests import publish_request
from core.protocol import (
    CANCELLATION,
    BackendType,
    Envelope,
    ResultEvent,
    SubmittedJob,
    binary_headers,
    encode,
    encode_public,
    first_event,
    job_path,
)
from core.strays import sought
from core.tracing import span
from gateway.auth.tokens import ClientSession
from gateway.edge.exchange import json_parts, wait_for_final
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError
from gateway.links import public_path, shown
from gateway.permissions import ForbiddenError, requested_type
from gateway.services import GatewayServices

log = logging.getLogger(__name__)

#: Seconds to wait for a job that this replica does not know yet. The broker acknowledged its event before the
#: client got the answer, so the event arrives within milliseconds, or the job does not exist.
APPEARS = 0.5


def submit(
    gateway: GatewayServices,
    client: ClientSession,
    inbox: Inbox,
    document: ConfigDocument,
    value: dict[str, Any],
    process_job_id: str,
    wait_seconds: float,
    callback_url: str | None,
    again: bool = False,
) -> Response:
    """Invoke the function and publish the job's first event.

    Args:
        gateway: the gateway's services.
        client: the client.
        inbox: the client's events.
        document: the function's config document.
        value: the caller's input.
        process_job_id: the job's id.
        wait_seconds: seconds to wait for the final event; 0 to answer at once.
        callback_url: where the final event is sent; None for nowhere.
        again: whether a gateway that failed may have made the same submission before.
    """
    _require_permission(gateway, client, document.id, requested_type(document.function_input_schema, value))
    g.process_job_id = process_job_id
    if inbox.in_flight() >= gateway.settings.jobs_in_flight:
        raise LimitError(
            f"Over {gateway.settings.jobs_in_flight} jobs are under way. Wait for some to end.", 5
        )
    envelope = Envelope(
        client_id=client.client_id,
        process_job_id=process_job_id,
        topic=client.topic,
        again=again,
        callback_url=callback_url,
    )
    params = value | envelope.as_params()
    with gateway.processor.waiting():
        reply = gateway.invoke(document, params, gateway.settings.invoke_timeout)
    queued = queued_event(document, value, reply, envelope)
    try:
        # The function itself reports where it has submitted the job.
        _require_permission(gateway, client, document.id, queued.backend_type)
    except ForbiddenError:
        log.error("the function %s did not use the requested backend type", document.id)
        with gateway.processor.waiting():
            publish_request(gateway.publisher, queued.job_event(), CANCELLATION)
        raise
    remembered = _remember(gateway, queued)
    g.submitted = document.id
    log.info(
        "submitted",
        extra={
            "process_job_id": process_job_id,
            "client_id": client.client_id,
            "function": document.id,
            "job_id": queued.job_id,
            "status": queued.status,
        },
    )
    with gateway.processor.waiting():
        # A client that gets the answer must find the job at every replica.
        _wait_for_publication(remembered)
        if again:
            # A client that repeats the request must not be faster than the broker.
            inbox.appearing(process_job_id, APPEARS)
    if wait_seconds:
        wait_for_final(client.client_id, inbox, process_job_id, wait_seconds)
    return accepted(_job(gateway, encode_public(queued), queued), process_job_id)


def existing_job_response(
    gateway: GatewayServices, client: ClientSession, inbox: Inbox, entry: InboxEntry, wait_seconds: float
) -> Response:
    """Return the response for a job that already exists.

    Args:
        gateway: the gateway's services.
        client: the client.
        inbox: the client's events.
        entry: the job's newest event.
        wait_seconds: seconds to wait for the final event; 0 to answer at once.
    """
    event = entry.event
    _require_permission(gateway, client, event.function, event.backend_type)
    g.process_job_id = event.process_job_id
    if wait_seconds and event.final:
        response = gateway.unread.response(client.client_id, [shown(entry, public_path(""))])
    else:
        if wait_seconds:
            wait_for_final(client.client_id, inbox, event.process_job_id, wait_seconds)
        response = accepted(_job(gateway, shown(entry, public_path("")), event), event.process_job_id)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _require_permission(
    gateway: GatewayServices, client: ClientSession, function: str, backend_type: BackendType | None
) -> None:
    """Check that a client may use a function and a backend type.

    Raises:
        ForbiddenError: it may not.
    """
    gateway.permissions.require_function(client, function, gateway.documents.all())
    gateway.permissions.require_backend_type(client, function, backend_type)


def queued_event(
    document: ConfigDocument, value: dict[str, Any], reply: dict[str, Any], envelope: Envelope
) -> ResultEvent:
    """Return the job's first event.

    Raises:
        InvocationError: the function's reply does not name the submitted job.
    """
    try:
        submitted = SubmittedJob.model_validate(reply)
        if sought(submitted.job_id) is not None or erasure_of(submitted.job_id) is not None:
            raise ValueError("the id means another job to the pollers")
        return first_event(envelope, document.id, value, submitted, datetime.now(UTC))
    except ValueError:
        log.error("function %s gave an answer without a job", document.id)
        raise InvocationError(f"The function {document.id} did not say which job it submitted.") from None


def _remember(gateway: GatewayServices, queued: ResultEvent) -> Future[None]:
    """Publish the job's first event. If that fails, the job still runs and its result still arrives."""

    def report(done: Future[None]) -> None:
        if done.exception() is not None:
            log.warning("%s", done.exception(), extra={"process_job_id": queued.process_job_id})

    data = encode(queued)
    with span("publish results", "producer", attributes={"qwhisk.status": queued.status}):
        headers = binary_headers(queued, data)
        sent = gateway.publisher.send(queued.topic, queued.process_job_id, data, headers)
    sent.add_done_callback(report)
    return sent


def _wait_for_publication(sent: Future[None]) -> None:
    wait([sent], timeout=PUBLISH_TIMEOUT)


def _job(gateway: GatewayServices, job: bytes, event: ResultEvent) -> Response:
    """Return a response with a job; without its large fields if the client does not read its responses.

    The job exists, so its client must get its id.

    Args:
        gateway: the gateway's services.
        job: the job.
        event: the event that it was made of.
    """
    try:
        return gateway.unread.response(event.client_id, [job])
    except (LimitError, BusyError):
        return json_parts([encode_public(event.without_large_fields())])


def accepted(response: Response, process_job_id: str) -> Response:
    """Make a response that of a request which was accepted for this job, and return it."""
    response.status_code = 202
    response.headers["Location"] = public_path(job_path(process_job_id))
    return response
