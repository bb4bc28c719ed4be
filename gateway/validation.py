"""The caller's input, held against the function's JSON Schema before anything is invoked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson
from flask import request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from core.config_document import ConfigDocument
from core.errors import DocumentError, InputError
from core.settings import is_setting
from gateway.problems import BodyError

#: Names that the gateway itself gives to actions; a caller may not.
RESERVED = frozenset({"client_id", "process_job_id", "topic", "step", "again", "callback_url"})
#: Lists and objects within one another; a circuit or a graph needs three or four.
MAX_DEPTH = 64
#: Findings told at once.
MAX_FINDINGS = 10


def body() -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        BodyError: it is not JSON.
        InputError: it is not an object, or uses a name that is not the caller's to use.
    """
    data = request.get_data(cache=False)
    try:
        value = orjson.loads(data) if data else {}
    except orjson.JSONDecodeError as error:
        raise BodyError(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"The body must be a JSON object, not {_kind(value)}.", field="body")
    if _depth(value) > MAX_DEPTH:
        raise InputError(f"The body is nested more than {MAX_DEPTH} deep. Make it flatter.", field="body")
    for name in value:
        # Names in upper case are how a deployment's settings reach an action.
        if name in RESERVED or is_setting(name) or name.startswith("__"):
            raise InputError(f"{name[:64]} is reserved. Leave it out.", field=name[:64])
    return value


def _depth(value: Any) -> int:
    """How deep lists and objects lie within one another; without recursion, since the caller chooses it."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        level = [item for one in level for item in (one.values() if isinstance(one, dict) else one)]
    return depth


def validate(document: ConfigDocument, value: dict[str, Any]) -> None:
    """InputError with every finding if `value` is not what the function takes."""
    schema = document.function_input_schema
    if not schema:
        return
    try:
        validator = _validator(orjson.dumps(schema))
        errors = sorted(
            validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path]
        )
    except (SchemaError, Unresolvable) as error:
        raise DocumentError(
            f"The function {document.id} has a broken input schema: {getattr(error, 'message', error)!s:.200}"
        ) from None
    except RecursionError:
        raise InputError("The body is nested too deeply. Make it flatter.", field="body") from None
    if not errors:
        return
    findings = [finding for error in errors[:MAX_FINDINGS] for finding in _findings(error, value)][
        :MAX_FINDINGS
    ]
    raise InputError(" ".join(f"{item['field']}: {item['message']}" for item in findings), errors=findings)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    parsed = orjson.loads(schema)
    Draft202012Validator.check_schema(parsed)
    # An empty registry: what a schema refers to is in the schema, and never fetched from anywhere.
    return Draft202012Validator(parsed, registry=Registry())


def _findings(error: ValidationError, value: dict[str, Any]) -> list[dict[str, str]]:
    """The finding in words for people; jsonschema's own words where there are none."""
    where = ".".join(str(part) for part in error.absolute_path)
    limit: Any = error.validator_value
    given: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "required":
            # One error for each missing field; only the message tells which.
            name = next(name for name in limit if error.message.startswith(repr(name)))
            return [{"field": f"{where}.{name}" if where else name, "message": "is missing. Add it."}]
        case "additionalProperties":
            known = sorted(schema.get("properties", {}))
            patterns = schema.get("patternProperties", {})
            return [
                {
                    "field": f"{where}.{name[:64]}" if where else name[:64],
                    "message": f"is not known. Known: {', '.join(known)}.",
                }
                for name in given
                if name not in known and not any(re.search(pattern, name) for pattern in patterns)
            ]
        case "type":
            message = f"must be of type {limit}, not {_kind(given)}."
        case "minLength":
            message = f"must have at least {limit} characters."
        case "maxLength":
            message = f"must have at most {limit} characters, not {len(given)}."
        case "enum":
            message = f"must be one of {', '.join(map(str, limit))}."
        case "minimum":
            message = f"must be at least {limit}."
        case "maximum":
            message = f"must be at most {limit}."
        case "pattern" if limit == "^[ -~]+$":
            message = "must have printable ASCII characters only."
        case "pattern":
            message = f"must match the pattern {limit}."
        case "anyOf":
            inner = [item for item in (error.context or []) if item.validator != "type"]
            if inner:
                return _findings(inner[0], value)
            message = f"must not be {_kind(given)}."
        case _:
            message = f"{error.message[:300]}."
    return [{"field": where or "body", "message": message}]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
