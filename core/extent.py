"""How much a parsed JSON value holds, and how deep: checked before anything else looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ExtentError(ValueError):
    """The value holds more than is allowed; the message goes on from its subject ("The body ...")."""


@dataclass(frozen=True)
class Extent:
    """Bounds of a parsed JSON value.

    Args:
        depth: lists and objects inside one another.
        values: values in all, the lists and objects among them.
        name: characters of one name.
        text: characters of one string.
    """

    depth: int
    values: int
    name: int
    text: int

    def check(self, value: Any) -> None:
        """Look at every value once, without recursion, and at no more than are allowed.

        Raises:
            ExtentError: the value is out of bounds.
        """
        count, depth = 1, 0
        level = [value]
        while level:
            inside: list[Any] = []
            for one in level:
                if isinstance(one, str):
                    if len(one) > self.text:
                        raise ExtentError(
                            f"has a text of {len(one)} characters; {self.text} are allowed. Make it shorter."
                        )
                    continue
                if not isinstance(one, dict | list):
                    continue
                inner = one.values() if isinstance(one, dict) else one
                count += len(inner)
                if count > self.values:
                    raise ExtentError(f"has more than {self.values} values. Make it smaller.")
                if isinstance(one, dict) and any(len(name) > self.name for name in one):
                    raise ExtentError(f"has a name of more than {self.name} characters. Make it shorter.")
                inside.extend(inner)
            depth += any(isinstance(one, dict | list) for one in level)
            if depth > self.depth:
                raise ExtentError(f"is nested more than {self.depth} deep. Make it flatter.")
            level = inside
