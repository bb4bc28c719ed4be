"""Builds two schemas for the validator from the nodes: one that decides, and one that explains.

The validator collects every mismatch before it returns the first. So the explaining schema looks inside a
string, list or object only if its size is within bounds. Then the schema and not the value bounds the number
of mismatches.
"""

from __future__ import annotations

from typing import Any

from core.input_schema.nodes import ASSERTIONS, LISTS, MAPS, SINGLE, Node

#: The most entries of a list or an object of which each is explained.
MAX_EXPLAINED = 256

#: The prefix of the names of schemas that are not guarded.
_PLAIN = "plain-"
_DECIDING = ("not", "if", "contains")
_SIZES = ("maxLength", "maxItems", "maxProperties")
#: Keywords for which each entry of a list, or of an object, can be a mismatch.
_EACH_ITEM = ("items",)
_EACH_ENTRY = ("patternProperties", "propertyNames")


def deciding(schema_nodes: list[Node]) -> dict[str, Any]:
    """Return the schema with each of its inner schemas as a definition."""
    return _whole({str(number): _plain(node, "", "") for number, node in enumerate(schema_nodes)})


def explaining(schema_nodes: list[Node]) -> dict[str, Any]:
    """Return the same schema, which looks inside only what is within bounds.

    Keywords that only decide (`not`, `if`, `contains`) have no mismatches of their own and stay unchanged.
    """
    plain = {f"{_PLAIN}{number}": _plain(node, _PLAIN, _PLAIN) for number, node in enumerate(schema_nodes)}
    return _whole(plain | {str(number): _guarded(node) for number, node in enumerate(schema_nodes)})


def number_of(path: list[str | int]) -> int:
    """Return the number of the node that a path in one of these schemas leads to."""
    return int(str(path[1]).removeprefix(_PLAIN))


def _whole(schemas: dict[str, dict[str, Any] | bool]) -> dict[str, Any]:
    return {"$ref": "#/$defs/0", "$defs": schemas}


def _plain(node: Node, deciding: str, others: str) -> dict[str, Any] | bool:
    """Return the node's schema.

    Args:
        node: the node.
        deciding: the prefix of references to inner nodes that only decide.
        others: the prefix of the other references.
    """
    if isinstance(node.schema, bool):
        return node.schema
    made: dict[str, Any] = {name: node.schema[name] for name in ASSERTIONS if name in node.schema}
    for keyword in ("$ref", *SINGLE, *LISTS, *MAPS):
        prefix = deciding if keyword in _DECIDING else others
        inner = node.inner.get(keyword)
        match inner:
            case None:
                continue
            case int() if keyword == "$ref":
                made[keyword] = f"#/$defs/{prefix}{inner}"
            case int():
                made[keyword] = _reference(prefix, inner)
            case list():
                made[keyword] = [_reference(prefix, number) for number in inner]
            case dict():
                made[keyword] = {name: _reference(prefix, number) for name, number in inner.items()}
    if node.get("additionalProperties") is False:
        # Unchanged, and together with `properties`: then the validator reports all names in one mismatch.
        made["additionalProperties"] = False
        made.setdefault("properties", {})
    return made


def _reference(prefix: str, number: int) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{prefix}{number}"}


def _guarded(node: Node) -> dict[str, Any] | bool:
    plain = _plain(node, _PLAIN, "")
    if isinstance(plain, bool):
        return plain
    sizes = {name: plain.pop(name) for name in _SIZES if name in plain}
    within = dict(sizes)
    if any(name in plain for name in _EACH_ITEM):
        within["maxItems"] = min(sizes.get("maxItems", MAX_EXPLAINED), MAX_EXPLAINED)
    extra = plain.get("additionalProperties", False)
    if extra is not False or any(name in plain for name in _EACH_ENTRY):
        within["maxProperties"] = min(sizes.get("maxProperties", MAX_EXPLAINED), MAX_EXPLAINED)
    return {**sizes, "if": within, "then": plain} if within else plain
