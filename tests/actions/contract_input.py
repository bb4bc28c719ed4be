"""The contract of an algorithm's input: wrong fields are rejected by name, permitted ones are accepted."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from actions.framework.algorithm import Algorithm
from tests.actions.inputs import Variant, example, full, of_wrong_type, out_of_range
from tests.actions.runs import at_the_edges, schema_of
from tests.actions.walk import Caller


def missing_field_is_named(algorithm: Algorithm[Any]) -> None:
    """Each required field, left out."""
    schema = schema_of(algorithm)
    for field in schema.get("required", []):
        left = {name: value for name, value in full(schema).items() if name != field}
        _refused(algorithm, field, f"without {field}", left)


def wrong_type_is_refused(algorithm: Algorithm[Any]) -> None:
    """Every field with values of other types, including null."""
    _each_refused(algorithm, of_wrong_type(schema_of(algorithm)))


def out_of_range_is_refused(algorithm: Algorithm[Any]) -> None:
    """Every field just outside its bounds, choices and pattern."""
    _each_refused(algorithm, out_of_range(schema_of(algorithm)))


def extra_field_is_refused(algorithm: Algorithm[Any]) -> None:
    """A field that the algorithm does not have."""
    assert schema_of(algorithm).get("additionalProperties") is False, "the schema permits additional fields"
    _refused(algorithm, "extra", "an extra field", example(schema_of(algorithm)) | {"extra": 1})


def allowed_input_never_breaks_it(algorithm: Algorithm[Any]) -> None:
    """The ends of every range give a job or a clear rejection, and never an internal error."""
    for variant, _, output in at_the_edges(type(algorithm)):
        code = output.get("error", {}).get("code", "")
        assert "job_id" in output or code == "invalid_input", f"{variant.field} {variant.why}: {output}"


def integers_may_be_written_as_floats(algorithm: Algorithm[Any]) -> None:
    """In JSON Schema 1024.0 is an integer."""
    values = _floats(full(schema_of(algorithm)))
    output = Caller(algorithm).submit(values)
    assert "job_id" in output, f"refused {values}: {output}"


def _floats(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    return value


def input_is_left_as_it_came(algorithm: Algorithm[Any]) -> None:
    """The caller's own objects are not changed."""
    caller, values = Caller(algorithm), full(schema_of(algorithm))
    before = copy.deepcopy(values)
    caller.submit(values)
    assert values == before, "main changed its input"


def _each_refused(algorithm: Algorithm[Any], variants: Iterable[Variant]) -> None:
    cases = list(variants)
    assert cases, "the schema has no rule that input could violate"
    for variant in cases:
        _refused(algorithm, variant.field, f"{variant.field} {variant.why}", variant.values)


def _refused(algorithm: Algorithm[Any], field: str, why: str, values: dict[str, Any]) -> None:
    caller = Caller(algorithm)
    output = caller.submit(values)
    assert not caller.submission.jobs, f"{why}: it was submitted"
    assert output.get("error", {}).get("code") == "invalid_input", f"{why}: {str(output)[:500]}"
    named = {item["field"].partition(".")[0] for item in output["error"]["details"]["errors"]}
    assert field in named, f"{why}: names {named} and not {field}"
