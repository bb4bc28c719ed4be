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
    """Return the run of the algorithm's example on a perfect machine, the same for all checks."""
    return walk(kind(), example(kind.input.model_json_schema()))


def schema_of(algorithm: Algorithm[Any]) -> dict[str, Any]:
    """Return the JSON Schema of its input."""
    schema: dict[str, Any] = algorithm.input.model_json_schema()
    return schema


@functools.lru_cache(maxsize=2)
def at_the_edges(kind: type[Algorithm[Any]]) -> list[tuple[Variant, Caller, dict[str, Any]]]:
    """Return input at every end of its ranges, with its caller and the output."""
    algorithm = kind()
    calls = []
    for variant in edges(schema_of(algorithm)):
        caller = Caller(algorithm)
        calls.append((variant, caller, caller.submit(variant.values)))
    return calls


def finite(value: Any) -> bool:
    """Return True unless a number in it is infinite or not a number."""
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
