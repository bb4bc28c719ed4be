"""A function's input schema: which are accepted, that it decides like JSON Schema, and its bounds."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import Field, TypeAdapter, ValidationError
from referencing import Registry

from core.config_docs.model import parse
from core.errors import DocumentError
from core.input_schema import InputSchema, SchemaError, TooMuchWorkError
from core.input_schema.effort import MAX_STEPS
from core.input_schema.guarded import MAX_EXPLAINED
from core.input_schema.nodes import MAX_NODES, MAX_PATTERN, MAX_PATTERNS
from testkit.adversarial import patterns, published
from testkit.growth import cost, excess
from tests.core.samples import raw_document

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def doubling(count: int) -> dict[str, Any]:
    """Each definition uses the next one twice, for the same value."""
    twice = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(count)}
    return {"$ref": "#/$defs/a0", "$defs": {**twice, f"a{count}": {"type": "null"}}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#"}, "lead back to themselves"),
        ({"allOf": [{"anyOf": [{"not": {"$ref": "#/allOf/0"}}]}]}, "lead back to themselves"),
        ({"properties": {"a": {"if": {"$ref": "#/properties/a"}}}}, "lead back to themselves"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "lead back to themselves"),
        (doubling(12), f"more than {MAX_STEPS} times"),
        (
            {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]},
            f"more than {MAX_STEPS} times",
        ),
        (
            {"patternProperties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
            f"more than {MAX_STEPS} times",
        ),
        ({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}, f"more than {MAX_STEPS} times"),
        ({"enum": list(range(MAX_STEPS + 1))}, f"more than {MAX_STEPS} times"),
        ({"$ref": "https://example.org/schema"}, "must be # or begin with #/"),
        ({"$ref": "#anchor"}, "must be # or begin with #/"),
        ({"$ref": "#/$defs/absent"}, "does not exist"),
        ({"$ref": "#/required/0", "required": ["a"]}, "must be a schema"),
        ({"$ref": 7}, "must be # or begin"),
        ({"$dynamicRef": "#a"}, "use \\$ref"),
        ({"properties": {"a": {"$dynamicAnchor": "a"}}}, "use \\$defs and \\$ref"),
        ({"unevaluatedProperties": False}, "use additionalProperties"),
        ({"unevaluatedItems": False}, "use items"),
        ({"dependencies": {"a": {"$ref": "#"}}}, "use dependentSchemas"),
        ({"$defs": {"a": {"$id": "http://x/"}}, "$ref": "#/$defs/a"}, "below the root"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, f"must be {DIALECT}"),
        ({"properties": {"a": {"$schema": "http://x/"}}}, f"must be {DIALECT}"),
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, "look-around or a backreference"),
        ({"pattern": "(?<!a)b"}, "look-around or a backreference"),
        ({"pattern": r"(a)\1"}, "look-around or a backreference"),
        ({"patternProperties": {r"(a)\1": {}}}, "look-around or a backreference"),
        ({"pattern": "("}, "wrong"),
        ({"pattern": "(a{1000}){1000}"}, "too large"),
        ({"pattern": "a" * (MAX_PATTERN + 1)}, f"at most {MAX_PATTERN} characters"),
        ({"pattern": 7}, "must be a regular expression"),
        ({"allOf": [{"pattern": f"a{n}"} for n in range(MAX_PATTERNS + 1)]}, f"more than {MAX_PATTERNS} reg"),
        ({"properties": {f"n{n}": {} for n in range(MAX_NODES)}}, f"more than {MAX_NODES} schemas"),
        ({"type": "strange"}, "strange"),
        ({"properties": []}, "must be an object of schemas"),
        ({"anyOf": {}}, "must be a list of schemas"),
        ({"items": [{}]}, "must be a schema"),
        ({"maxLength": -1}, "-1"),
        ({"required": "a"}, "required|array"),
    ],
)
def test_a_schema_that_cannot_be_bounded_is_refused_by_its_documents_name(
    schema: dict[str, Any], words: str
) -> None:
    with pytest.raises(SchemaError, match=words):
        InputSchema(schema)
    with pytest.raises(DocumentError, match=words) as caught:
        parse(raw_document(functionInputSchema=schema), "the_name")
    assert caught.value.message.startswith("Config document the_name: ")
    assert len(caught.value.message) < 1_500


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"$schema": DIALECT, "$id": "https://example.org/x", "type": "object"}, {}, []),
        ({"$schema": DIALECT + "#", "properties": {"a": True, "b": False}}, {"a": 1}, {"b": 1}),
        # A tree: each step goes down.
        ({"type": "array", "items": {"$ref": "#"}}, [[], [[]]], [[], [1]]),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "null"}}}, None, 1),
        ({"$ref": "#/prefixItems/1", "prefixItems": [{"type": "null"}, {"type": "array"}]}, [], 7),
        ({"$ref": "#/x-own/y", "x-own": {"y": {"type": "null"}}}, None, 1),
        # Names and data are not keywords.
        ({"properties": {"$ref": {"type": "null"}, "$id": {}}, "const": {"$ref": None}}, {"$ref": None}, {}),
        ({"enum": [{"$dynamicRef": "#"}]}, {"$dynamicRef": "#"}, 1),
        ({"format": "email", "contentEncoding": "base64", "type": "string"}, "no email", 1),
    ],
)
def test_a_bounded_schema_is_accepted(schema: dict[str, Any], good: Any, bad: Any) -> None:
    parsed = InputSchema(schema)
    assert parsed.accepts(good)
    assert parsed.mismatches(good) == []
    assert not parsed.accepts(bad)
    assert parsed.mismatches(bad)


def test_the_cost_of_reading_a_schema_grows_in_proportion() -> None:
    chains = [
        lambda n: {"$defs": {f"a{i}": {"items": {"$ref": f"#/$defs/a{i + 1}"}} for i in range(n)}
                   | {f"a{n}": {}}, "$ref": "#/$defs/a0"},
        lambda n: {"properties": {f"n{i}": {"type": "string", "maxLength": 9} for i in range(n)}},
        lambda n: {"items": {"enum": list(range(n))}},
        lambda n: {"properties": {f"n{i}": {"items": {"$ref": "#"}} for i in range(n)}},
    ]  # fmt: skip

    def make(chain: Any) -> Any:
        return lambda size: lambda: InputSchema(chain(size))

    assert [problem for chain in chains if (problem := excess(make(chain), 200))] == []


# --- against independent references ---------------------------------------------------------------------

PATTERNS = sorted(
    {pattern for found in published().values() for pattern in patterns(found.function_input_schema)}
)
ADAPTERS = {pattern: TypeAdapter(Annotated[str, Field(pattern=pattern)]) for pattern in PATTERNS}
COMPILED = {pattern: InputSchema({"pattern": pattern}) for pattern in PATTERNS}
#: Characters that patterns treat differently: digits and letters of other scripts, line ends, controls.
TEXT = st.text(st.sampled_from("01012aIXYZz_~ -\n\r\t\x00\x7f\x85é٣\U0001d7d9\u2028ß"), max_size=20)


@settings(derandomize=True, max_examples=100)
@given(data=st.data())
@pytest.mark.parametrize("pattern", PATTERNS)
def test_published_patterns_have_the_same_meaning(pattern: str, data: st.DataObject) -> None:
    # `$` is the end, as in ECMA 262 and in the actions' models; Python's also matches before a line end.
    strict = pattern.replace("$", r"\Z")
    text = data.draw(TEXT | st.from_regex(strict) | st.from_regex(strict).map(lambda text: text + "\n"))
    try:
        ADAPTERS[pattern].validate_python(text)
        taken = True
    except ValidationError:
        taken = False
    assert COMPILED[pattern].accepts(text) == taken == bool(re.search(strict, text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(-2, 300, width=16) | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
REFERENCE = {
    name: Draft202012Validator(found.function_input_schema, registry=Registry())
    for name, found in published().items()
}


def values(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies similar to what a function accepts."""
    fields = published()[name].function_input_schema["properties"]
    near = {field: st.sampled_from([*schema.get("examples", []), schema.get("default")]) | JSON
            for field, schema in fields.items()}  # fmt: skip
    return st.fixed_dictionaries({}, optional=near | {"unknown": JSON})


