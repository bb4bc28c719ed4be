"""What holds for every algorithm in `actions/`, found and not listed."""

from __future__ import annotations

import importlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actions.base import documents
from actions.base.algorithm import Algorithm
from actions.base.documents import ACTIONS, algorithms, text
from actions.base.submission import Submission
from core.config_document import parse, resolve
from core.errors import ProviderError, SettingsError

FOUND = algorithms()
ENVELOPE = {"client_id": "c-1", "process_job_id": "p-1", "topic": "results." + "a" * 24}
every = pytest.mark.parametrize("name", sorted(FOUND))


def example(algorithm: type[Algorithm[Any]]) -> dict[str, Any]:
    """Input made of the examples that the fields themselves give."""
    schema = algorithm.input.model_json_schema()
    return {name: schema["properties"][name]["examples"][0] for name in schema.get("required", [])}


def test_there_are_algorithms() -> None:
    assert "smile_super_position" in FOUND


@every
def test_the_folder_the_function_and_the_document_have_one_name(name: str) -> None:
    assert (ACTIONS / name / "algorithm.py").is_file()
    assert FOUND[name].name == name
    main = importlib.import_module(f"actions.{name}").main
    assert main.__self__.name == name, "its __init__.py gives another algorithm's main"


def test_writing_the_documents_changes_nothing(tmp_path: Path) -> None:
    for name in FOUND:
        (tmp_path / "actions" / name).mkdir(parents=True)
    for path in documents.write(tmp_path):
        kept = ACTIONS.parent / path.relative_to(tmp_path)
        assert path.read_bytes() == kept.read_bytes(), "stale: run `make documents`"


@every
def test_the_document_is_one_that_the_gateway_takes(name: str) -> None:
    raw = json.loads(text(FOUND[name]).replace("{WHISK_APIHOST}", "http://127.0.0.1:3233"))
    document = parse(raw, name)
    call = resolve(document, {"x": 1}, lambda credential: f"<{credential}>")
    assert call.url.endswith(f"/actions/quantum/{name}?blocking=true&result=true")
    assert call.headers["Authorization"] == "<BasicAuth>"
    assert call.body == {"x": 1}
    assert document.function_title
    assert document.function_description
    Draft202012Validator.check_schema(document.function_input_schema)
    # The page draws a field for each: with a title and a word of explanation.
    for field in document.function_input_schema["properties"].values():
        assert field["title"]
        assert field["description"]


@every
def test_the_schemas_own_examples_are_good_input(name: str) -> None:
    algorithm = FOUND[name]
    values = example(algorithm)
    Draft202012Validator(algorithm.input.model_json_schema()).validate(values)
    job = algorithm().start(algorithm.input.model_validate(values))
    assert all((pub.circuit.num_clbits > 0) == (job.primitive == "sampler") for pub in job.pubs)


@every
def test_every_required_field_is_missed_by_name(name: str) -> None:
    required = set(FOUND[name].input.model_json_schema().get("required", []))
    if not required:
        return
    answer = FOUND[name]().main(ENVELOPE)
    assert answer["error"]["code"] == "invalid_input"
    assert {item["field"] for item in answer["error"]["details"]["errors"]} == required


@every
@pytest.mark.parametrize("field", ["shots", "backend_type", "backend"])
def test_what_all_have_in_common_is_checked_in_all(name: str, field: str) -> None:
    answer = FOUND[name]().main(example(FOUND[name]) | {field: {"wrong": "type"}})
    assert [item["field"] for item in answer["error"]["details"]["errors"]] == [field]


@every
@pytest.mark.parametrize(
    ("raised", "code", "logged"),
    [
        (SettingsError("KAFKA_SASL_PASSWORD=s3cret is wrong."), "invalid_settings", True),
        (RuntimeError("s3cret"), "internal_error", True),
        (ProviderError("IBM Quantum refused.", status=400), "provider_error", False),
    ],
)
def test_whatever_fails_is_told_without_a_secret_or_a_trace(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    raised: Exception,
    code: str,
    logged: bool,
) -> None:
    def fail(_: Any) -> Any:
        raise raised

    monkeypatch.setattr(Submission, "shared", fail)
    envelope = {"client_id": "c", "process_job_id": "p", "topic": "results." + "a" * 24}
    with caplog.at_level(logging.ERROR):
        answer = FOUND[name]().main(example(FOUND[name]) | envelope)
    assert answer["error"]["code"] == code
    told = json.dumps(answer)
    assert not re.search("s3cret|Traceback|RuntimeError", told)
    assert ("s3cret" in caplog.text) is logged
