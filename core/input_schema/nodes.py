"""Lists every schema inside a schema and resolves its references.

Only the keywords listed here reach the validator. Unknown keywords have no effect, and keywords whose work is
hard to bound are rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

#: The deepest nesting of lists and objects, in a schema and in the values that it checks.
MAX_DEPTH = 64
#: The most schemas inside one schema.
MAX_NODES = 2_000
#: The most regular expressions in one schema, and the most characters of one of them.
MAX_PATTERNS, MAX_PATTERN = 100, 1_000

#: Keywords whose value is a schema, a list of schemas, or an object of schemas.
SINGLE = ("not", "if", "then", "else", "additionalProperties", "propertyNames", "items", "contains")
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "patternProperties", "dependentSchemas")
#: Keywords that check a value by themselves.
ASSERTIONS = (
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
)

_INDEX = re.compile(r"[0-9]{1,6}")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNSUPPORTED = {
    "$dynamicRef": "use $ref",
    "$dynamicAnchor": "use $defs and $ref",
    "$recursiveRef": "use $ref",
    "$recursiveAnchor": "use $defs and $ref",
    "$vocabulary": "omit it",
    "unevaluatedProperties": "use additionalProperties",
    "unevaluatedItems": "use items",
    "dependencies": "use dependentSchemas or dependentRequired",
    "additionalItems": "use prefixItems and items",
}

#: The nodes of a keyword: a number, or several.
Inner: TypeAlias = int | list[int] | dict[str, int]


class SchemaError(ValueError):
    """The schema is not accepted. The message says where and why."""


@dataclass
class Node:
    """One schema.

    Attributes:
        schema: the object, or a Boolean.
        where: its JSON pointer.
        inner: the numbers of the schemas in its keywords; for `$ref`, of its target.
    """

    schema: dict[str, Any] | bool
    where: str
    inner: dict[str, Inner] = field(default_factory=dict)

    def get(self, keyword: str) -> Any:
        """Return the keyword's value; None if it is absent."""
        return None if isinstance(self.schema, bool) else self.schema.get(keyword)

    def inner_numbers(self, *keywords: str) -> Iterator[int]:
        """Yield the numbers of all schemas in these keywords."""
        for keyword in keywords:
            numbers = self.inner.get(keyword, [])
            if isinstance(numbers, int):
                yield numbers
            else:
                yield from numbers.values() if isinstance(numbers, dict) else numbers

    def patterns(self) -> Iterator[str]:
        """Yield the node's own regular expressions."""
        if self.get("pattern") is not None:
            yield self.get("pattern")
        yield from self.get("patternProperties") or ()


def nodes(root: dict[str, Any]) -> list[Node]:
    """Return the root and every schema that is reachable from it, the root first.

    Raises:
        SchemaError: there are too many, or one of them is not accepted.
    """
    return _Walk(root).nodes


class _Walk:
    """Numbers each schema once, however often it is referred to; without recursion."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._numbers: dict[int, int] = {}
        self._patterns = 0
        self.nodes: list[Node] = []
        self._number(root, "#")
        done = 0
        while done < len(self.nodes):
            self._visit(self.nodes[done])
            done += 1

    def _number(self, schema: Any, where: str) -> int:
        if not isinstance(schema, dict | bool):
            raise SchemaError(f"{where[:200]} must be a schema: an object, true or false.")
        # In parsed JSON each object occurs once, so its identity identifies its place.
        if isinstance(schema, dict) and id(schema) in self._numbers:
            return self._numbers[id(schema)]
        if len(self.nodes) >= MAX_NODES:
            raise SchemaError(f"it contains more than {MAX_NODES} schemas. Make it smaller.")
        number = len(self.nodes)
        self.nodes.append(Node(schema, where))
        if isinstance(schema, dict):
            self._numbers[id(schema)] = number
        return number

    def _visit(self, node: Node) -> None:
        if isinstance(node.schema, bool):
            return
        self._check_keywords(node.schema, node.where)
        for keyword, value in node.schema.items():
            where = f"{node.where}/{keyword}"
            if keyword == "$ref":
                node.inner[keyword] = self._target(value, where)
            elif keyword in SINGLE:
                node.inner[keyword] = self._number(value, where)
            elif keyword in LISTS:
                if not isinstance(value, list):
                    raise SchemaError(f"{where[:200]} must be a list of schemas.")
                node.inner[keyword] = [
                    self._number(item, f"{where}/{place}") for place, item in enumerate(value)
                ]
            elif keyword in MAPS:
                if not isinstance(value, dict):
                    raise SchemaError(f"{where[:200]} must be an object of schemas.")
                if keyword == "patternProperties":
                    for pattern in value:
                        self._check_pattern(pattern, where)
                node.inner[keyword] = {
                    name: self._number(item, f"{where}/{_escape(name)}") for name, item in value.items()
                }
            elif keyword == "pattern":
                self._check_pattern(value, where)

    def _check_keywords(self, schema: dict[str, Any], where: str) -> None:
        for keyword, instead in _UNSUPPORTED.items():
            if keyword in schema:
                raise SchemaError(f"{where[:200]}/{keyword} is not supported; {instead}.")
        if schema.get("$schema", _DIALECT) not in (_DIALECT, _DIALECT + "#"):
            raise SchemaError(f"{where[:200]}/$schema must be {_DIALECT}.")
        if "$id" in schema and schema is not self._root:
            raise SchemaError(f"{where[:200]}/$id is not supported below the root; omit it.")

    def _check_pattern(self, pattern: Any, where: str) -> None:
        self._patterns += 1
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
            raise SchemaError(
                f"{where[:200]} must be a regular expression of at most {MAX_PATTERN} characters."
            )
        if self._patterns > MAX_PATTERNS:
            raise SchemaError(f"it contains more than {MAX_PATTERNS} regular expressions. Use fewer.")

    def _target(self, reference: Any, where: str) -> int:
        """Return the number of the schema that a `$ref` names, which must be inside this schema."""
        if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
            raise SchemaError(
                f"{where[:200]} must be # or begin with #/; other references are not supported."
            )
        at: Any = self._root
        for part in unquote(reference).split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(at, dict) and part in at:
                at = at[part]
            elif isinstance(at, list) and _INDEX.fullmatch(part) and int(part) < len(at):
                at = at[int(part)]
            else:
                raise SchemaError(f"{where[:200]} names {reference[:200]!r}, which does not exist.")
        return self._number(at, reference)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
