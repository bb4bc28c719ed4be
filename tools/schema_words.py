"""JSON Schemas in words, for tables."""

from __future__ import annotations

import json
from typing import Any

Schema = dict[str, Any]

_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}


def resolved(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema that a `$ref` names, or the schema itself."""
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def kind(schema: Schema, definitions: Schema) -> str:
    """Describe a value's type and limits, such as `whole number, 1 to 8`.

    Args:
        schema: the value's schema.
        definitions: the `$defs` for `$ref`.
    """
    schema = resolved(schema, definitions)
    if "anyOf" in schema:
        return " or ".join(kind(choice, definitions) for choice in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        choices = [schema["const"]] if "const" in schema else schema["enum"]
        return "one of " + ", ".join(f"`{json.dumps(choice)}`" for choice in choices)
    if "prefixItems" in schema:
        return f"[{'; '.join(kind(item, definitions) for item in schema['prefixItems'])}]"
    words = _TYPES.get(str(schema.get("type")), "any JSON value")
    match schema.get("type"):
        case "array":
            limits = [_span(schema.get("minItems"), schema.get("maxItems"), "items")]
            limits += ["all different"] if schema.get("uniqueItems") else []
            inside = f"; each: {kind(schema['items'], definitions)}" if "items" in schema else ""
        case "string":
            limits = [_span(schema.get("minLength"), schema.get("maxLength"), "characters"), _pattern(schema)]
            inside = ""
        case "object":
            limits = [_span(schema.get("minProperties"), schema.get("maxProperties"), "names")]
            values = schema.get("additionalProperties")
            inside = f"; each value: {kind(values, definitions)}" if isinstance(values, dict) else ""
        case _:
            limits = [_range(schema)]
            inside = ""
    return ", ".join([words, *filter(None, limits)]) + inside


def _span(least: int | None, most: int | None, unit: str) -> str:
    if most is None:
        return f"at least {least} {unit}" if least else ""
    if least == most:
        return f"{most} {unit}"
    return f"{least} to {most:,} {unit}" if least else f"up to {most:,} {unit}"


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is None and schema.get("type") == "integer" and "exclusiveMaximum" in schema:
        most = schema["exclusiveMaximum"] - 1
    if least is None or most is None:
        return ""
    if least == most:
        return f"always {_number(least)}"
    step = f", a multiple of {schema['multipleOf']}" if "multipleOf" in schema else ""
    return f"{_number(least)} to {_number(most)}{step}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) or value != int(value) else f"{int(value):,}"


def _pattern(schema: Schema) -> str:
    pattern = schema.get("pattern")
    if not pattern:
        return ""
    return f"pattern `{pattern}`" if len(pattern) <= 40 else "a pattern, see the description"


def unit(schema: Schema, definitions: Schema) -> str:
    """Return the unit of the numbers in a value; empty without one."""
    schema = resolved(schema, definitions)
    if "properties" in schema:
        return ""
    if "x-unit" in schema:
        return str(schema["x-unit"])
    inner = [*schema.get("anyOf", []), *schema.get("prefixItems", [])]
    inner += [
        schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)
    ]
    units = (unit(item, definitions) for item in inner)
    return "; ".join(dict.fromkeys(word for word in units if word))
