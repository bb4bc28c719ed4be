"""Bounds the size and depth of a parsed JSON value, before anything else uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ExtentError(ValueError):
    """The value exceeds a bound. The message continues after its subject ("The body ...")."""


@dataclass(frozen=True)
class Extent:
    """The bounds of a parsed JSON value.

    Args:
        depth: the deepest nesting of lists and objects.
        values: the number of values, including lists and objects.
        name: characters of one name.
        text: characters of one string.
    """

    depth: int
    values: int
    name: int
    text: int

    def check(self, value: Any) -> None:
        """Check each value once, without recursion, and at most as many as are allowed.

        Raises:
            ExtentError: a bound is exceeded.
        """
        count, depth = 1, 0
        level = [value]
        while level:
            inside: list[Any] = []
            for item in level:
                if isinstance(item, str):
                    if len(item) > self.text:
                        raise ExtentError(
                            f"has a text of {len(item)} characters; {self.text} are allowed. Make it shorter."
                        )
                    continue
                if not isinstance(item, dict | list):
                    continue
                inner = item.values() if isinstance(item, dict) else item
                count += len(inner)
                if count > self.values:
                    raise ExtentError(f"has more than {self.values} values. Make it smaller.")
                if isinstance(item, dict) and any(len(name) > self.name for name in item):
                    raise ExtentError(f"has a name of more than {self.name} characters. Make it shorter.")
                inside.extend(inner)
            depth += any(isinstance(item, dict | list) for item in level)
            if depth > self.depth:
                raise ExtentError(f"is nested more than {self.depth} deep. Make it flatter.")
            level = inside
