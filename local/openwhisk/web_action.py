"""Web actions: an HTTP request as an action's parameters, its result as an HTTP response. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson

from local.openwhisk.errors import NOT_ALLOWED, BadRequest, NotFound
from local.openwhisk.request_headers import PARAMETER, as_parameter

#: Parameters that describe the request.
RESERVED = frozenset(f"__ow_{name}" for name in ("method", "headers", "path", "user", "query", "body"))

#: Extensions that may follow the action's name; the first is the default.
EXTENSIONS = (".http", ".json", ".html", ".svg", ".text")

#: Media types that are text, besides text/* and those that end in +json or +xml.
_TEXT = frozenset(
    f"application/{name}" for name in ("json", "xml", "javascript", "x-www-form-urlencoded", "graphql")
)

#: Characters of the headers of a response in all. A list repeats its name, so that a small result could make
#: a response of any size.
MAX_HEADERS = 64 * 1024

#: Headers that this server sets, as OpenWhisk does. With other values a client would wait for bytes that do
#: not come, or take the rest of the response for the next one.
_OF_THE_CONNECTION = frozenset(
    ("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)

#: Characters that no header may have (RFC 9110, section 5.5).
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+", re.ASCII)
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebCall:
    """A request to a web action."""

    method: str
    headers: Mapping[str, str]
    #: The path after the action's name, with its slash.
    path: str
    #: As it was sent.
    query: str
    body: bytes
    #: The namespace of the request's key, if it has one.
    user: str | None = None


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """The response to a request."""

    status: int
    body: bytes = b""
    content_type: str = ""
    #: Several headers may have the same name.
    headers: list[tuple[str, str]] = field(default_factory=list)


def split_extension(name: str) -> tuple[str, str]:
    """Return the action's name and the extension, which decides how its result becomes a response."""
    for extension in EXTENSIONS:
        if name.endswith(extension):
            return name.removesuffix(extension), extension
    return name, EXTENSIONS[0]


def arguments(call: WebCall, raw: bool, final: frozenset[str]) -> dict[str, Any]:
    """Return the action's parameters.

    Args:
        call: the request.
        raw: whether the action gets query and body unchanged.
        final: the parameters that a request may not set.

    Raises:
        BadRequest: the body does not match its type, or the request sets a final parameter.
    """
    parameters: dict[str, Any] = {
        "__ow_method": call.method.lower(),
        PARAMETER: as_parameter(call.headers),
        "__ow_path": call.path,
    }
    if call.user is not None:
        parameters["__ow_user"] = call.user
    media = _media_type(call.headers.get("Content-Type", "application/octet-stream"))
    if raw:
        return parameters | {"__ow_query": call.query, "__ow_body": _text(call.body, media, json_too=False)}
    request_parameters: dict[str, Any] = dict(parse_qsl(call.query, keep_blank_values=True))
    opaque: dict[str, Any] = {}
    if call.body:
        body = _parse_body(call.body, media)
        if isinstance(body, dict):
            request_parameters |= body
        else:
            opaque = {"__ow_body": body}
    if not request_parameters.keys().isdisjoint(RESERVED | final):
        raise BadRequest(NOT_ALLOWED)
    return parameters | request_parameters | opaque


def _parse_body(body: bytes, media: str) -> Any:
    if _is_json(media):
        try:
            # What this reader accepts can be passed on: integers of up to 64 bits, whole surrogate pairs.
            return orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise BadRequest(f"The request content was malformed: {exc}.") from None
    if media == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return _text(body, media, json_too=True)


def _text(body: bytes, media: str, json_too: bool) -> str:
    """Return a body as a string: base64 if it is binary, or JSON of a raw action, as in OpenWhisk."""
    if not body:
        return ""
    if _is_text(media) and (json_too or media != "application/json"):
        return body.decode("utf-8", "replace")
    return base64.b64encode(body).decode()


