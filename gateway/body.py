"""The caller's body: its bounds first, the cheapest before the others, then its form."""

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

#: Values in a body, the lists and objects among them: a state vector of 13 qubits has 8,192.
MAX_VALUES = 10_000
#: Bytes of a body that a job's first event can carry with all else that is in it. It is made after the
#: function was invoked, when it is too late to refuse.
MAX_BYTES = MAX_EVENT_BYTES - 50_000
#: Characters of one name.
MAX_NAME = 1_000
#: Characters of one text; the longest that an algorithm here takes has 16,000.
MAX_TEXT = 256 * 1024

#: What orjson nests at most.
_PARSER_DEPTH = 1_024
_EXTENT = Extent(depth=MAX_DEPTH, values=MAX_VALUES, name=MAX_NAME, text=MAX_TEXT)
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


def body() -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        BodyError: it is not JSON.
        InputError: it is too large, is not an object, or uses a name that is not the caller's to use.
    """
    return parsed(request.get_data(cache=False))


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object that a body holds; raises as `body`."""
    _countable(data)
    try:
        # Whole numbers beyond 64 bits come out as floats, or are refused: there are none to calculate with.
        value = orjson.loads(data) if data else {}
    except orjson.JSONDecodeError as error:
        raise BodyError(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"The body must be a JSON object, not {kind(value)}.", field="body")
    try:
        _EXTENT.check(value)
    except ExtentError as error:
        raise InputError(f"The body {error}", field="body") from None
    # Written again, 1e15 has 18 characters; nothing else grows.
    if len(data) > MAX_BYTES - 20 * MAX_VALUES and len(orjson.dumps(value)) > MAX_BYTES:
        raise InputError(f"The body has more than {MAX_BYTES} bytes. Make it smaller.", field="body")
    for name in value:
        # Names in upper case are how a deployment's settings reach an action.
        if name in RESERVED_NAMES or is_setting(name) or name.startswith("__"):
            raise InputError(f"{name[:64]} is reserved. Leave it out.", field=name[:64])
    return value


def _countable(data: bytes) -> None:
    """Refuse a body of too many values before they are made: parsing makes an object of each.

    Each value comes after a comma or an opening bracket, or is the first. Those inside strings do not count,
    so strings are cut out where there are too many.
    """
    if _values(data) <= MAX_VALUES:
        return
    # Without escaped characters, every quotation mark begins or ends a string.
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # A value is one string at most, and has a name at most: four marks.
    pieces = plain.split(b'"', 4 * MAX_VALUES + 4)
    outside = b"".join(pieces[::2])
    if len(pieces) <= 4 * MAX_VALUES and _values(outside) <= MAX_VALUES:
        return
    if _depth(outside) > _PARSER_DEPTH:
        raise BodyError(f"The body is not valid JSON: it is nested more than {_PARSER_DEPTH} deep.")
    raise InputError(f"The body has more than {MAX_VALUES} values. Make it smaller.", field="body")


def _values(text: bytes) -> int:
    """An upper bound of the number of values in a JSON text without strings."""
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def _depth(text: bytes) -> int:
    """How deep the first brackets of a JSON text without strings are nested."""
    brackets = text.translate(None, _OTHERS)[:MAX_VALUES]
    return max(accumulate(1 if one in b"[{" else -1 for one in brackets), default=0)


def kind(value: Any) -> str:
    """What a value is, in words for people."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
