"""The HTTP API under `/api/v1`."""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, request

from core.config_docs.model import ConfigDocument
from core.errors import InputError, InvocationError, NotFoundError
from core.kafka.publisher import PUBLISH_TIMEOUT
from core.kafka.topics import CANCEL
from core.large_results import name_of
from core.protocol import (
    API,
    Envelope,
    ResultEvent,
    SubmittedJob,
    encode,
    first_event,
    job_path,
    result_path,
)
from core.strays import sought
from gateway.auth.tokens import ClientSession, TokenError
from gateway.body import body
from gateway.idempotency import HEADER, key_of, process_job_id, require_same_request
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.limits import LimitError
from gateway.replies import json_response
from gateway.services import GatewayServices, address, bearer, counted, services, session
from gateway.validation import validate
from gateway.webhooks import HEADER as CALLBACK
from gateway.webhooks import callback, secret_of

log = logging.getLogger(__name__)

api = Blueprint("api", __name__, url_prefix=API)

#: The rules of a job and of its result, below the blueprint's prefix.
_JOB = job_path("<process_job_id>").removeprefix(API)
_RESULT = result_path("<process_job_id>").removeprefix(API)

#: Seconds that a request may ask to wait for a result.
MAX_WAIT = 60.0
#: Seconds for which a job that is asked for may still be on its way to this replica: it was acknowledged by
#: the broker before its client heard of it, so it comes within some milliseconds, or does not exist.
APPEARS = 0.5


@api.post("/sessions")
def new_session() -> Response:
    """A new client: its id and its token; for one that has a good token, the same with a new token.

    Where the deployment asks for it, a new client signs in.
    """
    found, credential = services(), bearer()
    found.session_limit.take(_asker(found, credential))
    if request.headers.get("Authorization") and not credential:
        found.tokens.read(credential)  # says what is wrong with it
    made, token, new = found.session_for(credential)
    status = 201 if new else 200
    return json_response(
        {"client_id": made.client_id, "token": token, "expires_at": made.expires_at.isoformat()}, status
    )


def _asker(found: GatewayServices, credential: str) -> str:
    """In whose limit a new session counts: a client that renews its own is held up by no other."""
    try:
        return f"client {found.tokens.read(credential).client_id}"
    except TokenError:
        return address()


@api.get("/functions")
def functions() -> Response:
    """Every function with what a page needs to draw its form."""
    session()
    documents = services().documents.all()
    return json_response({"functions": [_function(documents[name]) for name in sorted(documents)]})


def _function(document: ConfigDocument) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.function_title or document.id,
        "description": document.function_description,
        "category": document.function_category,
        "view": document.function_view,
        "input_schema": document.function_input_schema,
    }


@api.get("/backends")
def backends() -> Response:
    """The backends as the poller saw them last."""
    session()
    return json_response(
        {"backends": [backend.model_dump(mode="json") for backend in services().reader.backends]}
    )


@api.get("/webhooks/secret")
def webhook_secret() -> Response:
    """What this client's webhooks are signed with."""
    return json_response({"secret": secret_of(services().settings.secret, session().client_id)})


@api.post("/functions/<function>/jobs")
def new_job(function: str) -> Response:
    """Invoke the function; 202 with the job, or 200 with its result if that comes within `?wait=` seconds."""
    who, found = session(), services()
    with counted(who):
        wait_seconds = _wait_seconds()
        told = callback(request.headers.get(CALLBACK), found.settings.webhooks)
        key = key_of(request.headers.get(HEADER))
        document = found.documents.get(function)
        value = body()
        validate(document, value)
    # Opened before the job is there, so that its first event finds the inbox ready.
    inbox = found.inbox(who)
    if key is None:
        return _submit(found, who, inbox, document, value, secrets.token_urlsafe(16), wait_seconds, told)
    job_id = process_job_id(found.settings.secret, who, key)
    with found.in_flight.claim(job_id):
        known = inbox.job(job_id)
        if known is None:
            return _submit(found, who, inbox, document, value, job_id, wait_seconds, told, again=True)
    require_same_request(known, document.id, value, told)
    return _replayed(inbox, known, wait_seconds)


def _submit(
    found: GatewayServices,
    who: ClientSession,
    inbox: Inbox,
    document: ConfigDocument,
    value: dict[str, Any],
    process_job_id: str,
    wait_seconds: float,
    told: str | None,
    again: bool = False,
) -> Response:
    """Invoke the function.

    `told`: where its final event is to be sent. `again`: it may have been asked the same before, by a gateway
    that then died.
    """
    if inbox.in_flight() >= found.settings.jobs_in_flight:
        raise LimitError(f"Over {found.settings.jobs_in_flight} jobs are under way. Wait for some to end.", 5)
    envelope = Envelope(
        client_id=who.client_id,
        process_job_id=process_job_id,
        topic=who.topic,
        again=again,
        callback_url=told,
    )
    reply = found.invoke(document, value | envelope.as_params(), found.settings.invoke_timeout)
    queued = _queued(document, value, reply, envelope)
    remembered = _remember(found, queued)
    g.submitted = document.id
    log.info(
        "submitted",
        extra={"process_job_id": process_job_id, "function": document.id, "job_id": queued.job_id},
    )
    if wait_seconds:
        entry = inbox.final(process_job_id, wait_seconds)
        if entry is not None and entry.event.final:
            return Response(entry.json, 200, mimetype="application/json")
    # Whoever is told of the job finds it: at every replica, the next moment.
    _settled(remembered)
    if again:
        # Whoever sends it once more must not be faster than the broker.
        inbox.appearing(process_job_id, APPEARS)
    return _accepted(reply | {"status": "QUEUED"}, process_job_id)


