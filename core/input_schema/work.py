"""Bounds the size of a value that a schema can check within the time of one request.

The number of checks alone is not enough, because some are a thousand times as expensive as others. The
validator compares numbers as unbounded fractions, hashes integers beyond 2^53 as if they were rounded, and
matches some regular expressions at a microsecond per character. The constants here are measured and rounded
up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.input_schema.effort import most_expensive
from core.input_schema.nodes import Node

#: The most nanoseconds of one decision, by the estimates below.
BUDGET = 100_000_000
#: The most integers beyond 2^53 in a value with lists of unique entries: each is compared with each.
MAX_WIDE = 500

#: Nanoseconds of a cheap check, of one that compares numbers or lists, and of a `multipleOf` that is not an
#: integer.
_CHEAP, _COMPARED, _FRACTION = 40, 3_000, 45_000
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
#: Nanoseconds per character, by the bytes of the compiled expression.
_PER_CHARACTER = {512: 2, 2_048: 120, 8_192: 500, 32_768: 1_800, 131_072: 3_500, 262_144: 6_000}
#: The permitted sizes of a compiled expression in bytes.
SIZES = tuple(_PER_CHARACTER)

_WHOLE = 2**53


class TooMuchWorkError(ValueError):
    """The value is too large for this schema. The message continues after its subject ("The body ...")."""


@dataclass(frozen=True)
class ValueLimits:
    """What one schema can check.

    Args:
        values: the number of values, including lists and objects.
        characters: characters of all strings and names; those beyond ASCII count four times.
        unique: whether lists must have unique entries.
    """

    values: int
    characters: int
    unique: bool

    @classmethod
    def of(cls, schema_nodes: list[Node], sizes: Mapping[str, int]) -> ValueLimits:
        """Return what the schema of these nodes can check.

        Args:
            schema_nodes: the schema's nodes.
            sizes: for each of its regular expressions, the smallest sufficient size of `SIZES`.
        """

        def per_character(node: Node) -> int:
            return sum(_PER_CHARACTER[sizes[pattern]] for pattern in node.patterns())

        return cls(
            values=max(1, BUDGET // most_expensive(schema_nodes, _nanoseconds, BUDGET)),
            characters=BUDGET // max(1, most_expensive(schema_nodes, per_character, BUDGET)),
            unique=any(node.get("uniqueItems") for node in schema_nodes),
        )

    def check(self, value: Any) -> None:
        """Check each value once, without recursion.

        Raises:
            TooMuchWorkError: the value is larger than the schema can check.
        """
        values = characters = wide = 0
        level = [value]
        while level:
            values += len(level)
            inside: list[Any] = []
            for item in level:
                if isinstance(item, str):
                    characters += _size(item)
                elif isinstance(item, dict):
                    characters += sum(map(_size, item))
                    inside.extend(item.values())
                elif isinstance(item, list):
                    inside.extend(item)
                elif isinstance(item, int) and not -_WHOLE <= item <= _WHOLE:
                    wide += 1
            level = inside
        if values > self.values:
            raise TooMuchWorkError(f"has {values} values; {self.values} can be checked. Make it smaller.")
        if characters > self.characters:
            raise TooMuchWorkError(
                f"has {characters} bytes of text; {self.characters} can be checked. Make it shorter."
            )
        if self.unique and wide > MAX_WIDE:
            raise TooMuchWorkError(
                f"has {wide} whole numbers beyond 2^53; {MAX_WIDE} can be checked. Use smaller numbers."
            )


def _size(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def _nanoseconds(node: Node) -> int:
    """Return the nanoseconds of a node's own checks of one value, without those of its inner schemas."""
    if isinstance(node.schema, bool):
        return _CHEAP
    total = _CHEAP * (1 + sum(len(_several(node.get(name))) for name in ("required", "dependentRequired")))
    total += sum(_COMPARED for name in _LIMITS if name in node.schema)
    factor = node.get("multipleOf")
    if isinstance(factor, float) and not factor.is_integer():
        total += _FRACTION
    entries = [*_several(node.get("enum")), node.get("const")]
    # For Python a Boolean is an int, which only makes the estimate too large.
    return total + sum(
        _COMPARED if isinstance(entry, int | float | list | dict) else _CHEAP for entry in entries
    )


def _several(entries: Any) -> Collection[Any]:
    return entries if isinstance(entries, list | dict) else ()
