"""How much of a value a schema can check in the time that one request may take.

The number of checks is not enough to go by: some are a thousand times as expensive as others. The validator
compares numbers as fractions without bounds, hashes whole numbers beyond 2^53 as if they were rounded, and
matches some regular expressions at a microsecond for each character. The constants here are measured, and
rounded up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.input_schema.effort import dearest
from core.input_schema.nodes import Node

#: Nanoseconds that one decision may take, by the estimates below.
BUDGET = 100_000_000
#: Whole numbers beyond 2^53 in a value where a list's entries must differ: each is compared with each.
MAX_WIDE = 500

#: Nanoseconds: a check that is cheap, one that compares numbers or lists, one of a `multipleOf` that is not
#: whole.
_CHEAP, _COMPARED, _FRACTION = 40, 3_000, 45_000
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
#: Nanoseconds for each character, by the bytes of the compiled expression.
_PER_CHARACTER = {512: 2, 2_048: 120, 8_192: 500, 32_768: 1_800, 131_072: 3_500, 262_144: 6_000}
#: Bytes of a compiled expression, of which one must be enough.
SIZES = tuple(_PER_CHARACTER)

_WHOLE = 2**53


class TooMuchWorkError(ValueError):
    """The value is too large for this schema; the message goes on from its subject ("The body ...")."""


@dataclass(frozen=True)
class Work:
    """What one schema can check.

    Args:
        values: values, the lists and objects among them.
        characters: characters of all texts and names; those beyond ASCII count four times.
        unique: whether lists must have entries that differ.
    """

    values: int
    characters: int
    unique: bool

    @classmethod
    def of(cls, found: list[Node], sizes: Mapping[str, int]) -> Work:
        """What the schema of these nodes can check.

        Args:
            found: the schema's nodes.
            sizes: of each of its regular expressions, the one of `SIZES` that is enough.
        """

        def per_character(node: Node) -> int:
            return sum(_PER_CHARACTER[sizes[pattern]] for pattern in node.patterns())

        return cls(
            values=max(1, BUDGET // dearest(found, _nanoseconds, BUDGET)),
            characters=BUDGET // max(1, dearest(found, per_character, BUDGET)),
            unique=any(node.get("uniqueItems") for node in found),
        )

    def check(self, value: Any) -> None:
        """Look at every value once, without recursion.

        Raises:
            TooMuchWorkError: it is more than the schema can check.
        """
        values = characters = wide = 0
        level = [value]
        while level:
            values += len(level)
            inside: list[Any] = []
            for one in level:
                if isinstance(one, str):
                    characters += _size(one)
                elif isinstance(one, dict):
                    characters += sum(map(_size, one))
                    inside.extend(one.values())
                elif isinstance(one, list):
                    inside.extend(one)
                elif isinstance(one, int) and not -_WHOLE <= one <= _WHOLE:
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
    """What a node's own checks of one value can take, those of schemas inside it not counted."""
    if isinstance(node.schema, bool):
        return _CHEAP
    total = _CHEAP * (1 + sum(len(_several(node.get(name))) for name in ("required", "dependentRequired")))
    total += sum(_COMPARED for name in _LIMITS if name in node.schema)
    factor = node.get("multipleOf")
    if isinstance(factor, float) and not factor.is_integer():
        total += _FRACTION
    entries = [*_several(node.get("enum")), node.get("const")]
    # A Boolean is an int to Python, which makes the estimate too large and no more.
    return total + sum(
        _COMPARED if isinstance(entry, int | float | list | dict) else _CHEAP for entry in entries
    )


def _several(entries: Any) -> Collection[Any]:
    return entries if isinstance(entries, list | dict) else ()
