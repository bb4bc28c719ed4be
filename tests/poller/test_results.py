"""Results of every program that the poller reads, and of those that it cannot read."""

from __future__ import annotations

import contextlib
import json
import math
import types
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray, PrimitiveResult
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS

from core.errors import ProviderError
from core.protocol import JobResult
from core.provider.ibm.results import count, decode_result, native
from tests.poller import results


def test_an_executors_shots_become_counts() -> None:
    result = decode_result("executor", results.executor([[1, 0], [1, 0], [0, 0], [1, 1]]))
    # Qubit 0 is the last character, as everywhere in Qiskit.
    assert result.counts == {"meas": {"01": 2, "00": 1, "11": 1}}
    assert result.shots == 4
    assert result.pubs is None
    assert result.metadata["circuit_metadata"] == {"how": "exactly"}
    assert not {"options", "executor", "version"} & set(result.metadata)


def test_all_pubs_are_included_and_the_first_is_in_front() -> None:
    result = decode_result("executor", results.executor([[0, 0]] * 3, [[1, 1]] * 3))
    assert result.counts == {"meas": {"00": 3}}
    assert result.pubs is not None
    assert [pub.counts for pub in result.pubs] == [{"meas": {"00": 3}}, {"meas": {"11": 3}}]
    assert [pub.shots for pub in result.pubs] == [3, 3]


def test_the_simulators_words_beside_an_executors_results_are_in_the_metadata_of_each_circuit() -> None:
    document = json.loads(results.executor([[0, 0]], [[1, 1]]))
    document["simulator"] = [{"method": "bloch"}, {"method": "stabilizer"}]
    result = decode_result("executor", json.dumps(document))
    assert result.pubs is not None
    assert [pub.metadata["simulator"]["method"] for pub in result.pubs] == ["bloch", "stabilizer"]
    assert result.metadata["simulator"] == {"method": "bloch"}


@pytest.mark.parametrize("simulations", ["bloch", {}, [], [{"method": "bloch"}] * 3])
def test_words_that_fit_no_circuit_are_ignored(simulations: Any) -> None:
    document = json.loads(results.executor([[0, 0]], [[1, 1]]))
    document["simulator"] = simulations
    result = decode_result("executor", json.dumps(document))
    assert "simulator" not in result.metadata


def test_a_samplers_registers_are_separate() -> None:
    result = decode_result("sampler", results.sampler({"01": 5, "10": 3}, flags={"1": 8}))
    assert result.counts == {"meas": {"01": 5, "10": 3}, "flags": {"1": 8}}
    assert result.shots == 8


@pytest.mark.parametrize(
    ("evs", "stds"), [(0.5, 0.01), ([0.5, -0.25], [0.01, 0.02]), ([[1.0], [0.0]], [[0.1], [0.2]])]
)
def test_an_estimators_values_become_numbers_and_lists(evs: Any, stds: Any) -> None:
    result = decode_result("estimator", results.estimator(evs, stds))
    assert (result.evs, result.stds) == (evs, stds)
    assert (result.counts, result.shots) == (None, None)
    assert result.metadata["target_precision"] == 0.1


def test_a_value_that_is_not_finite_is_null() -> None:
    result = decode_result("estimator", results.estimator([0.5, math.nan], [math.inf, 0.1]))
    assert (result.evs, result.stds) == ([0.5, None], [None, 0.1])
    assert JobResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize(
    ("program", "raw", "words"),
    [
        ("qasm3-runner2", "{}", "Results of the program 'qasm3-runner2' cannot be decoded"),
        ("x" * 500, "{}", "cannot be decoded"),
        ("executor", "", "could not be decoded"),
        ("executor", "{}", "could not be decoded"),
        ("executor", '{"schema_version": "v9.9"}', "could not be decoded"),
        ("executor", results.executor([[1, 0]]).replace("sampler_v2", "another_v2"), "no PUB results"),
        (
            "executor",
            results.executor([[1, 0]]).replace('"version":"v0.1"', '"version":"v9"'),
            "could not be",
        ),
        ("sampler", "not json", "no PUB results"),
        ("sampler", "[]", "no PUB results"),
        ("sampler", "null", "no PUB results"),
        ("sampler", json.dumps({"__type__": "PrimitiveResult", "__value__": {"pub_results": []}}), "no PUB"),
    ],
)
def test_an_unreadable_result_is_our_error(program: str, raw: str, words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        decode_result(program, raw)
    assert len(caught.value.message) < 200


#: Also halves of surrogate pairs, which JSON can have and UTF-8 cannot.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=5)


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (np.float64("nan"), None),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.array([np.longdouble(0.5)]), [0.5]),
        (np.clongdouble(1), "(1+0j)"),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (True, True),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), [[1.0, None], [2.0, 3.0]]),
        (np.array(3), 3),
        ((1, "a", None), [1, "a", None]),
        ({1: np.int8(2), "x": {"y": (math.inf,)}}, {"1": 2, "x": {"y": [None]}}),
        (1 + 2j, "(1+2j)"),
        (Colour.RED, "Colour.RED"),
        ({3}, "{3}"),
    ],
)
def test_values_that_are_not_json_become_json(value: Any, expected: Any) -> None:
    encoded = native(value)
    assert encoded == expected
    assert type(encoded) is type(expected)
    json.dumps(encoded, allow_nan=False)


