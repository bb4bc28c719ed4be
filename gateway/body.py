"""Reads the caller's body. Its size is checked first, by the cheapest checks, then its form."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import orjson
from flask import request

from core.errors import InputError
from core.extent import Extent, ExtentError
from core.input_schema import MAX_DEPTH
from core.protocol import MAX_EVENT_BYTES, RESERVED_NAMES
from core.settings import is_setting
from gateway.problems import BodyError

#: The most values in a body, including lists and objects. A state vector of 13 qubits has 8,192.
MAX_VALUES = 10_000
#: The most bytes of a body, so that the job's first event can carry it. That event is encoded after the
#: function was invoked, when it is too late to reject the body.
MAX_BYTES = MAX_EVENT_BYTES - 50_000
#: The most characters of one name.
MAX_NAME = 1_000
#: The most characters of one string. The longest that an algorithm here accepts has 16,000.
MAX_TEXT = 256 * 1024

#: The deepest nesting that orjson parses.
_PARSER_DEPTH = 1_024
_EXTENT = Extent(depth=MAX_DEPTH, values=MAX_VALUES, name=MAX_NAME, text=MAX_TEXT)
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


def body() -> dict[str, Any]:
    """Return the request's JSON object.

    Raises:
        BodyError: the body is not JSON.
        InputError: the body is too large, is not an object, or uses a reserved name.
    """
    return parsed(request.get_data(cache=False))


def parsed(data: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises the errors of `body`."""
    _countable(data)
    try:
        # orjson parses integers beyond 64 bits as floats, or rejects them. No function calculates with such
        # integers.
        value = orjson.loads(data) if data else {}
    except orjson.JSONDecodeError as error:
        raise BodyError(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"The body must be a JSON object, not {kind(value)}.", field="body")
    try:
        _EXTENT.check(value)
    except ExtentError as error:
        raise InputError(f"The body {error}", field="body") from None
    # Encoded again, 1e15 has 18 characters. Nothing else grows.
    if len(data) > MAX_BYTES - 20 * MAX_VALUES and len(orjson.dumps(value)) > MAX_BYTES:
        raise InputError(f"The body has more than {MAX_BYTES} bytes. Make it smaller.", field="body")
    for name in value:
        # A deployment's settings reach an action under names in upper case.
        if name in RESERVED_NAMES or is_setting(name) or name.startswith("__"):
            raise InputError(f"{name[:64]} is reserved. Leave it out.", field=name[:64])
    return value


def _countable(data: bytes) -> None:
    """Reject a body with too many values before they are parsed: parsing creates an object for each.

    Each value follows a comma or an opening bracket, or is the first. Commas and brackets inside strings do
    not count, so the strings are removed if there are too many.
    """
    if _values(data) <= MAX_VALUES:
        return
    # Without escaped characters, every quotation mark starts or ends a string.
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # A value is at most one string and has at most one name: four quotation marks.
    pieces = plain.split(b'"', 4 * MAX_VALUES + 4)
    outside = b"".join(pieces[::2])
    if len(pieces) <= 4 * MAX_VALUES and _values(outside) <= MAX_VALUES:
        return
    if _depth(outside) > _PARSER_DEPTH:
        raise BodyError(f"The body is not valid JSON: it is nested more than {_PARSER_DEPTH} deep.")
    raise InputError(f"The body has more than {MAX_VALUES} values. Make it smaller.", field="body")


def _values(text: bytes) -> int:
    """Return an upper bound of the number of values in a JSON text without strings."""
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def _depth(text: bytes) -> int:
    """Return how deep the first brackets of a JSON text without strings are nested."""
    brackets = text.translate(None, _OTHERS)[:MAX_VALUES]
    return max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0)


def kind(value: Any) -> str:
    """Return the JSON type of a value, in words for an error message."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
