"""The contract of an algorithm's output: what JSON, OpenWhisk, the page and a reader can use."""

from __future__ import annotations

import json
import math
from typing import Any

from jsonschema import Draft202012Validator

from actions.framework.algorithm import Algorithm
from actions.framework.answer import output_schema
from actions.framework.presentation import VIEWS
from core.errors import ProviderError, SettingsError
from core.protocol import JobResult
from tests.actions.inputs import example
from tests.actions.runs import at_the_edges, finite, schema_of, walked
from tests.actions.walk import SECRET, Caller, useless

#: Bytes of a result, the limit of OpenWhisk.
MAX_RESULT = 1024 * 1024
#: Characters of a summary: a sentence or two.
MAX_SUMMARY = 500
#: Outcomes of a distribution that a page can draw.
MAX_IDEAL = 64


def output_survives_json(algorithm: Algorithm[Any]) -> None:
    """The output is the same after a round trip through JSON: no tuples, arrays or keys that are numbers."""
    run = walked(type(algorithm))
    assert run.answer is not None
    for output in run.outputs:
        try:
            text = json.dumps(output)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"is not JSON: {error}") from None
        assert json.loads(text) == output, "it differs after a round trip through JSON"


def numbers_are_finite(algorithm: Algorithm[Any]) -> None:
    """Every number is finite."""
    run = walked(type(algorithm))
    assert run.answer is not None
    for output in run.outputs:
        assert finite(output), "a number is not finite"


def output_is_under_1_mb(algorithm: Algorithm[Any]) -> None:
    """The result of the example, and of every input at the end of a range, is small enough."""
    run = walked(type(algorithm))
    assert run.answer is not None
    outputs = list(run.outputs)
    outputs += [output for _, _, output in at_the_edges(type(algorithm))]
    for output in outputs:
        size = len(json.dumps(output, default=str))
        assert size < MAX_RESULT, f"{size} bytes"


def answer_has_a_summary(algorithm: Algorithm[Any]) -> None:
    """The summary is a sentence or two in plain words; the note, if there is one, is text."""
    answer = walked(type(algorithm)).answer
    summary = answer.get("summary")
    assert isinstance(summary, str), "no summary"
    assert 10 <= len(summary) <= MAX_SUMMARY, f"a summary of {len(summary)} characters"
    assert summary[-1] in ".!?", f"not a sentence: {summary!r}"
    assert isinstance(answer.get("note", ""), str | None), "the note is not text"


def answer_is_what_its_schema_says(algorithm: Algorithm[Any]) -> None:
    """The answers, also those to pure noise, satisfy the output schema and have no field besides."""
    if algorithm.output is None:
        return
    schema = Draft202012Validator(_closed(output_schema(algorithm.output)))
    answers = [walked(type(algorithm)).answer]
    for _, caller, submitted in at_the_edges(type(algorithm)):
        if "job_id" in submitted:
            output = caller.call(caller.step(useless(caller.submission.jobs[-1]), noisy=True))
            answers += [output["answer"]] if "answer" in output else []
    for answer in answers:
        found = next(schema.iter_errors(answer), None)
        assert found is None, f"{found.json_path}: {found.message}"


def _closed(schema: Any) -> Any:
    """The schema, in which an object has no properties but those that are listed."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(value) for name, value in schema.items()}
    return {"additionalProperties": False} | inner if isinstance(inner.get("properties"), dict) else inner


def answer_fits_its_view(algorithm: Algorithm[Any]) -> None:
    """The answer has the fields that its view on the page draws."""
    assert algorithm.view in VIEWS, f"the page has no view {algorithm.view!r}"
    answer = walked(type(algorithm)).answer
    for field in VIEWS[algorithm.view]:
        assert field in answer, f"the view {algorithm.view!r} needs answer.{field}"
    ideal = answer.get("ideal", {})
    assert len(ideal) <= MAX_IDEAL, f"ideal has {len(ideal)} outcomes"
    assert all(0 <= weight <= 1 for weight in ideal.values()), "ideal has a value that is not a probability"
    assert not ideal or math.isclose(sum(ideal.values()), 1, abs_tol=1e-6), "ideal does not add up to 1"


def error_has_its_shape(algorithm: Algorithm[Any]) -> None:
    """Any failure gives exactly `{"error": {"code", "message", "details"}}`, without a traceback."""
    good = example(schema_of(algorithm))
    outputs = [Caller(algorithm).submit(good | {"extra": 1})]
    outputs += [Caller(algorithm, fails=failure).submit(good) for failure in _failures()]
    caller = Caller(algorithm)
    bad: tuple[Any, ...] = (None, [], {}, "x")
    outputs += [caller.call({"step": step}) for step in bad]
    if "job_id" in caller.submit(good):
        nothing = JobResult(counts={"nonsense": {"0": 1}}, shots=1)
        outputs += [caller.call(caller.step(result)) for result in (JobResult(), nothing)]
    for output in outputs:
        assert list(output) == ["error"], f"not an error: {str(output)[:500]}"
        error = output["error"]
        assert isinstance(error, dict), f"an error that is a {type(error).__name__}"
        assert set(error) == {"code", "message", "details"}, f"an error with {set(error)}"
        assert isinstance(error["code"], str), error
        assert isinstance(error["details"], dict), error
        assert isinstance(error["message"], str), error
        assert error["message"].rstrip(), error
        assert "Traceback" not in json.dumps(output), output


def no_secret_gets_out(algorithm: Algorithm[Any]) -> None:
    """Settings are in no output, event or log; details of a failure are in no output."""
    run = walked(type(algorithm))
    texts = [json.dumps(output, default=str) for output in run.outputs]
    texts += [event.model_dump_json() for event in run.caller.events]
    texts.append(run.caller.printed.getvalue())
    good = example(schema_of(algorithm))
    texts += [str(Caller(algorithm, fails=failure).submit(good)) for failure in _failures()]
    assert not any(SECRET in text for text in texts), "a secret was disclosed"


def _failures() -> list[Exception]:
    return [
        SettingsError(f"KAFKA_SASL_PASSWORD={SECRET} is wrong."),
        RuntimeError(SECRET),
        ProviderError("IBM Quantum refused.", status=400),
    ]
