"""How much work a schema can make of one value: bounded before the schema is used."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

from core.input_schema.nodes import MAX_DEPTH, Node, SchemaError

#: Checks of one value at most. The total work for a body is at most this, times its number of values.
MAX_STEPS = 1_000

#: Keywords whose schemas check the same value as the schema that they stand in.
_IN_PLACE = ("$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def bound(found: list[Node]) -> int:
    """The largest number of checks of any one value.

    Raises:
        SchemaError: a reference leads back to itself without a step into the value, or the number of checks
            of one value can exceed `MAX_STEPS`.
    """
    steps = dearest(found, _own, MAX_STEPS)
    if steps > MAX_STEPS:
        raise SchemaError(
            f"it can check one value more than {MAX_STEPS} times. Use fewer alternatives inside one another."
        )
    return steps


def dearest(found: list[Node], own: Callable[[Node], int], most: int) -> int:
    """The largest total of `own` over the checks of any one value; `most` + 1 where it is more than `most`.

    A schema can check one value many times: by `allOf` and the like, or along a recursive reference, where
    each level can double the number. The total is worked out level by level, since values are at most
    `MAX_DEPTH` deep.

    Raises:
        SchemaError: a reference leads back to itself without a step into the value.
    """
    same = {number: tuple(node.several(*_IN_PLACE)) for number, node in enumerate(found)}
    try:
        # Each schema comes after those that check the same value.
        order = tuple(TopologicalSorter(same).static_order())
    except CycleError as error:
        where = ", ".join(found[number].where[:100] for number in set(error.args[1][:5]))
        raise SchemaError(f"its references lead back to themselves at {where}. Break the loop.") from None
    costs = [own(node) for node in found]
    # The total at one value `depth` levels below the one that a schema is given.
    above, largest = [0] * len(found), 0
    for depth in range(MAX_DEPTH + 1):
        here = [0] * len(found)
        for number in order:
            at = _below(found[number], above) if depth else costs[number]
            here[number] = min(most + 1, at + sum(here[inner] for inner in same[number]))
        largest = max(largest, here[0])
        if largest > most or here == above:
            break
        above = here
    return largest


def _own(node: Node) -> int:
    """Checks that the node itself makes of a value, those of schemas inside it not counted."""
    listed = sum(
        len(entries) if isinstance(entries := node.get(keyword), list | dict) else 0
        for keyword in ("enum", "required", "patternProperties", "dependentRequired")
    )
    return 1 + listed


def _below(node: Node, above: list[int]) -> int:
    """The total at one value inside the value that the node is given."""

    def most(keyword: str) -> int:
        return max((above[number] for number in node.several(keyword)), default=0)

    def total(keyword: str) -> int:
        return sum(above[number] for number in node.several(keyword))

    # A value has one name, which is either listed or additional; every pattern can match it.
    in_object = max(most("properties"), most("additionalProperties")) + total("patternProperties")
    in_list = max(most("prefixItems"), most("items")) + most("contains")
    return max(in_object + most("propertyNames"), in_list)