def _replayed(inbox: Inbox, entry: InboxEntry, wait_seconds: float) -> Response:
    """The answer for a job that there is already."""
    event = entry.event
    if wait_seconds and not event.final:
        entry = inbox.final(event.process_job_id, wait_seconds) or entry
    if entry.event.final and wait_seconds:
        response = Response(entry.json, 200, mimetype="application/json")
    else:
        shown = ("job_id", "backend", "backend_type", "process_job_id", "client_id", "function", "status")
        response = _accepted({name: getattr(entry.event, name) for name in shown}, event.process_job_id)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _queued(
    document: ConfigDocument, value: dict[str, Any], reply: dict[str, Any], envelope: Envelope
) -> ResultEvent:
    """The job's first event; InvocationError if the function did not say which job it submitted."""
    try:
        submitted = SubmittedJob.model_validate(reply)
        if sought(submitted.job_id) is not None:
            raise ValueError("the id means another job to the pollers")
        return first_event(envelope, document.id, value, submitted, datetime.now(UTC))
    except ValueError:
        log.error("function %s gave an answer without a job", document.id)
        raise InvocationError(f"The function {document.id} did not say which job it submitted.") from None


def _remember(found: GatewayServices, queued: ResultEvent) -> Future[None]:
    """Put the job into the client's log. If that fails the job runs, and its result comes, all the same."""

    def report(done: Future[None]) -> None:
        if done.exception() is not None:
            log.warning("%s", done.exception(), extra={"process_job_id": queued.process_job_id})

    sent = found.publisher.send(queued.topic, queued.process_job_id, encode(queued))
    sent.add_done_callback(report)
    return sent


def _settled(sent: Future[None]) -> None:
    wait([sent], timeout=PUBLISH_TIMEOUT)


def _accepted(value: dict[str, Any], process_job_id: str) -> Response:
    response = json_response(value, 202)
    response.headers["Location"] = job_path(process_job_id)
    return response


@api.get("/jobs")
def jobs() -> Response:
    """The client's jobs, each as its newest event, the newest job first."""
    entries = services().inbox(session()).latest()
    return Response(
        b'{"jobs":[' + b",".join(entry.json for entry in entries) + b"]}", mimetype="application/json"
    )


@api.get(_JOB)
def job(process_job_id: str) -> Response:
    """One job's newest event; with `?wait=`, its final one if that comes in time."""
    inbox, wait_seconds = services().inbox(session()), _wait_seconds()
    entry = _found(inbox, process_job_id)
    if wait_seconds and not entry.event.final:
        entry = inbox.final(process_job_id, wait_seconds) or entry
    return Response(entry.json, 200, mimetype="application/json")


@api.get(_RESULT)
def result(process_job_id: str) -> Response:
    """Result and answer of a job whose final event could not carry them: what its `result_url` names."""
    found, who = services(), session()
    _found(found.inbox(who), process_job_id)
    if found.large_results is None:
        raise NotFoundError("No large results are kept here. The job's final event has what there is.")
    data = found.large_results.get(name_of(who.topic, process_job_id))
    return Response(data, 200, mimetype="application/json")


@api.delete(_JOB)
def cancel(process_job_id: str) -> Response:
    """Ask for the job to be cancelled; its final event says whether that came in time."""
    found = services()
    entry = _found(found.inbox(session()), process_job_id)
    event = entry.event
    if not event.final:
        found.publisher.publish(CANCEL, process_job_id, encode(event.job_event()))
    return _accepted({"process_job_id": process_job_id, "status": event.status}, process_job_id)


def _found(inbox: Inbox, process_job_id: str) -> InboxEntry:
    entry = inbox.appearing(process_job_id, APPEARS)
    if entry is None:
        raise NotFoundError("There is no such job for this client.")
    return entry


def _wait_seconds() -> float:
    raw = request.args.get("wait", "0")
    try:
        wait_seconds = float(raw)
    except ValueError:
        wait_seconds = -1.0
    if not 0 <= wait_seconds <= MAX_WAIT:
        raise InputError(f"wait must be a number of seconds from 0 to {MAX_WAIT:.0f}.", field="wait")
    return wait_seconds
