"""A request's headers as a parameter of an action. Pure."""

from __future__ import annotations

from collections.abc import Mapping

#: The name of the parameter.
PARAMETER = "__ow_headers"


def as_parameter(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with names in lower case and with values that JSON can have."""
    return {name.lower(): valid_text(value) for name, value in headers.items()}


def valid_text(value: str) -> str:
    """Return a header's value in which bytes that are not UTF-8, which JSON cannot have, are replaced."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
