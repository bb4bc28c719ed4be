"""docs/functions.md is what the functions and the simulator say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actions.framework.answer import output_schema
from actions.framework.input import COMMON_INPUTS
from core.provider import Provider
from tools import schema_words
from tools.function_runs import example_input, run, simulator
from tools.functions_reference import PAGE, ROOT, RUNS, described, rounded, same, text

KNOWN = described()
KEPT = json.loads((ROOT / RUNS).read_text(encoding="utf-8"))
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## )", (ROOT / PAGE).read_text(), re.M | re.S))
every = pytest.mark.parametrize("name", KNOWN)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with simulator() as started:
        yield started


def test_the_page_is_not_stale() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == text(KNOWN, KEPT), "run `make documents`"


@every
def test_the_answer_is_that_of_a_run_on_the_simulator(name: str, provider: Provider) -> None:
    algorithm = KNOWN[name]()
    assert KEPT[name]["input"] == example_input(algorithm), "run `make documents`"
    answer = rounded(run(algorithm, KEPT[name]["input"], provider))
    assert same(KEPT[name]["answer"], answer), "run `make documents`"


@every
def test_the_answer_is_one_of_its_schema(name: str) -> None:
    model = KNOWN[name].output
    assert model is not None
    Draft202012Validator(output_schema(model)).validate(KEPT[name]["answer"])


@every
def test_the_section_has_every_field_and_the_call(name: str) -> None:
    section, algorithm = SECTIONS[name], KNOWN[name]
    assert algorithm.output is not None
    own = set(algorithm.input.model_fields) - set(COMMON_INPUTS)
    for field in own | set(algorithm.output.model_fields):
        assert f"| `{field}` | " in section, field
    [body] = re.findall(r" -d '(.*?)' \\\n", section)
    assert json.loads(body.replace("'\\''", "'")) == KEPT[name]["input"]
    assert f"/functions/{name}/jobs?wait=" in section
    for attribute in (algorithm.description, algorithm.use_case, algorithm.classical_alternative):
        assert attribute in section


@pytest.mark.parametrize("word", ["shot", "Pauli string", "ansatz", "fidelity", "qubit", "circuit"])
def test_the_glossary_explains(word: str) -> None:
    glossary = (ROOT / PAGE).read_text().partition("## Glossary\n")[2]
    assert re.search(rf"^\| {word}.* \| [A-Z].+\. \|$", glossary, re.M)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 8}, "whole number, 1 to 8"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 256}, "whole number, 0 to 255"),
        ({"type": "integer", "minimum": 1, "maximum": 1}, "whole number, always 1"),
        (
            {"type": "integer", "minimum": 64, "maximum": 1024, "multipleOf": 16},
            "whole number, 64 to 1,024, a multiple of 16",
        ),
        ({"type": "number", "minimum": -1.5, "maximum": 2.0}, "number, -1.5 to 2"),
        ({"type": "string", "minLength": 1, "maxLength": 8}, "text, 1 to 8 characters"),
        (
            {"type": "string", "maxLength": 8, "pattern": "^[01]+$"},
            "text, up to 8 characters, pattern `^[01]+$`",
        ),
        ({"enum": ["a", "b"]}, 'one of `"a"`, `"b"`'),
        ({"$ref": "#/$defs/N"}, "number"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        (
            {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "uniqueItems": True,
                "items": {"type": "boolean"},
            },
            "list, 2 items, all different; each: true or false",
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}]},
            "[whole number; number]",
        ),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object; each value: number"),
        ({}, "any JSON value"),
    ],
)
def test_a_schema_in_words(schema: dict[str, Any], words: str) -> None:
    assert schema_words.kind(schema, {"N": {"type": "number"}}) == words


def test_a_difference_is_more_than_rounding() -> None:
    answer = {"a": 0.123456, "b": [1, "x", None], "c": {"d": 0.0}}
    assert same(answer, {"a": 0.123457, "b": [1, "x", None], "c": {"d": 1e-9}})
    for other in (
        {"a": 0.1236, "b": [1, "x", None], "c": {"d": 0.0}},
        {"a": 0.123456, "b": [2, "x", None], "c": {"d": 0.0}},
        {"a": 0.123456, "b": [1, "x"], "c": {"d": 0.0}},
        {"a": 0.123456, "b": [1.0, "x", None], "c": {"d": 0.0}},
        {"a": 0.123456, "c": {"d": 0.0}, "b": [1, "x", None]},
    ):
        assert not same(answer, other)
    assert rounded({"a": [0.1234567, 12345678.9, 1]}) == {"a": [0.123457, 12345700.0, 1]}
