"""The OpenAPI document, built from the models that the API uses and the config documents."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask import Flask, Response
from pydantic.json_schema import models_json_schema

from core.config_docs import Documents
from core.config_docs.model import FUNCTION_ID, ConfigDocument
from core.protocol import API, JOB_ID, STRUCTURED, data_path, job_path, result_path
from gateway.function_operations import ANY_FUNCTION, add_functions
from gateway.links import public_path
from gateway.listing import MAX_CURSOR, MAX_JOBS
from gateway.openapi_models import MODELS
from gateway.webhooks import FORMAT_HEADER, MAX_ADDRESS

VERSION = "1"

#: The names of the operations, for clients that are generated; those of functions are `run_` and their ids.
OPERATION_IDS = {
    f"post {API}/sessions": "create_session",
    f"get {API}/webhooks/secret": "get_webhook_secret",
    f"get {API}/functions": "list_functions",
    f"get {API}/functions/{{function}}": "get_function",
    f"get {API}/backends": "list_backends",
    f"post {ANY_FUNCTION}": "submit_job",
    f"get {API}/jobs": "list_jobs",
    f"get {job_path('{process_job_id}')}": "get_job",
    f"delete {job_path('{process_job_id}')}": "cancel_job",
    f"delete {data_path('{process_job_id}')}": "erase_job_data",
    f"get {result_path('{process_job_id}')}": "get_large_result",
    f"get {API}/events": "open_events",
    "get /healthz": "get_health",
    "get /readyz": "get_readiness",
}

_TEXTS = {
    400: "The request is malformed: its head, its path, or its body, which must be JSON",
    401: "No valid token",
    403: "A page of another origin sent the request, or the tenant may not use this function or this backend "
    "type; `detail` says what is allowed",
    404: "This client has no such thing",
    405: "The path does not support this method, for example because an id in it has a slash",
    408: "The body is not complete in time",
    409: "A request with this Idempotency-Key is in progress, or the job has not ended",
    413: "The body is larger than 1 MB",
    414: "The address is too long",
    421: "The gateway does not serve the host that the request names",
    422: "The input is wrong; `errors` names the fields",
    426: "A WebSocket handshake is required",
    429: "Too many requests or connections; Retry-After says when to retry",
    431: "The request has too many headers, or too large ones",
    500: "The gateway failed",
    502: "The function failed",
    503: "Kafka, the quantum provider or the gateway is not available; Retry-After says when to retry",
    504: "The function took too long",
}

#: The errors that any request may get, whatever its path: of its head, its origin and its connection.
_OF_ALL = (400, 403, 414, 421, 429, 431)
#: The errors that any request may get that a view answers, besides its own: of its body, of the gateway's
#: load, and of mistakes in the gateway.
_OF_VIEWS = (408, 500, 503)

#: The headers of errors.
_HEADERS = {
    401: {"WWW-Authenticate": "The scheme: `Bearer`."},
    405: {"Allow": "The methods of the path."},
    429: {"Retry-After": "Seconds."},
    503: {"Retry-After": "Seconds."},
}


def document(functions: Mapping[str, ConfigDocument]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document.

    Args:
        functions: the config documents of the functions, by their ids.
    """
    description = _common()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            operation["operationId"] = OPERATION_IDS[f"{method} {path}"]
            operation["tags"] = ["Gateway"]
    add_functions(description, [functions[name] for name in sorted(functions)])
    return description


def servers(prefix: str = "") -> list[dict[str, str]]:
    """Return the servers: this gateway.

    Args:
        prefix: the path before those of the document.
    """
    return [{"url": prefix or "/", "description": "This gateway"}]


