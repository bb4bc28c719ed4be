"""The HTTP API under `/api/v1`."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response, g, request

from core.config_docs.model import ConfigDocument
from core.errors import InputError, NotFoundError
from core.large_results import name_of
from core.poller_requests import publish_request
from core.protocol import API, CANCELLATION, PublicBackend, data_path, job_path, result_path
from gateway import erasure, listing
from gateway.auth.tokens import ClientSession, TokenError
from gateway.body import body
from gateway.edge.exchange import awaited, exchange, wait_for_final
from gateway.idempotency import HEADER, key_of, process_job_id, require_same_request
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.links import public_path, shown
from gateway.problems import NO_JOB
from gateway.replies import json_response
from gateway.services import GatewayServices, address, bearer, count_request, services, session
from gateway.submissions import APPEARS, accepted, existing_job_response, submit
from gateway.validation import validate
from gateway.webhooks import FORMAT_HEADER, callback, secret_of
from gateway.webhooks import HEADER as CALLBACK

api = Blueprint("api", __name__, url_prefix=API)

#: The routes of a job, of its data and of its result, below the blueprint's prefix.
_JOB = job_path("<process_job_id>").removeprefix(API)
_DATA = data_path("<process_job_id>").removeprefix(API)
_RESULT = result_path("<process_job_id>").removeprefix(API)

#: The longest time in seconds that a request may wait for a result.
MAX_WAIT = 60.0


@api.post("/sessions")
def new_session() -> Response:
    """Create a client and its token, or renew the token of a client that sends a valid one.

    If the deployment requires it, a new client signs in.
    """
    gateway, credential = services(), bearer()
    gateway.session_limit.take(_limit_key(gateway, credential))
    if request.headers.get("Authorization") and not credential:
        gateway.tokens.read(credential)  # raises an error that says what is wrong
    client, token, new = gateway.session_for(credential)
    g.client = client  # for the audit
    status = 201 if new else 200
    return json_response(
        {"client_id": client.client_id, "token": token, "expires_at": client.expires_at.isoformat()}, status
    )


def _limit_key(gateway: GatewayServices, credential: str) -> str:
    """Return the key of the limit for a new session. A client that renews its session has its own limit."""
    try:
        return f"client {gateway.tokens.read(credential).client_id}"
    except TokenError:
        return address()


@api.get("/functions")
def functions() -> Response:
    """Return every function with what a page needs to draw its form."""
    client = session()
    return json_response({"functions": [_function(each) for each in listed_documents(services(), client)]})


def listed_documents(gateway: GatewayServices, client: ClientSession) -> list[ConfigDocument]:
    """Return the documents of the functions that a client may see, by name."""
    documents = gateway.documents.all()
    return [documents[name] for name in sorted(documents) if gateway.permissions.may_list(client, name)]


def _function(document: ConfigDocument) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.function_title or document.id,
        "description": document.function_description,
        "category": document.function_category,
        "view": document.function_view,
        "input_schema": document.function_input_schema,
    }


@api.get("/functions/<function>")
def function(function: str) -> Response:
    """Return a function with the schemas of its input and its answer."""
    client, gateway = session(), services()
    document = gateway.documents.get(function)
    gateway.permissions.require_function(client, document.id, gateway.documents.all())
    return json_response(_function(document) | {"output_schema": document.function_output_schema})


@api.get("/backends")
def backends() -> Response:
    """Return the backends as the poller last saw them."""
    session()
    seen = map(PublicBackend.of, services().reader.backends)
    return json_response({"backends": [backend.model_dump(mode="json") for backend in seen]})


@api.get("/webhooks/secret")
def webhook_secret() -> Response:
    """Return the secret that this client's webhooks are signed with."""
    return json_response({"secret": secret_of(services().settings.secret, session().client_id)})


@api.post("/functions/<function>/jobs")
def new_job(function: str) -> Response:
    """Invoke the function.

    Responds 202 with the job, or 200 with its final event if that arrives within `?wait=` seconds.
    """
    client, gateway = session(), services()
    with count_request(client):
        wait_seconds = _wait_seconds(client)
        callback_url = callback(
            request.headers.get(CALLBACK), gateway.settings.webhooks, request.headers.get(FORMAT_HEADER)
        )
        key = key_of(request.headers.get(HEADER))
        document = gateway.documents.get(function)
        # The submission checks it too. This is before the body is read.
        gateway.permissions.require_function(client, document.id, gateway.documents.all())
        value = body()
        validate(document, value)
    # Opened before the job exists, so that its first event finds the inbox ready.
    inbox = gateway.inbox_for_job(client)
    if key is None:
        return submit(
            gateway, client, inbox, document, value, secrets.token_urlsafe(16), wait_seconds, callback_url
        )
    job_id = process_job_id(client.secret, client, key)
    with gateway.in_flight.claim(job_id):
        others = _ids_of_other_secrets(client, key)
        if any(map(inbox.is_erased, (job_id, *others))):
            raise InputError(
                f"The data of this {HEADER}'s job was erased. Use a new key for a new job.", field=HEADER
            )
        found = map(inbox.job, (job_id, *others))
        known = next((entry for entry in found if entry is not None), None)
        if known is None:
            return submit(
                gateway, client, inbox, document, value, job_id, wait_seconds, callback_url, again=True
            )
    require_same_request(known, document.id, value, callback_url)
    return existing_job_response(gateway, client, inbox, known, wait_seconds)


