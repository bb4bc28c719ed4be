"""Validates the caller's input against the function's JSON Schema before the function is invoked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from core.config_docs.model import ConfigDocument
from core.errors import InputError
from core.input_schema import Mismatch, TooMuchWorkError
from gateway.body import kind

#: The most findings in one error.
MAX_FINDINGS = 10
#: The most names and values that one finding lists.
MAX_LISTED = 50
#: The most characters of a name in a finding, of a path of names, and of a message of the validator.
_NAME, _PATH, _WORDS = 64, 200, 300


def validate(document: ConfigDocument, value: dict[str, Any]) -> None:
    """Check the input of a function.

    Args:
        document: the function's config document.
        value: the input, within the bounds of `gateway.body`.

    Raises:
        InputError: the input does not match the schema. The error has up to `MAX_FINDINGS` findings.
    """
    schema = document.input
    try:
        if schema is None or schema.accepts(value):
            return
        mismatches = schema.mismatches(value)
    except TooMuchWorkError as error:
        raise InputError(f"The body {error}", field="body") from None
    except ValueError:  # the validator's own limit
        raise InputError("The body is nested too deeply. Make it flatter.", field="body") from None
    errors = sorted(mismatches, key=lambda error: [str(part) for part in error.path])
    findings = list(islice((finding for error in errors for finding in _findings(error)), MAX_FINDINGS))
    if not findings:
        message = (
            "does not match the function's input schema, and is too large to report where. Make it smaller."
        )
        findings = [{"field": "body", "message": message}]
    raise InputError(" ".join(f"{item['field']}: {item['message']}" for item in findings), errors=findings)


def _findings(error: Mismatch) -> Iterator[dict[str, str]]:
    """Yield the findings of a mismatch in plain words, or in the validator's words if there are none."""
    where = ".".join(str(part)[:_NAME] for part in error.path)[:_PATH]
    limit = error.limit
    match error.keyword:
        case "required":
            for name in error.names:
                yield {"field": _inside(where, name), "message": "is missing. Add it."}
            return
        case "additionalProperties":
            known = _listed(sorted(error.schema.get("properties", {})))
            for name in error.names:
                yield {"field": _inside(where, name), "message": f"is not known. Known: {known}."}
            return
        case "type":
            message = f"must be of type {limit}, not {kind(error.value)}."
        case "minLength":
            message = f"must have at least {limit} characters."
        case "maxLength":
            message = f"must have at most {limit} characters, not {len(error.value)}."
        case "enum":
            message = f"must be one of {_listed(limit)}."
        case "minimum":
            message = f"must be at least {limit}."
        case "maximum":
            message = f"must be at most {limit}."
        case "pattern" if limit == "^[ -~]+$":
            message = "must have printable ASCII characters only."
        case "pattern":
            message = f"must match the pattern {limit}."
        case "anyOf":
            inner = next((item for item in error.inner if item.keyword != "type"), None)
            if inner is not None:
                yield from _findings(inner)
                return
            message = f"must not be {kind(error.value)}."
        case _:
            message = f"{error.message[:_WORDS]}."
    yield {"field": where or "body", "message": message}


def _inside(where: str, name: str) -> str:
    return f"{where}.{name[:_NAME]}" if where else name[:_NAME]


def _listed(values: Iterable[Any]) -> str:
    """Return the first of the values, separated by commas."""
    names = [str(value)[:_NAME] for value in islice(values, MAX_LISTED + 1)]
    return ", ".join([*names[:MAX_LISTED], "..."] if len(names) > MAX_LISTED else names)
