"""Answers are the same on the wire as before they were models: names, order, types, and what is left out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tools.documents import algorithms

ALGORITHMS = algorithms()
FILE = Path(__file__).with_name("golden") / "answers.jsonl"
#: One finished step in each line, with the answer that the function gave when its answers were dicts.
RECORDS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
RECORDED = sorted({record["function"] for record in RECORDS})


def difference(new: Any, old: Any, place: str = "answer") -> str | None:
    """The first place at which two JSON values differ; None if they are the same.

    Names and their order, types and texts are compared exactly. Numbers may differ by rounding, as on another
    processor; 1 and 1.0 are different.
    """
    if type(new) is not type(old):
        return f"{place}: {new!r} instead of {old!r}"
    if isinstance(new, dict):
        if list(new) != list(old):
            return f"{place}: {list(new)} instead of {list(old)}"
        inner = ((new[name], old[name], f"{place}.{name}") for name in new)
    elif isinstance(new, list):
        if len(new) != len(old):
            return f"{place}: {len(new)} items instead of {len(old)}"
        inner = ((item, old[index], f"{place}[{index}]") for index, item in enumerate(new))
    elif isinstance(new, float):
        same = math.isclose(new, old, rel_tol=1e-9, abs_tol=1e-12)
        return None if same else f"{place}: {new!r} instead of {old!r}"
    else:
        return None if new == old else f"{place}: {new!r} instead of {old!r}"
    return next((found for item in inner if (found := difference(*item))), None)


@pytest.mark.parametrize("name", RECORDED)
def test_the_answers_are_the_same_on_the_wire(name: str) -> None:
    algorithm = ALGORITHMS[name]()
    for record in RECORDS:
        if record["function"] == name:
            reply = algorithm.main({"step": record["step"]})
            assert "answer" in reply, reply
            assert difference(json.loads(json.dumps(reply["answer"])), record["answer"]) is None


def test_the_functions_whose_answers_were_dicts_are_recorded() -> None:
    assert set(ALGORITHMS) >= set(RECORDED)
    assert len(RECORDED) == 18


@pytest.mark.parametrize("name", RECORDED)
def test_every_optional_field_is_recorded_with_it_and_without_it(name: str) -> None:
    """Otherwise the comparison would not notice that one is null, or at another place."""
    model = ALGORITHMS[name].output
    assert model is not None
    optional = {field for field, info in model.model_fields.items() if not info.is_required()}
    answers = [set(record["answer"]) for record in RECORDS if record["function"] == name]
    assert optional == {field for field in optional if any(field in answer for answer in answers)}
    assert optional.isdisjoint(set.intersection(*answers)), "always present"


@pytest.mark.parametrize(
    ("new", "old", "words"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "answer: ['a', 'b'] instead of ['b', 'a']"),
        ({"a": 1.0}, {"a": 1}, "answer.a: 1.0 instead of 1"),
        ({"a": None}, {}, "answer: ['a'] instead of []"),
        ({"a": [1, 2]}, {"a": [1]}, "answer.a: 2 items instead of 1"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "answer.a[0].b: 'x' instead of 'y'"),
        ({"a": 0.5000001}, {"a": 0.5}, "answer.a: 0.5000001 instead of 0.5"),
        ({"a": [True, 0.1 + 0.2]}, {"a": [True, 0.3]}, None),
    ],
)
def test_a_difference_is_found(new: Any, old: Any, words: str | None) -> None:
    assert difference(new, old) == words
