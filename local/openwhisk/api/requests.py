"""Reading requests and writing responses."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
from aiohttp import web

from core.openwhisk.action_server import MAX_CODE
from local.openwhisk.entities import entity_name
from local.openwhisk.errors import BadRequest, Conflict, TooLarge, TooSlow, UnsupportedMediaType

#: Bytes of a PUT of an action: the code, JSON's escapes, and the other fields.
MAX_ENTITY = MAX_CODE + 16 * 1024 * 1024

#: Seconds in which a body must be complete.
BODY_SECONDS = 120.0

#: Maximum and default number of a list's elements.
MAX_LIST = 200
_LIST = 30

#: Headers that pages may set, if they may call this server.
ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"

#: Levels of the documents around a part of a request's body.
_WRAPPED = 10

#: The id of the request.
TRANSACTION = web.RequestKey("transaction", str)


def name_of(request: web.Request) -> str:
    """Return the name of the package, trigger or rule in the path."""
    return entity_name(request.match_info["name"])


def names_of(request: web.Request) -> tuple[str, str]:
    """Return the package ("" for the default one) and the name of the action in the path."""
    package = request.match_info.get("package", "")
    return entity_name(package) if package else "", name_of(request)


def check_overwrite(request: web.Request, old: object) -> None:
    """Check that an entity may be replaced.

    Raises:
        Conflict: it exists, and the request has no overwrite=true.
    """
    if old is not None and not flag(request, "overwrite"):
        raise Conflict("resource already exists")


async def body_of(request: web.Request, limit: int) -> bytes:
    """Return the body.

    Raises:
        TooLarge: it has more than `limit` bytes.
        BadRequest: it is not encoded as its headers say.
        TooSlow: it was not complete in time.
    """
    declared = request.content_length or 0
    if declared > limit:
        raise TooLarge("Request", declared, limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    raise TooLarge("Request", len(body), limit)
    except web.RequestPayloadError:
        raise BadRequest("The request content was malformed: it is not encoded as its headers say.") from None
    except TimeoutError:
        raise TooSlow(f"The request content was not complete after {BODY_SECONDS:g} s.") from None
    return bytes(body)


async def object_of(request: web.Request, limit: int, *, required: bool = False) -> dict[str, Any]:
    """Return the JSON object in the body; an empty one if there is no body.

    Args:
        request: the request.
        limit: bytes of the body.
        required: whether there must be a body.

    Raises:
        UnsupportedMediaType: the body is declared to be something other than JSON.
        TooLarge: the body has more than `limit` bytes.
        TooSlow: the body was not complete in time.
        BadRequest: it is not a JSON object, or is nested too deeply, or there must be one.
    """
    declared = request.headers.get("Content-Type")
    if declared and request.body_exists and request.content_type != "application/json":
        raise UnsupportedMediaType("The request's Content-Type is not supported. Expected: application/json")
    body = await body_of(request, limit)
    if not body:
        if required:
            raise BadRequest("Request entity expected but not supplied")
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadRequest(f"The request content was malformed: {exc}.") from None
    if not isinstance(document, dict):
        raise BadRequest("The request content was malformed: the body must be a JSON object.")
    _check_depth(document)
    return document


def _check_depth(document: dict[str, Any]) -> None:
    """Check that a document can be written as JSON again, also as a part of larger documents.

    Raises:
        BadRequest: it is nested too deeply.
    """
    wrapped: Any = document
    for _ in range(_WRAPPED):
        wrapped = [wrapped]
    try:
        orjson.dumps(wrapped)
    except orjson.JSONEncodeError:
        raise BadRequest("The request content was malformed: the body is nested too deeply.") from None


def flag(request: web.Request, name: str, default: bool = False) -> bool:
    """Return a query parameter that is true or false."""
    value = request.query.get(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise BadRequest(f"The query parameter '{name}' was malformed: '{value}' is not true or false.")
    return value.lower() == "true"


def integer(request: web.Request, name: str, default: int) -> int:
    """Return a query parameter that is an integer."""
    number = optional_integer(request, name)
    return default if number is None else number


def optional_integer(request: web.Request, name: str) -> int | None:
    """Return a query parameter that is an integer, or None if it is missing."""
    value = request.query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        raise BadRequest(f"The query parameter '{name}' was malformed: '{value}' is not an integer.")
    return int(value)


def range_of(request: web.Request, collection: str) -> tuple[int, int]:
    """Return how many elements to skip and how many to return."""
    skip, limit = integer(request, "skip", 0), integer(request, "limit", _LIST)
    if skip < 0:
        raise BadRequest(f"The value '{skip}' of skip is not greater than or equal to 0 for {collection}.")
    if not 0 <= limit <= MAX_LIST:
        raise BadRequest(
            f"The value '{limit}' of limit is not in the range of 0 to {MAX_LIST} for {collection}."
        )
    return skip, limit or MAX_LIST


def page(request: web.Request, items: list[dict[str, Any]], collection: str) -> Any:
    """Return the requested part of a list, or its length."""
    skip, limit = range_of(request, collection)
    if flag(request, "count"):
        return {collection: max(0, len(items) - skip)}
    return items[skip : skip + limit]


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a response with a document."""
    return json_text(orjson.dumps(document), status, headers)


def error_response(
    message: str, status: int, transaction: str, headers: dict[str, str] | None = None
) -> web.Response:
    """Return an error in OpenWhisk's form.

    Args:
        message: what is wrong.
        status: of the response.
        transaction: the id of the request.
        headers: of the response.
    """
    headers = (headers or {}) | {"X-Request-ID": transaction}
    return json_response({"error": message, "code": transaction}, status, headers)


def json_text(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a response with JSON text."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