def test_an_unknown_objects_text_is_bounded() -> None:
    class Long:
        def __str__(self) -> str:
            return "x" * 5_000

    assert native([Long()]) == ["x" * 1_000]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | ANY_TEXT
        | st.floats()
        | st.complex_numbers()
        | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.integers() | ANY_TEXT, inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_any_result_can_be_sent_and_is_unchanged(value: Any) -> None:
    found = native(value)
    assert json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode()) == found
    assert native(found) == found


RESULTS = {
    "executor": results.executor([[1, 0], [0, 1]]),
    "sampler": results.sampler({"01": 5, "10": 3}, flags={"1": 8}),
    "estimator": results.estimator([0.5, 0.1], [0.01, 0.02]),
}


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*place, key))


def _replaced(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    if not place:
        return by
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = _replaced(value[place[0]], place[1:], by)
    return copied


def _deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = {"deeper": [value]}
    return value


@given(st.sampled_from(sorted(RESULTS)), st.data())
def test_a_result_with_any_part_replaced_is_sent_or_refused(program: str, data: st.DataObject) -> None:
    document = json.loads(RESULTS[program])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(list(_places(document))))
        others = st.sampled_from([None, [], {}, 2**70, math.nan, "\ud800", {"\udfff": 1}, _deep(120)])
        kinds = ["ndarray", "DataBin", "BitArray", "PubResult", "PrimitiveResult", "complex", "datetime"]
        typed = st.builds(
            lambda kind, inner: {"__type__": kind, "__value__": inner}, st.sampled_from(kinds), others
        )
        document = _replaced(document, place, data.draw(others | typed | st.integers() | ANY_TEXT))
    with contextlib.suppress(ProviderError):
        result = decode_result(program, json.dumps(document))
        assert JobResult.model_validate_json(result.model_dump_json()) == result


def test_metadata_that_is_no_dictionary_is_refused() -> None:
    document = json.loads(RESULTS["sampler"])
    document["__value__"]["metadata"] = [1]
    with pytest.raises(ProviderError, match="could not be decoded"):
        decode_result("sampler", json.dumps(document))


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, _deep(200)])
def test_metadata_that_cannot_be_encoded_is_changed(value: Any) -> None:
    document = json.loads(RESULTS["sampler"])
    document["__value__"]["metadata"] = {"version": 2, "more": value}
    result = decode_result("sampler", json.dumps(document))
    assert result.counts == {"meas": {"01": 5, "10": 3}, "flags": {"1": 8}}
    assert JobResult.model_validate_json(result.model_dump_json()) == result


def test_a_register_without_bits_has_one_outcome() -> None:
    data = BitArray(np.zeros((5, 0), dtype=np.uint8), 0)
    assert count(data) == {"": 5}


@pytest.mark.parametrize("value", [np.zeros((2, 3, 4)), "text", None, [1, {"a": object()}]])
def test_whatever_a_pubs_data_is_it_is_read_or_refused_as_a_result(
    value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Decoder:
        @staticmethod
        def is_applicable(_: Any) -> bool:
            return True

        @staticmethod
        def decode(_: Any) -> Any:
            return PrimitiveResult([types.SimpleNamespace(data={"evs": value, "c": value}, metadata={})])

    monkeypatch.setitem(DEFAULT_DECODERS, "sampler", [Decoder])
    if isinstance(value, np.ndarray):
        assert decode_result("sampler", "{}").evs == value.tolist()
        return
    with contextlib.suppress(ProviderError):
        assert decode_result("sampler", "{}").counts is None