@settings(derandomize=True, max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", published())
def test_published_schemas_decide_as_the_reference_does(name: str, data: st.DataObject) -> None:
    value = data.draw(values(name))
    parsed = published()[name].input
    assert parsed is not None
    expected = list(REFERENCE[name].iter_errors(value))
    ends_in_a_line = "\\n" in repr(value)  # where Python's `$` differs
    if not ends_in_a_line:
        assert parsed.accepts(value) == (not expected)
    assert parsed.accepts(value) == (not parsed.mismatches(value))
    if not ends_in_a_line:
        # The same places are reported, except those inside a list or an object that is itself too long.
        long = [tuple(item.path) for item in expected if item.validator in ("maxItems", "maxProperties")]
        places = {tuple(item.path) for item in expected}
        inside = {place for place in places for prefix in long if place != prefix == place[: len(prefix)]}
        assert {item.path for item in parsed.mismatches(value)} == places - inside


def test_the_items_of_a_list_that_is_too_long_are_not_checked() -> None:
    schema = InputSchema({"maxItems": 1, "items": {"type": "null"}})
    assert [(item.path, item.keyword) for item in schema.mismatches([1, 2])] == [((), "maxItems")]


def test_a_long_list_is_decided_without_explanation() -> None:
    schema = InputSchema({"properties": {"a": {"items": {"type": "null"}}, "b": {"type": "null"}}})
    long = [None] * MAX_EXPLAINED + [1]
    assert not schema.accepts({"a": long})
    assert schema.mismatches({"a": long}) == []
    assert [item.path for item in schema.mismatches({"a": long, "b": 1})] == [("b",)]
    assert [item.path for item in schema.mismatches({"a": [None, 1]})] == [("a", 1)]
    decided = InputSchema({"not": {"items": {"type": "null"}}})
    assert decided.accepts(long)
    assert decided.mismatches(long) == []


# --- schemas that are expensive with few checks ---------------------------------------------------------

#: Processor seconds that deciding on any body of 10,000 values or 1 MB of text may take.
MOST_SECONDS = 0.4
COUNT = 9_999
BITS = "".join(random.Random(1).choices("01", k=250_000))

#: A schema with a value that takes the library seconds to decide.
EXPENSIVE: dict[str, tuple[Any, Any]] = {
    "different whole numbers that round to the same": (
        {"uniqueItems": True},
        [2**64 - 1 - number for number in range(COUNT)],
    ),
    "the same inside lists": ({"uniqueItems": True}, [[2**64 - 1 - number] for number in range(COUNT // 2)]),
    "fractions of the largest numbers": (
        {"items": {"anyOf": [{"multipleOf": 0.01 + n / 1e5} for n in range(99)]}},
        [1.7976931348623157e308] * COUNT,
    ),
    "numbers of different types": (
        {"items": {"not": {"enum": [n if n % 2 else str(n) for n in range(900)]}}},
        [1000.5] * COUNT,
    ),
    "whole numbers and fractions": ({"items": {"not": {"enum": [*range(900)]}}}, [1000.5] * COUNT),
    "constants": ({"items": {"allOf": [{"not": {"const": n}} for n in range(300)]}}, [1000.5] * COUNT),
    "lists in enum": ({"items": {"not": {"enum": [[n] for n in range(900)]}}}, [[1000.5]] * (COUNT // 2)),
    "limits": ({"items": {"allOf": [{"minimum": n + 0.5} for n in range(300)]}}, [2**63] * COUNT),
    "an automaton of many states": ({"pattern": "(1[01]{300}){1,4}2"}, BITS),
    "a short expression with many states": ({"items": {"pattern": "1[01]{100}2|1[01]{90}3"}}, [BITS] * 4),
    "many expressions": ({"patternProperties": {f"1[01]{{{n}}}2": {} for n in range(20, 99)}},
                         {BITS[n : n + 90]: 1 for n in range(COUNT)}),
    "mismatches of long texts": ({"items": {"allOf": [{"pattern": "x"}] * 330}}, [BITS] * 4),
}  # fmt: skip


#: Values that each of these schemas decides on.
SMALL: Any = [1, 2.5, "10", [3], 2**64 - 1, 2**64 - 2]


@pytest.mark.parametrize("name", EXPENSIVE)
def test_the_cost_of_expensive_schemas_is_bounded(name: str) -> None:
    schema, value = EXPENSIVE[name]
    parsed = InputSchema(schema)

    def decide() -> None:
        with suppress(TooMuchWorkError):
            parsed.accepts(value)

    def explain() -> None:
        parsed.mismatches(value)

    assert max(cost(decide, MOST_SECONDS), cost(explain, MOST_SECONDS)) <= MOST_SECONDS
    # A value that is rejected for its size is still decided if it is small.
    assert parsed.accepts(SMALL) == Draft202012Validator(schema).is_valid(SMALL)


def test_a_published_function_accepts_every_body_that_the_gateway_does() -> None:
    value = {"a": [[0.5] * 9, "x" * 20] * 800}
    for document in published().values():
        assert document.input is not None
        document.input.accepts(value)
        if document.id != "deutsch_jozsa":  # its table of values is one expression of 65 kB
            document.input.accepts(value | {"text": "x" * 900_000})