def _ids_of_other_secrets(client: ClientSession, key: str) -> list[str]:
    """Return the other ids that the job of a client's key has if it was submitted before a renewal.

    Replicas that are being given a new secret sign with different ones. A token is valid at all of them, so a
    repeated request has the same id; only a renewal in between changes the secret of the client's token.
    """
    settings = services().settings
    others = {settings.secret, settings.previous_secret} - {client.secret, ""}
    return [process_job_id(secret, client, key) for secret in others]


@api.get("/jobs")
def jobs() -> Response:
    """Return a page of the newest events of the client's jobs, newest job first."""
    client = session()
    limit, cursor = listing.limit_of(request.args.get("limit")), listing.parse(request.args.get("cursor"))
    page = listing.page(services().inbox(client).latest(), limit, cursor)
    return services().unread.response(client.client_id, page.parts(public_path("")))


@api.get(_JOB)
def job(process_job_id: str) -> Response:
    """Return the job's newest event; with `?wait=`, the final event if it arrives in time."""
    client, gateway = session(), services()
    wait_seconds = _wait_seconds(client)
    inbox = gateway.inbox(client)
    entry = _require_job(inbox, process_job_id)
    if wait_seconds and not entry.event.final:
        wait_for_final(client.client_id, inbox, process_job_id, wait_seconds, newest=True)
        # The edge sends the newest event. This one is not kept meanwhile: it may be large.
        return Response(mimetype="application/json")
    return gateway.unread.response(client.client_id, [shown(entry, public_path(""))])


@api.get(_RESULT)
def result(process_job_id: str) -> Response:
    """Return the result and answer that were too large for the job's final event (`result_url`)."""
    gateway, client = services(), session()
    _require_job(gateway.inbox(client), process_job_id)
    if gateway.large_results is None:
        raise NotFoundError("This gateway stores no large results. See the job's final event.")
    store, name = gateway.large_results, name_of(client.topic, process_job_id)
    return gateway.unread.large(client.client_id, lambda: store.get(name))


@api.delete(_JOB)
def cancel(process_job_id: str) -> Response:
    """Request the cancellation of a job. Its final event shows whether that was in time."""
    gateway = services()
    entry = _require_job(gateway.inbox(session()), process_job_id)
    event = entry.event
    g.repeated = event.final  # for the audit
    if not event.final:
        requested = entry.job_event()
        with gateway.processor.waiting():
            publish_request(gateway.publisher, requested, CANCELLATION)
    response = json_response({"process_job_id": process_job_id, "status": event.status})
    return accepted(response, process_job_id)


@api.delete(_DATA)
def erase(process_job_id: str) -> Response:
    """Erase the input and the result of a job that has ended. The job does not exist any more then."""
    client, gateway = session(), services()
    inbox = gateway.inbox(client)
    g.repeated = inbox.is_erased(process_job_id)  # for the audit
    if not g.repeated:
        # Each erasure costs the pollers calls to the provider.
        gateway.job_limit.take(client.client_id)
        erasure.erase(gateway, client, inbox, _require_job(inbox, process_job_id))
    return Response(status=204)


def _require_job(inbox: Inbox, process_job_id: str) -> InboxEntry:
    entry = inbox.job(process_job_id)
    if entry is None:
        awaited(inbox, lambda: inbox.job(process_job_id) is not None, APPEARS)
        raise NotFoundError(NO_JOB)
    return entry


def _wait_seconds(client: ClientSession) -> float:
    """Return how long the request waits for a result, and count it among those that wait."""
    raw = request.args.get("wait", "0")
    try:
        wait_seconds = float(raw)
    except ValueError:
        wait_seconds = -1.0
    if not 0 <= wait_seconds <= MAX_WAIT:
        raise InputError(f"wait must be a number of seconds from 0 to {MAX_WAIT:.0f}.", field="wait")
    if wait_seconds:
        exchange().reserve_wait(client.client_id)
    return wait_seconds
