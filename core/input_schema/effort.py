"""Bounds the work that a schema can require for one value, before the schema is used."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

from core.input_schema.nodes import MAX_DEPTH, Node, SchemaError

#: The most checks of one value. The total work for a body is at most this, times its number of values.
MAX_STEPS = 1_000

#: Keywords whose schemas check the same value as the schema that contains them.
_IN_PLACE = ("$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def bound(schema_nodes: list[Node]) -> int:
    """Return the largest number of checks of any one value.

    Raises:
        SchemaError: a reference leads back to itself without a step into the value, or the number exceeds
            `MAX_STEPS`.
    """
    steps = most_expensive(schema_nodes, _own, MAX_STEPS)
    if steps > MAX_STEPS:
        raise SchemaError(
            f"it can check one value more than {MAX_STEPS} times. Use fewer alternatives inside one another."
        )
    return steps


def most_expensive(schema_nodes: list[Node], own: Callable[[Node], int], most: int) -> int:
    """Return the largest total of `own` over the checks of any one value; `most` + 1 if it exceeds `most`.

    A schema can check one value many times: with `allOf` and similar keywords, or along a recursive
    reference, where each level can double the number. The total is calculated level by level, since values
    are at most `MAX_DEPTH` deep.

    Raises:
        SchemaError: a reference leads back to itself without a step into the value.
    """
    same = {number: tuple(node.inner_numbers(*_IN_PLACE)) for number, node in enumerate(schema_nodes)}
    try:
        # Each schema comes after those that check the same value.
        order = tuple(TopologicalSorter(same).static_order())
    except CycleError as error:
        where = ", ".join(schema_nodes[number].where[:100] for number in set(error.args[1][:5]))
        raise SchemaError(f"its references lead back to themselves at {where}. Break the loop.") from None
    costs = [own(node) for node in schema_nodes]
    # The total at one value, `depth` levels below the value of the schema.
    above, largest = [0] * len(schema_nodes), 0
    for depth in range(MAX_DEPTH + 1):
        here = [0] * len(schema_nodes)
        for number in order:
            at = _below(schema_nodes[number], above) if depth else costs[number]
            here[number] = min(most + 1, at + sum(here[inner] for inner in same[number]))
        largest = max(largest, here[0])
        if largest > most or here == above:
            break
        above = here
    return largest


def _own(node: Node) -> int:
    """Return the number of checks that a node makes of a value, without those of its inner schemas."""
    listed = sum(
        len(entries) if isinstance(entries := node.get(keyword), list | dict) else 0
        for keyword in ("enum", "required", "patternProperties", "dependentRequired")
    )
    return 1 + listed


def _below(node: Node, above: list[int]) -> int:
    """Return the total at one value inside the node's value."""

    def most(keyword: str) -> int:
        return max((above[number] for number in node.inner_numbers(keyword)), default=0)

    def total(keyword: str) -> int:
        return sum(above[number] for number in node.inner_numbers(keyword))

    # A value has one name, which is either listed or additional; every pattern can match it.
    in_object = max(most("properties"), most("additionalProperties")) + total("patternProperties")
    in_list = max(most("prefixItems"), most("items")) + most("contains")
    return max(in_object + most("propertyNames"), in_list)
