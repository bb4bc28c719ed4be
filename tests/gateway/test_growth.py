"""The cost of a body grows in proportion to its size, for any contents and any address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import orjson
import pytest

from core.config_docs.model import ConfigDocument, parse
from core.errors import InputError
from core.extent import Extent, ExtentError
from gateway.body import parsed
from gateway.validation import validate
from testkit.adversarial import Bait, bodies, published
from testkit.growth import excess
from tests.core.samples import raw_document

#: Bytes of the smaller body; the larger has twice as many.
SIZE = 25_000


def answered(document: ConfigDocument, data: bytes) -> None:
    """Do everything that the gateway does with a body before it invokes the function."""
    with suppress(InputError):
        validate(document, parsed(data))


def work(document: ConfigDocument, bait: Bait) -> Callable[[int], Callable[[], object]]:
    def make(size: int) -> Callable[[], object]:
        data = bait(size)
        return lambda: answered(document, data)

    return make


FIRST = next(iter(published()))


def shared(document: ConfigDocument, name: str) -> bool:
    """Return whether the first function has the field too, or it is in no field."""
    field = name.partition(":")[0]
    properties, first = (
        source.function_input_schema["properties"] for source in (document, published()[FIRST])
    )
    return bool(properties.get(field) == first.get(field))


@pytest.mark.parametrize("function", published())
def test_the_cost_of_a_body_grows_in_proportion(function: str) -> None:
    document = published()[function]
    baits = [
        (name, bait) for name, bait in bodies(document) if function == FIRST or not shared(document, name)
    ]
    assert len(baits) > 30
    wrong = {name: problem for name, bait in baits if (problem := excess(work(document, bait), SIZE))}
    assert not wrong


#: Schemas with keywords that no published schema has yet.
SCHEMAS: dict[str, dict[str, Any]] = {
    "patterns of names": {
        "patternProperties": {"^(a|b)*c$": {"type": "string"}, "^([0-9]+)*x$": {}},
        "additionalProperties": False,
    },
    "values of names": {"additionalProperties": {"anyOf": [{"type": "null"}, {"maxLength": 1}]}},
    "name lengths": {"propertyNames": {"maxLength": 3, "pattern": "^([a-z]+)*$"}},
    "a tree": {
        "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
        "$ref": "#/$defs/tree",
    },
    "unique": {"properties": {"a": {"type": "array", "uniqueItems": True, "items": {"enum": [1, "x", {}]}}}},
    "contains": {"properties": {"a": {"contains": {"const": "y"}, "maxContains": 1}}},
    "one of": {
        "properties": {"a": {"oneOf": [{"items": {"type": "string"}}, {"minItems": 1}, {"enum": [[]]}]}}
    },
    "not": {"properties": {"a": {"not": {"items": {"not": {"pattern": "^(a*)*b$"}}}}}},
    "dozens of alternatives": {
        "properties": {"a": {"items": {"anyOf": [{"const": number} for number in range(50)]}}}
    },
    "multiples": {"properties": {"a": {"items": {"multipleOf": 0.01, "maximum": 1e300}}}},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_cost_of_a_keyword_grows_in_proportion(name: str) -> None:
    schema = {"properties": {"a": {}}} | SCHEMAS[name]
    document = parse(raw_document(functionInputSchema=schema), name)
    wrong = {
        name: problem for name, bait in bodies(document) if (problem := excess(work(document, bait), SIZE))
    }
    assert not wrong


@pytest.mark.parametrize(
    "value",
    [
        lambda size: {f"n{number}": 1 for number in range(size)},
        lambda size: {"n" * 900 + str(number): 1 for number in range(size)},
        lambda size: {"list": list(range(size))},
        lambda size: {"list": [{"x": [None]}] * size},
        lambda size: {"list": [["x"]] * size, "known": 1} | {str(number): {} for number in range(size)},
    ],
)
@pytest.mark.parametrize("unknown", [False, {"maximum": -1}, {"type": "string"}])
def test_the_cost_of_findings_grows_in_proportion(value: Callable[[int], Any], unknown: Any) -> None:
    """The work is to sort them, join them, and list names."""
    names: dict[str, Any] = {f"known{number}": {} for number in range(20)}
    schema = {
        "properties": names | {"list": {"items": {"anyOf": [{"type": "null"}, {"enum": ["y"]}]}}},
        "additionalProperties": unknown,
        "required": [*names],
    }
    document = parse(raw_document(functionInputSchema=schema), "x")

    def make(size: int) -> Callable[[], object]:
        body = value(size)

        def refused() -> None:
            with pytest.raises(InputError) as caught:
                validate(document, body)
            assert len(caught.value.details["errors"]) <= 10

        return refused

    assert excess(make, 5_000) is None


@pytest.mark.parametrize(
    "value",
    [
        lambda size: [0] * size,
        lambda size: [[]] * size,
        lambda size: {str(number): {"a": []} for number in range(size)},
        lambda size: ["x" * size] * size,
        lambda size: orjson.loads(b"[" * 1_000 + b",".join([b"[]"] * size) + b"]" * 1_000),
        lambda size: [orjson.loads(b"[" * 60 + b"]" * 60)] * (size // 60),
    ],
)
def test_the_cost_of_measuring_a_value_grows_in_proportion(value: Callable[[int], Any]) -> None:
    extent = Extent(depth=10**9, values=10**9, name=10**9, text=10**9)

    def make(size: int) -> Callable[[], object]:
        body = value(size)
        return lambda: extent.check(body)

    assert excess(make, 20_000) is None


def test_the_helper_detects_work_that_grows_with_the_square() -> None:
    def make(size: int) -> Callable[[], object]:
        return lambda: [list(islice(range(size), size)) for _ in range(size)]

    # Large enough that other work on the machine makes no difference.
    assert "ms at" in str(excess(make, 1_000))


@pytest.mark.parametrize(
    ("extent", "value", "words"),
    [
        (Extent(2, 9, 9, 9), [[[1]]], "is nested more than 2 deep"),
        (Extent(9, 3, 9, 9), [1, 2, 3], "has more than 3 values"),
        (Extent(9, 9, 2, 9), {"abc": 1}, "has a name of more than 2 characters"),
        (Extent(9, 9, 9, 2), ["abc"], "has a text of 3 characters; 2 are allowed"),
    ],
)
def test_a_value_out_of_bounds_is_named(extent: Extent, value: Any, words: str) -> None:
    with pytest.raises(ExtentError, match=words):
        extent.check(value)


@pytest.mark.parametrize("value", [[[1]], {"ab": ["xy"]}, "xy", 7, None, []])
def test_a_value_within_bounds_is_accepted(value: Any) -> None:
    Extent(depth=2, values=3, name=2, text=2).check(value)


@pytest.mark.parametrize("text", ["x" * 240_000, "é" * 120_000])
def test_a_body_that_does_not_fit_into_the_first_event_is_refused(text: str) -> None:
    assert parsed(orjson.dumps({"a": [text] * 3}))
    with pytest.raises(InputError, match="more than 900000 bytes"):
        parsed(orjson.dumps({"a": [text] * 4}, option=orjson.OPT_INDENT_2))
    # Text that is short in the body and long in the event.
    short = b'{"a":["' + b"x" * 250_000 + b'","' + b"x" * 250_000 + b'","' + b"x" * 250_000 + b'"'
    with pytest.raises(InputError, match="more than 900000 bytes"):
        parsed(short + b",1e15" * 9_900 + b"]}")
