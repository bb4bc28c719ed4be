"""Pairs of emoticons, never twice the same in a row, so that no cache is measured."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator


def pairs(seed: int, length: int = 2) -> Iterator[tuple[str, str]]:
    """Endless pairs of different strings; with a seed, the same ones each time."""
    source = random.Random(seed)
    characters = string.ascii_letters + string.digits + string.punctuation
    while True:
        first, second = ("".join(source.choices(characters, k=length)) for _ in range(2))
        if first != second:
            yield first, second
