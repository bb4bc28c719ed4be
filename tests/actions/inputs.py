"""Input generated from an algorithm's JSON Schema: valid, invalid, and at the ends of what is permitted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

#: One value of each JSON type.
_TYPES: tuple[Any, ...] = (None, True, 7, 7.5, "x", ["x"], {"x": 1})
#: Text that few patterns match.
_STRINGS = ("", " ", "\x00", "é", "☺", "%", "-1", "../x")


@dataclass(frozen=True)
class Variant:
    """Input in which one field differs from the example, and how it differs."""

    field: str
    why: str
    values: dict[str, Any]


def example(schema: Schema) -> dict[str, Any]:
    """Return input made of the examples of the required fields."""
    for name in schema.get("required", []):
        assert schema["properties"][name].get("examples"), f"input field {name!r}: has no examples"
    return {name: schema["properties"][name]["examples"][0] for name in schema.get("required", [])}


def full(schema: Schema) -> dict[str, Any]:
    """Return the same with the defaults of all other fields."""
    defaults = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    return defaults | example(schema)


def of_wrong_type(schema: Schema) -> Iterator[Variant]:
    """Every field, and what is inside it, with values of types that it does not permit, including null."""
    yield from _variants(schema, _other_types, valid=False)


def out_of_range(schema: Schema) -> Iterator[Variant]:
    """Every field, and what is inside it, just outside each bound, or outside its choices or pattern."""
    yield from _variants(schema, _beyond, valid=False)


def edges(schema: Schema) -> Iterator[Variant]:
    """Every field at each end of its range, and each of its choices; then all fields at their ends."""
    variants = list(_variants(schema, _ends, valid=True))
    yield from variants
    for end in ("least", "most"):
        together = full(schema)
        for variant in variants:
            if variant.why.endswith(end):
                together[variant.field] = variant.values[variant.field]
        if Draft202012Validator(schema).is_valid(together):
            yield Variant("every field", f"at its {end}", together)


def _variants(schema: Schema, change: Any, valid: bool) -> Iterator[Variant]:
    """The full example with one field changed, if the schema considers the outcome valid, or invalid."""
    good = full(schema)
    whole = Draft202012Validator(schema)
    for name, field in schema["properties"].items():
        seen = [good.get(name)]
        sample = field.get("examples", [None])[0] if seen == [None] else seen[0]
        for why, value in change(field, sample, schema.get("$defs", {})):
            values = good | {name: value}
            if whole.is_valid(values) is valid and not any(_same(value, other) for other in seen):
                seen.append(value)
                yield Variant(name, why, values)


_Changes = Iterator[tuple[str, Any]]


def _other_types(field: Schema, value: Any, definitions: Schema) -> _Changes:
    yield from (("another type", other) for other in _TYPES)
    yield from _inside(_other_types, field, value, definitions)


def _beyond(field: Schema, value: Any, definitions: Schema) -> _Changes:
    for kind in _kinds(field, definitions):
        if "minimum" in kind:
            yield "below the minimum", kind["minimum"] - 1
        if "maximum" in kind:
            yield "above the maximum", kind["maximum"] + 1
        for bound in ("exclusiveMinimum", "exclusiveMaximum"):
            if bound in kind:
                yield bound, kind[bound]
        if "multipleOf" in kind:
            yield "no multiple", kind.get("minimum", 0) + kind["multipleOf"] / 2
        if "maxLength" in kind:
            yield "too long", ((value if isinstance(value, str) and value else "x") * (kind["maxLength"] + 1))
        if "enum" in kind or "const" in kind or "pattern" in kind or "minLength" in kind:
            yield from (("not allowed", text) for text in (*_STRINGS, "no such thing"))
        if isinstance(value, list) and value:
            if kind.get("minItems"):
                yield "too few", value[: kind["minItems"] - 1]
            if "maxItems" in kind:
                yield "too many", list(itertools.islice(itertools.cycle(value), kind["maxItems"] + 1))
            if kind.get("uniqueItems"):
                yield "twice the same", [value[0], *value]
        if isinstance(value, dict):
            if "maxProperties" in kind:
                yield "too many", {f"name_{number}": 1 for number in range(kind["maxProperties"] + 1)}
            yield "an extra field", value | {"extra": 1}
            for name in value:
                yield f"without {name}", {key: item for key, item in value.items() if key != name}
    yield from _inside(_beyond, field, value, definitions)


def _ends(field: Schema, value: Any, definitions: Schema) -> _Changes:
    for kind in _kinds(field, definitions):
        yield from (("a choice", choice) for choice in kind.get("enum", []))
        if kind.get("type") == "boolean":
            yield from (("a choice", choice) for choice in (True, False))
        for bound, end in (("minimum", "least"), ("maximum", "most")):
            if bound in kind:
                yield f"at its {end}", kind[bound]
        if kind.get("type") == "null":
            yield "null", None
        for bound, end in (("minLength", "least"), ("maxLength", "most")):
            if bound in kind and isinstance(value, str) and value:
                yield f"at its {end}", (value * (kind[bound] + 1))[: kind[bound]]
        for bound, end in (("minItems", "least"), ("maxItems", "most")):
            if bound in kind and isinstance(value, list) and value:
                yield f"at its {end}", list(itertools.islice(itertools.cycle(value), kind[bound]))
    yield from _inside(_ends, field, value, definitions)


def _inside(change: Any, field: Schema, value: Any, definitions: Schema) -> _Changes:
    """The changes, each made at a different place inside a list or an object."""
    for kind in _kinds(field, definitions):
        if isinstance(value, list) and value:
            places = kind.get("prefixItems") or ([kind["items"]] if "items" in kind else [])
            for index, place in enumerate(places[: len(value)]):
                for why, item in change(place, value[index], definitions):
                    yield why, [*value[:index], item, *value[index + 1 :]]
        if isinstance(value, dict):
            if isinstance(others := kind.get("additionalProperties"), dict):
                for why, item in change(others, "x", definitions):
                    yield why, value | {"another": item}
            for name, place in kind.get("properties", {}).items():
                for why, item in change(place, value.get(name), definitions):
                    yield why, value | {name: item}


def _kinds(field: Schema, definitions: Schema) -> list[Schema]:
    """Return the schemas that a field may match: its own, or each of its alternatives."""
    if "$ref" in field:
        return _kinds(definitions[field["$ref"].rpartition("/")[2]], definitions)
    alternatives = field.get("anyOf") or field.get("oneOf")
    if alternatives is None:
        return [field]
    return [kind for alternative in alternatives for kind in _kinds(alternative, definitions)]


def _same(first: Any, second: Any) -> bool:
    return type(first) is type(second) and bool(first == second)