def answer(extension: str, result: Any) -> WebAnswer:
    """Return the response for a result, or for the error in it.

    Args:
        extension: of the request's path.
        result: of the action.

    Raises:
        BadRequest: the extension does not fit the result.
        NotFound: the result does not have the property that the extension selects.
    """
    if extension == ".json":
        if not isinstance(result, dict | list):
            raise _invalid("application/json")
        return WebAnswer(200, _to_json(result), "application/json")
    if extension == ".text":
        return _as_text(result)
    if extension in (".html", ".svg"):
        media = "text/html; charset=utf-8" if extension == ".html" else "image/svg+xml"
        value = _field(result, extension[1:], None)
        if not isinstance(value, str):
            raise _invalid(media.partition(";")[0])
        return WebAnswer(200, value.encode("utf-8", "replace"), media)
    return _as_http(result)


def _field(result: Any, name: str, default: Any) -> Any:
    """Return the part of a result that an extension selects: `body`, or the property with its name."""
    if not isinstance(result, dict):
        return result
    return result.get("body", result.get(name, default))


def _as_text(result: Any) -> WebAnswer:
    missing = object()
    value = _field(result, "text", missing)
    if value is missing:
        raise NotFound("Response does not include requested property.")
    text = value if isinstance(value, str) else _dumps(value, indent=2)
    return WebAnswer(200, text.encode("utf-8", "replace"), "text/plain; charset=utf-8")


def _as_http(result: Any) -> WebAnswer:
    """Return the response that `statusCode`, `headers` and `body` describe."""
    if not isinstance(result, dict):
        raise _invalid("message/http")
    headers = _headers(result.get("headers"))
    status = _status(result.get("statusCode"))
    body = result.get("body")
    content_type = next((value for name, value in headers if name.lower() == "content-type"), None)
    others = [(name, value) for name, value in headers if name.lower() != "content-type"]
    if body is None or body == "":
        return WebAnswer(status or 204, headers=others)
    media = None
    if content_type is not None:
        media = _media_type(content_type)
        if not _MEDIA_TYPE.fullmatch(media):
            raise BadRequest("Response did not specify a known content-type.")
    if not isinstance(body, str):
        if media is not None and not _is_json(media):
            raise BadRequest("Response type in header did not match generated content type.")
        return WebAnswer(status or 200, _to_json(body), content_type or "application/json", others)
    return WebAnswer(status or 200, _bytes(body, media), _with_charset(content_type), others)


def _bytes(body: str, media: str | None) -> bytes:
    """Return the bytes of a body that is a string: text unchanged, binary data and base64 of JSON decoded."""
    if media is None or (_is_text(media) and not _is_json(media)):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        if _is_json(media):
            return body.encode("utf-8", "replace")
        raise BadRequest("Response type in header did not match generated content type.") from None


def _with_charset(content_type: str | None) -> str:
    if content_type is None:
        return "text/html; charset=utf-8"
    if (
        _is_text(_media_type(content_type))
        and not _is_json(_media_type(content_type))
        and "charset" not in content_type.lower()
    ):
        return f"{content_type}; charset=utf-8"
    return content_type


def _status(value: Any) -> int | None:
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(value)
        status = HTTPStatus(int(value))
        if status < HTTPStatus.OK:
            # A client would wait for the response itself.
            raise ValueError(value)
        return status.value
    except ValueError:
        raise _invalid("message/http") from None


def _headers(value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise _invalid("message/http")
    pairs = []
    size = 0
    for name, item in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise _invalid("message/http")
        for single in item if isinstance(item, list) else [item]:
            if not isinstance(single, str | bool | int | float):
                raise _invalid("message/http")
            text = single if isinstance(single, str) else json.dumps(single)
            size += len(name) + len(text)
            # A line break would start another header or the body.
            if size > MAX_HEADERS or _CONTROL.search(text):
                raise _invalid("message/http")
            if name.lower() not in _OF_THE_CONNECTION:
                pairs.append((name, text))
    return pairs


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _is_json(media: str) -> bool:
    return media == "application/json" or media.endswith("+json")


def _is_text(media: str) -> bool:
    return media.startswith("text/") or media in _TEXT or media.endswith(("+json", "+xml"))


def _to_json(value: Any) -> bytes:
    return _dumps(value, separators=(",", ":")).encode("utf-8", "replace")


def _dumps(value: Any, **options: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, **options)
    except RecursionError:
        raise BadRequest("Response is nested too deeply.") from None


def _invalid(media: str) -> BadRequest:
    return BadRequest(f"Response is not valid '{media}'.")
