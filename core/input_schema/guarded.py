"""Schemas for the validator, made from the nodes: one that decides, one that explains.

The validator collects every mismatch before it gives the first. The explaining schema therefore looks inside
a text, list or object only where its size is within bounds, so that the number of mismatches is bounded by
the schema and not by the value.
"""

from __future__ import annotations

from typing import Any

from core.input_schema.nodes import ASSERTIONS, LISTS, MAPS, SINGLE, Node

#: Entries of a list or an object up to which each of them is explained.
MAX_EXPLAINED = 256

#: Begins the names of schemas that are not guarded.
_PLAIN = "plain-"
_DECIDING = ("not", "if", "contains")
_SIZES = ("maxLength", "maxItems", "maxProperties")
#: Where each entry of a list, or of an object, can be a mismatch of its own.
_EACH_ITEM = ("items",)
_EACH_ENTRY = ("patternProperties", "propertyNames")


def deciding(found: list[Node]) -> dict[str, Any]:
    """The schema as it is, each of its schemas in a place of its own."""
    return _whole({str(number): _plain(node, "", "") for number, node in enumerate(found)})


def explaining(found: list[Node]) -> dict[str, Any]:
    """The same, with a look inside only what is within bounds.

    What only decides (`not`, `if`, `contains`) has no mismatches of its own, and stays as it is.
    """
    plain = {f"{_PLAIN}{number}": _plain(node, _PLAIN, _PLAIN) for number, node in enumerate(found)}
    return _whole(plain | {str(number): _guarded(node) for number, node in enumerate(found)})


def number_of(path: list[str | int]) -> int:
    """The number of the node to which a path in one of these schemas leads."""
    return int(str(path[1]).removeprefix(_PLAIN))


def _whole(schemas: dict[str, dict[str, Any] | bool]) -> dict[str, Any]:
    return {"$ref": "#/$defs/0", "$defs": schemas}


def _plain(node: Node, deciding: str, others: str) -> dict[str, Any] | bool:
    """The node; the prefixes are of the references to inner nodes that only decide, and to the others."""
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
        # As it is, and not alone: the validator then reports the names, all in one mismatch.
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
