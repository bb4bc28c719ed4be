"""What every algorithm in `actions/` must satisfy. The algorithms are discovered, not listed."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actions.framework.algorithm import Algorithm
from core.config_docs.model import parse, resolve
from tests.actions.broken import BROKEN, Coins, Rounds
from tests.actions.contract import CHECKS
from tests.actions.inputs import example, full, of_wrong_type, out_of_range
from tests.actions.walk import Caller
from tools import check_algorithms, documents
from tools.documents import ACTIONS, algorithms, text

FOUND = algorithms()
#: Keywords of JSON Schema that bound a value.
BOUNDS = re.compile(r'"(minimum|maximum|exclusiveM\w+|multipleOf|m\w+Length|m\w+Items|enum|const|pattern)"')
every = pytest.mark.parametrize("name", sorted(FOUND))


def test_there_are_algorithms() -> None:
    assert "smile_super_position" in FOUND


@every
def test_the_algorithm_is_completely_described(name: str) -> None:
    assert check_algorithms.faults(name) == []


def test_writing_the_documents_changes_nothing(tmp_path: Path) -> None:
    for name in FOUND:
        (tmp_path / "actions" / name).mkdir(parents=True)
    for path in documents.write(tmp_path):
        kept = ACTIONS.parent / path.relative_to(tmp_path)
        assert path.read_bytes() == kept.read_bytes(), "stale: run `make documents`"


@every
def test_the_document_is_accepted_by_the_gateway(name: str) -> None:
    raw = json.loads(text(FOUND[name]).replace("{WHISK_APIHOST}", "http://127.0.0.1:3233"))
    document = parse(raw, name)
    call = resolve(document, {"x": 1}, lambda credential: f"<{credential}>")
    assert call.url.endswith(f"/actions/quantum/{name}?blocking=true&result=true")
    assert call.headers["Authorization"] == "<BasicAuth>"
    assert call.body == {"x": 1}
    assert document.function_title
    assert document.function_description
    Draft202012Validator.check_schema(document.function_input_schema)
    # The page draws a field for each, with a title and an explanation.
    for field in document.function_input_schema["properties"].values():
        assert field["title"]
        assert field["description"]


@every
def test_the_schemas_own_examples_are_valid_input(name: str) -> None:
    algorithm = FOUND[name]
    schema = algorithm.input.model_json_schema()
    values = example(schema)
    Draft202012Validator(schema).validate(values)
    Draft202012Validator(schema).validate(full(schema))
    job = algorithm().start(algorithm.input.model_validate(values))
    assert all((pub.circuit.num_clbits > 0) == (job.primitive == "sampler") for pub in job.pubs)


@pytest.mark.parametrize(("name", "check"), [(name, check) for name in sorted(FOUND) for check in CHECKS])
def test_contract(name: str, check: str) -> None:
    CHECKS[check](FOUND[name]())


@pytest.mark.parametrize("kind", [Coins, Rounds], ids=lambda kind: str(kind.__name__))
@pytest.mark.parametrize("check", CHECKS)
def test_an_algorithm_that_keeps_it_passes(kind: type[Algorithm[Any]], check: str) -> None:
    CHECKS[check](kind())


@pytest.mark.parametrize(("kind", "check", "words"), BROKEN, ids=[kind.__name__ for kind, _, _ in BROKEN])
def test_an_algorithm_that_breaks_it_is_caught(kind: type[Algorithm[Any]], check: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        CHECKS[check](kind())


def test_every_check_catches_something() -> None:
    assert {check for _, check, _ in BROKEN} == set(CHECKS)


@every
def test_the_invalid_input_covers_all_fields(name: str) -> None:
    """If a bound of the schema were not tried, the checks above would pass for lack of input."""
    schema = FOUND[name].input.model_json_schema()
    assert {variant.field for variant in of_wrong_type(schema)} == set(schema["properties"])
    bounded = {field for field, inside in schema["properties"].items() if BOUNDS.search(json.dumps(inside))}
    assert bounded <= {variant.field for variant in out_of_range(schema)}


@every
def test_settings_and_internal_failures_are_logged_and_not_disclosed(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caller = Caller(FOUND[name](), fails=RuntimeError("s3cret"))
    with caplog.at_level(logging.ERROR):
        answer = caller.submit(example(FOUND[name].input.model_json_schema()))
    assert answer["error"]["code"] == "internal_error"
    assert "s3cret" in caplog.text