def _common() -> dict[str, Any]:
    """Return the document without the functions."""
    _, definitions = models_json_schema(
        [(model, "serialization") for model in MODELS], ref_template="#/components/schemas/{model}"
    )
    wait = {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for the result.",
        "schema": {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A repeated request with the same key returns the same job.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    }
    callback = {
        "name": "Callback-Url",
        "in": "header",
        "description": "Where the final event is also sent: a public https address, unless the "
        "deployment allows others.",
        "schema": {"type": "string", "format": "uri", "maxLength": MAX_ADDRESS},
    }
    callback_format = {
        "name": FORMAT_HEADER,
        "in": "header",
        "description": "The form of the body for `Callback-Url`: `webhook`, or `cloudevents` for a "
        "CloudEvent in structured mode.",
        "schema": {"type": "string", "enum": ["webhook", "cloudevents"]},
    }
    function = _path("function", f"^{FUNCTION_ID}$", "Id of the function.")
    job = _path("process_job_id", f"^{JOB_ID}$", "The job's id.")
    anything = {"content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qwhisk",
            "version": VERSION,
            "description": "Quantum algorithms as functions. Each function has an operation with its own "
            "input and answer.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": servers(),
        "tags": [{"name": "Gateway", "description": "Sessions, jobs of any function, backends, health"}],
        "paths": {
            f"{API}/sessions": {
                "post": _view(
                    "Create a client, or renew the token of a client that sends a valid token",
                    {200: ("The renewed token", "NewSession"), 201: ("A new client", "NewSession")},
                    [401],
                    security=[],
                    description="`Authorization: Bearer` is optional: the token to renew, or a key if the "
                    "deployment requires a sign-in.",
                )
            },
            f"{API}/webhooks/secret": {
                "get": _view(
                    "Get the secret that signs this client's webhooks",
                    {200: ("The secret", "WebhookSecret")},
                    [401],
                )
            },
            f"{API}/functions": {
                "get": _view("List the functions", {200: ("All functions", "FunctionPage")}, [401])
            },
            f"{API}/functions/{{function}}": {
                "get": _view(
                    "Get a function with the schemas of its input and answer",
                    {200: ("The function", "FunctionDetails")},
                    [401, 404],
                    parameters=[function],
                )
            },
            f"{API}/backends": {
                "get": _view("List the backends", {200: ("All backends", "BackendPage")}, [401])
            },
            ANY_FUNCTION: {
                "post": _view(
                    "Submit a job of any function",
                    {200: ("The job has ended", "PublicJob"), 202: ("The job was submitted", "PublicJob")},
                    [401, 404, 405, 409, 413, 422, 502, 504],
                    parameters=[function, wait, key, callback, callback_format],
                    requestBody=anything,
                    callbacks={"final": {"{$request.header.Callback-Url}": {"post": _webhook()}}},
                )
            },
            f"{API}/jobs": {
                "get": _view(
                    "List the client's jobs, the most recently submitted first",
                    {200: ("A page of jobs", "JobPage")},
                    [401, 422],
                    parameters=[
                        {
                            "name": "limit",
                            "in": "query",
                            "description": "The most jobs of the page. It ends earlier at 1 MB.",
                            "schema": {"type": "integer", "minimum": 1, "maximum": MAX_JOBS},
                        },
                        {
                            "name": "cursor",
                            "in": "query",
                            "description": "The `next` of the page before. Omit it for the first page.",
                            "schema": {"type": "string", "maxLength": MAX_CURSOR},
                        },
                    ],
                )
            },
            job_path("{process_job_id}"): {
                "get": _view(
                    "Get a job",
                    {200: ("The job", "PublicJob")},
                    [401, 404, 422],
                    parameters=[job, wait],
                ),
                "delete": _view(
                    "Request the cancellation of a job",
                    {202: ("The cancellation was requested", "Cancelling")},
                    [401, 404, 405],
                    parameters=[job],
                ),
            },
            data_path("{process_job_id}"): {
                "delete": _view(
                    "Erase the input and result of a job that has ended",
                    {204: ("The data was erased, now or before", None)},
                    [401, 404, 405, 409],
                    parameters=[job],
                    description="The job then no longer exists for the client. Its messages in Kafka cannot "
                    "be deleted one by one: they are not shown any more, and expire.",
                )
            },
            result_path("{process_job_id}"): {
                "get": _view(
                    "Get the result that a job names by `result_url`",
                    {200: ("`result` and `answer`", "LargeResult")},
                    [401, 404],
                    parameters=[job],
                )
            },
            f"{API}/events": {
                "get": _view(
                    "WebSocket of this client's events, each as {id, event}: an id and a PublicJob",
                    {101: ("The events", None)},
                    [401, 426],
                    security=[],
                    parameters=[
                        {"name": "token", "in": "query", "schema": {"type": "string"}},
                        {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": -1}},
                    ],
                )
            },
            "/healthz": {"get": _health("Whether the process is alive")},
            "/readyz": {"get": _health("Whether the gateway can serve requests")},
        },
        "components": {
            "schemas": definitions["$defs"],
            "responses": {_error(status): _problem(status) for status in (*_TEXTS, None)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _path(name: str, pattern: str, text: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _view(
    summary: str, answers: Mapping[int, tuple[str, str | None]], problems: Iterable[int], **more: Any
) -> dict[str, Any]:
    """Describe an operation that a view answers, with its own errors."""
    return _operation(summary, answers, (*problems, *_OF_VIEWS), **more)


def _operation(
    summary: str, answers: Mapping[int, tuple[str, str | None]], problems: Iterable[int], **more: Any
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): {"description": text} | _content("application/json", model)
        for status, (text, model) in answers.items()
    }
    for status in sorted({*problems, *_OF_ALL}):
        responses[str(status)] = {"$ref": f"#/components/responses/{_error(status)}"}
    responses["default"] = {"$ref": f"#/components/responses/{_error(None)}"}
    return {"summary": summary, "security": [{"token": []}], "responses": responses} | more


def _error(status: int | None) -> str:
    """Return the name of the response with this status; without one, of that with any other."""
    return f"Problem{status or ''}"


def _problem(status: int | None) -> dict[str, Any]:
    text = "Another error, for example of a proxy" if status is None else _TEXTS[status]
    described = {"description": text} | _content("application/problem+json", "Problem")
    headers = {
        name: {"description": words, "schema": {"type": "string"}}
        for name, words in _HEADERS.get(status or 0, {}).items()
    }
    return described | ({"headers": headers} if headers else {})


def _content(mimetype: str, model: str | None) -> dict[str, Any]:
    if model is None:
        return {}
    return {"content": {mimetype: {"schema": {"$ref": f"#/components/schemas/{model}"}}}}


def _webhook() -> dict[str, Any]:
    """Describe the request that a receiver gets (standardwebhooks.com)."""
    texts = {
        "webhook-id": "The same in every delivery of a final event. Each is delivered at least once.",
        "webhook-timestamp": "Seconds since 1970. Reject a request that is older than five minutes.",
        "webhook-signature": "`v1,` and base64 of the HMAC-SHA256, with the client's secret, of "
        "`{webhook-id}.{webhook-timestamp}.{body}`. There are two, separated by a blank, while the gateway's "
        "secret is being changed: accept a request if one of them is right.",
    }
    return {
        "summary": "The job's final event",
        # Receivers check the signature.
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in texts.items()
        ],
        "requestBody": {
            "content": _content("application/json", "Webhook")["content"]
            | _content(STRUCTURED, "JobCloudEvent")["content"]
        },
        "responses": {
            "2XX": {"description": "The event was accepted"},
            "410": {"description": "No further attempts"},
            "default": {"description": "The delivery is retried: twelve attempts in some nine hours"},
        },
    }


def _health(summary: str) -> dict[str, Any]:
    answers = {200: ("Yes", "Health"), 503: ("No", "Health")}
    return _operation(summary, answers, [], security=[])


class ServedDocument:
    """The document as JSON, built again only when a config document has changed."""

    def __init__(self) -> None:
        self._building = threading.Lock()
        self._functions: Mapping[str, ConfigDocument] | None = None
        self._json = b""

    def json(self, functions: Mapping[str, ConfigDocument], prefix: str = "") -> bytes:
        """Return the document.

        Args:
            functions: the config documents; the same object as long as none of them has changed.
            prefix: the path before those of the document.
        """
        with self._building:
            if self._functions is not functions:
                description = document(functions)
                del description["servers"]
                self._json = orjson.dumps(description)
                self._functions = functions
            return b'{"servers":%b,%b' % (orjson.dumps(servers(prefix)), self._json[1:])


def register(app: Flask, documents: Documents) -> None:
    """Serve the document at `/openapi.json`.

    Args:
        app: the application.
        documents: the config documents, followed as they change.
    """
    served = ServedDocument()

    @app.get("/openapi.json")
    def openapi() -> Response:
        return Response(served.json(documents.all(), public_path("")), mimetype="application/json")
