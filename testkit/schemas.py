"""JSON Schemas that allow no more than they describe."""

from __future__ import annotations

from typing import Any


def closed(schema: Any) -> Any:
    """Return a copy of a JSON Schema that allows only the fields which it names.

    Our schemas allow others, since a later version may add fields. An object without named fields, such as
    the input of any function, stays open.

    Args:
        schema: the schema, or a part of it.
    """
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    narrowed = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object":
        narrowed.setdefault("additionalProperties", False)
    return narrowed
