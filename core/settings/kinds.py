"""Kinds of settings: what a value must be, and how it is parsed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T_co = TypeVar("T_co", covariant=True)


class InvalidValueError(ValueError):
    """A value does not meet its kind's requirement. The message is a sentence that the error adds."""


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """What a value must be, and how it is parsed.

    Attributes:
        requirement: completes the sentence "The setting must be ...".
        parse: returns the value of a text that is not empty. It raises ValueError if the text does not meet
            the requirement, or InvalidValueError to add a sentence to the message.
        is_switch: on the command line, the flag takes no value.
        repeats: on the command line, the flag may be repeated. `parse` gets the values joined by NUL, which
            no argument can contain.
        schema: JSON Schema of a value where settings are not text, as in the values of the Helm chart. It
            says as much of the requirement as JSON Schema can.
    """

    requirement: str
    parse: Callable[[str], T_co]
    is_switch: bool = False
    repeats: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"}, compare=False)


#: Any text.
TEXT: Kind[str] = Kind("a text", str)


def integer(low: int, high: int | None = None) -> Kind[int]:
    """A whole number from `low` to `high`, or of at least `low`."""

    def parse(text: str) -> int:
        value = int(text)
        if value < low or (high is not None and value > high):
            raise ValueError
        return value

    return Kind(f"a whole number {_range(low, high)}", parse, schema=_bounded("integer", low, high))


def number(low: float, high: float | None = None) -> Kind[float]:
    """A finite number from `low` to `high`, or of at least `low`."""

    def parse(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or value < low or (high is not None and value > high):
            raise ValueError
        return value

    return Kind(f"a number {_range(low, high)}", parse, schema=_bounded("number", low, high))


def _range(low: float, high: float | None) -> str:
    return f"of at least {low}" if high is None else f"from {low} to {high}"


def _bounded(type_: str, low: float, high: float | None) -> dict[str, Any]:
    return {"type": type_, "minimum": low} | ({} if high is None else {"maximum": high})


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError
    return value


#: A finite number above zero.
POSITIVE: Kind[float] = Kind("a number above 0", _positive, schema={"type": "number", "exclusiveMinimum": 0})

#: Any whole number.
WHOLE: Kind[int] = Kind("a whole number", int, schema={"type": "integer"})

#: A port to connect to or to listen on.
PORT = integer(1, 65_535)

#: A port to listen on, or 0 for any free one.
PORT_OR_FREE = integer(0, 65_535)


def choice(*values: str, ignore_case: bool = False) -> Kind[str]:
    """One of the given texts."""
    spelling = {value.lower() if ignore_case else value: value for value in values}

    def parse(text: str) -> str:
        key = text.lower() if ignore_case else text
        if key not in spelling:
            raise ValueError
        return spelling[key]

    # With `ignore_case`, the given spelling alone: it is the one that the documentation shows.
    return Kind(f"one of {', '.join(values)}", parse, schema={"type": "string", "enum": list(values)})


def pattern(expression: str, requirement: str) -> Kind[str]:
    """A text that a regular expression matches as a whole."""
    compiled = re.compile(expression, re.ASCII)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError
        return text

    return Kind(requirement, parse, schema={"type": "string", "pattern": f"^(?:{expression})$"})


_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


#: 1 or 0; on the command line too, the flag takes a value.
BOOLEAN: Kind[bool] = Kind("1 or 0", _boolean, schema={"enum": [1, 0, True, False]})

#: True if the flag is given.
SWITCH: Kind[bool] = Kind("1 or 0", _boolean, is_switch=True)


def _checked_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # unbalanced brackets, or a port that is not a number
        valid = False
    if not valid:
        raise ValueError
    return text


_URL = "an http(s) URL"
_URL_SCHEMA = {"type": "string", "pattern": "^https?://[^/]"}

#: An http or https URL. A trailing slash is removed.
URL: Kind[str] = Kind(_URL, lambda text: _checked_url(text).rstrip("/"), schema=_URL_SCHEMA)

#: An http or https URL whose trailing slash is part of the name, as that of an OpenID Connect issuer.
EXACT_URL: Kind[str] = Kind(_URL, _checked_url, schema=_URL_SCHEMA)
