"""The caller's input against the function's schema: every finding names the field and the fix."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flask import Flask

from core.config_docs.model import ConfigDocument, parse
from core.errors import DocumentError, InputError
from core.protocol import RESERVED_NAMES
from gateway.body import body
from gateway.problems import BodyError
from gateway.validation import MAX_FINDINGS, validate
from tests.core.samples import raw_document

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text", "shots"],
    "properties": {
        "text": {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[ -~]+$"},
        "shots": {"type": "integer", "minimum": 1, "maximum": 100},
        "kind": {"enum": ["a", "b"]},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "backend": {"anyOf": [{"type": "string", "pattern": "^[a-z]+$"}, {"type": "null"}]},
        "list": {"type": "array", "minItems": 1, "items": {"type": "number"}},
        "nested": {
            "type": "object",
            "properties": {"inner": {"type": "object", "required": ["deep"], "properties": {"deep": {}}}},
            "additionalProperties": False,
        },
    },
}
GOOD = {"text": "ok", "shots": 5}


def document(schema: dict[str, Any]) -> ConfigDocument:
    return parse(raw_document(functionInputSchema=schema), "x")


def findings(value: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        validate(document(schema), value)
    errors = caught.value.details["errors"]
    # The message has for people what the list has for programs.
    assert caught.value.message == " ".join(f"{item['field']}: {item['message']}" for item in errors)
    return [(item["field"], item["message"]) for item in errors]


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        GOOD | {"kind": "b", "backend": None, "list": [1, 2.5], "nested": {}},
        GOOD | {"backend": "fez", "nested": {"inner": {"deep": [1]}}},
    ],
)
def test_valid_input_passes(value: dict[str, Any]) -> None:
    validate(document(SCHEMA), value)


def test_a_function_without_a_schema_accepts_anything() -> None:
    validate(document({}), {"x": [1, {"y": None}]})


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"text": 7}, "text", "must be of type string, not a number."),
        ({"text": None}, "text", "must be of type string, not null."),
        ({"text": []}, "text", "must be of type string, not an array."),
        ({"text": {}}, "text", "must be of type string, not an object."),
        ({"shots": "5"}, "shots", "must be of type integer, not a string."),
        ({"shots": True}, "shots", "must be of type integer, not a boolean."),
        ({"text": "x"}, "text", "must have at least 2 characters."),
        ({"text": "x" * 9}, "text", "must have at most 8 characters, not 9."),
        ({"text": "é:"}, "text", "must have printable ASCII characters only."),
        ({"word": "A"}, "word", "must match the pattern ^[a-z]+$."),
        ({"shots": 0}, "shots", "must be at least 1."),
        ({"shots": 101}, "shots", "must be at most 100."),
        ({"kind": "c"}, "kind", "must be one of a, b."),
        ({"backend": "UP"}, "backend", "must match the pattern ^[a-z]+$."),
        ({"backend": 5}, "backend", "must not be a number."),
        ({"list": [1, "x"]}, "list.1", "must be of type number, not a string."),
        ({"nested": {"inner": {}}}, "nested.inner.deep", "is missing. Add it."),
        ({"nested": {"extra": 1}}, "nested.extra", "is not known. Known: inner."),
        ({"nested": {"inner": 1}}, "nested.inner", "must be of type object, not a number."),
    ],
)
def test_a_finding_names_the_field_and_the_fix(changes: dict[str, Any], field: str, message: str) -> None:
    assert findings(GOOD | changes) == [(field, message)]


def test_every_missing_field_is_named() -> None:
    assert sorted(findings({})) == [("shots", "is missing. Add it."), ("text", "is missing. Add it.")]


@pytest.mark.parametrize("name", ["it's", 'a "word"', "both ' and \""])
def test_a_missing_field_may_have_any_name(name: str) -> None:
    assert findings({}, {"required": [name]}) == [(name, "is missing. Add it.")]


def test_findings_for_unknown_fields_list_the_known_ones() -> None:
    problems = findings(GOOD | {"shot": 1, "x" * 500: 2})
    known = "is not known. Known: backend, kind, list, nested, shots, text, word."
    assert problems == [("shot", known), ("x" * 64, known)]


def test_a_field_that_a_pattern_permits_is_not_reported() -> None:
    schema = {"patternProperties": {"^x_": {}}, "properties": {"a": {}}, "additionalProperties": False}
    assert findings({"x_1": 1, "y": 2}, schema) == [("y", "is not known. Known: a.")]


def test_findings_without_our_own_text_have_jsonschemas_bounded() -> None:
    [(field, message)] = findings(GOOD | {"list": []})
    assert (field, message.endswith(".")) == ("list", True)
    [(field, message)] = findings({"a": "x" * 5_000}, {"properties": {"a": {"const": "y" * 5_000}}})
    assert (field, len(message)) == ("a", 301)


def test_findings_are_bounded() -> None:
    schema = {"properties": {f"f{number}": {"type": "string"} for number in range(50)}}
    assert len(findings({f"f{number}": 1 for number in range(50)}, schema)) == MAX_FINDINGS
    extra = {f"f{number}": 1 for number in range(50)}
    assert len(findings(extra, {"additionalProperties": False})) == MAX_FINDINGS


@pytest.mark.parametrize("schema", [SCHEMA, {"properties": {"text": {"enum": ["a"]}}}])
def test_input_that_is_nested_too_deeply_is_the_callers_error(schema: dict[str, Any]) -> None:
    deep = orjson.loads(b'{"shots":1,"text":' + b"[" * 1_000 + b"]" * 1_000 + b"}")
    with pytest.raises(InputError):
        validate(document(schema), deep)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strange"},
        {"properties": []},
        {"properties": {"text": {"pattern": "("}}},
        {"$ref": "#/$defs/absent"},
        {"$ref": "http://127.0.0.1:9/schema.json"},  # this server must not be called
    ],
)
def test_a_broken_schema_is_the_functions_error(
    monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **_: asked.append(arguments))
    with pytest.raises(DocumentError, match="smile_super_position has a broken input schema"):
        validate(document(schema), GOOD)
    assert asked == []


# --- the body --------------------------------------------------------------------------------------


def read(data: bytes) -> dict[str, Any]:
    with Flask("test").test_request_context("/", method="POST", data=data):
        return body()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (b"{}", {}),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b'{"n": 1, "Ab": 2}', {"n": 1, "Ab": 2}),
    ],
)
def test_the_body_is_a_json_object(data: bytes, expected: dict[str, Any]) -> None:
    assert read(data) == expected


@pytest.mark.parametrize("data", [b"{", b"x", b"\xff", b"NaN", b'{"a": Infinity}', b"[" * 5_000])
def test_the_error_for_a_body_that_is_not_json_says_so(data: bytes) -> None:
    with pytest.raises(BodyError, match="not valid JSON"):
        read(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[]", "an array"),
        (b'"x"', "a string"),
        (b"7", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
    ],
)
def test_the_error_for_a_body_that_is_not_an_object_names_its_type(data: bytes, kind: str) -> None:
    with pytest.raises(InputError, match=f"must be a JSON object, not {kind}") as caught:
        read(data)
    assert caught.value.details == {"field": "body"}


@pytest.mark.parametrize(
    "name",
    [*sorted(RESERVED_NAMES), "SIMULATOR_URL", "KAFKA_BOOTSTRAP_SERVERS", "__ow_headers", "__"],
)
def test_callers_may_not_use_names_of_the_deployment(name: str) -> None:
    with pytest.raises(InputError, match="is reserved") as caught:
        read(orjson.dumps({"text": "ok", name: 1}))
    assert caught.value.details == {"field": name}


@pytest.mark.parametrize("name", ["N", "A1", "É"])
def test_a_name_in_upper_case_may_belong_to_an_algorithm(name: str) -> None:
    assert read(orjson.dumps({name: 15})) == {name: 15}
