"""What the checks of the contract share: each algorithm's runs, made once for all of them."""

from __future__ import annotations

import functools
import math
from typing import Any

from actions.framework.algorithm import Algorithm
from tests.actions.inputs import Variant, edges, example
from tests.actions.walk import Caller, Walk, walk


@functools.lru_cache(maxsize=64)
def walked(kind: type[Algorithm[Any]]) -> Walk:
    """The algorithm's example on a perfect machine, walked once for all checks."""
    return walk(kind(), example(kind.input.model_json_schema()))


def schema_of(algorithm: Algorithm[Any]) -> dict[str, Any]:
    """The JSON Schema of its input."""
    schema: dict[str, Any] = algorithm.input.model_json_schema()
    return schema


@functools.lru_cache(maxsize=2)
def at_the_edges(kind: type[Algorithm[Any]]) -> list[tuple[Variant, Caller, dict[str, Any]]]:
    """Input at every end of what is allowed, who called with it, and what came back."""
    algorithm = kind()
    found = []
    for variant in edges(schema_of(algorithm)):
        caller = Caller(algorithm)
        found.append((variant, caller, caller.submit(variant.values)))
    return found


def finite(value: Any) -> bool:
    """True unless a number in it is infinite or not a number."""
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
