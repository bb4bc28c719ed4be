"""The config document: the paper's, its placeholders, and what is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from core.config_docs.bounds import MAX_DOCUMENT_BYTES
from core.config_docs.model import BODY, MAX_BODIES, FunctionCall, parse, resolve
from core.errors import DocumentError, SettingsError
from tests.core.samples import raw_document


class Credentials:
    """Returns a value for every name and remembers the names."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str) -> str:
        self.asked.append(name)
        return f"<{name}>"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def refuse(name: str) -> str:
    raise SettingsError(f"{name} is not configured.")


def test_the_papers_document_becomes_a_call() -> None:
    credentials = Credentials()
    incoming = {"emoticon_1": ":)", "emoticon_2": ":("}
    call = resolve(parse(raw_document(), "x"), incoming, credentials)
    assert call == FunctionCall(
        method="POST",
        url=raw_document()["functionBackendUrl"],
        headers={
            "Authorization": "<IAMBearerToken>",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        body=incoming,
    )
    assert credentials.asked == ["IAMBearerToken"]


def test_the_papers_four_fields_are_enough_for_a_page() -> None:
    document = parse(raw_document(), "x")
    assert (document.id, document.function_http_method) == ("smile_super_position", "POST")
    assert (document.function_title, document.function_input_schema, document.function_view) == (
        "",
        {},
        "default",
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("incomingRequestBody", {"n": 1}),
        ({"value": {"inner": ["incomingRequestBody", 7]}}, {"value": {"inner": [{"n": 1}, 7]}}),
        ({"incomingRequestBody": "as a key it is a name"}, {"incomingRequestBody": "as a key it is a name"}),
        ({"text": "incomingRequestBody, but more"}, {"text": "incomingRequestBody, but more"}),
        (None, None),
        ([True, 1.5, None], [True, 1.5, None]),
    ],
)
def test_the_body_placeholder_is_filled_at_any_place(template: Any, expected: Any) -> None:
    document = parse(raw_document(functionParams={"body": template, "headers": {}}), "x")
    assert resolve(document, {"n": 1}, refuse).body == expected


def test_a_callers_value_is_never_treated_as_a_placeholder() -> None:
    incoming = {"a": "incomingRequestBody", "b": "IAMBearerToken", "c": ["BasicAuth"]}
    call = resolve(parse(raw_document(), "x"), incoming, Credentials())
    assert call.body == incoming


def test_credentials_are_requested_only_if_a_header_needs_one() -> None:
    headers = {"X-Plain": "BasicAuthentic", "Accept": "application/json"}
    document = parse(raw_document(functionParams={"headers": headers}), "x")
    call = resolve(document, {"n": 1}, refuse)
    assert call.headers == headers
    assert call.body == {"n": 1}
    with pytest.raises(SettingsError):
        resolve(parse(raw_document(), "x"), {}, refuse)


@pytest.mark.parametrize("name", ["IAMBearerToken", "BasicAuth"])
def test_both_credentials_are_known(name: str) -> None:
    document = parse(raw_document(functionParams={"headers": {"Authorization": name}}), "x")
    assert resolve(document, {}, Credentials()).headers == {"Authorization": f"<{name}>"}


def test_a_document_may_have_an_output_schema() -> None:
    schema = {
        "properties": {"x": {"$ref": "#/$defs/X"}},
        "$defs": {"X": {"type": "number", "x-unit": "shots"}},
    }
    assert parse(raw_document(functionOutputSchema=schema), "x").function_output_schema == schema


def test_an_older_document_without_an_output_schema_still_works() -> None:
    raw = raw_document()
    assert "functionOutputSchema" not in raw
    assert parse(raw, "x").function_output_schema == {}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "nonsense"}, "nonsense"),
        ({"properties": {"a": {"$ref": "https://example.com/schema.json"}}}, "other references are not"),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}}, "which does not exist"),
        ({"properties": {"a": 1}}, "must be a schema"),
        ({"allOf": [{} for _ in range(2_001)]}, "more than 2000 schemas"),
    ],
)
def test_a_broken_output_schema_is_refused(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match="has a broken output schema: ") as caught:
        parse(raw_document(functionOutputSchema=schema), "the_name")
    assert words in caught.value.message


def test_fields_of_a_newer_version_are_ignored() -> None:
    document = parse(raw_document(_rev="1-abc", functionColour="red"), "x")
    assert document.id == "smile_super_position"
    assert not hasattr(document, "functionColour")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"functionHttpMethod": "DELETE"}, "functionHttpMethod"),
        ({"functionHttpMethod": "post"}, "functionHttpMethod"),
        ({"functionBackendUrl": "ftp://host/x"}, "functionBackendUrl"),
        ({"functionBackendUrl": "file:///etc/passwd"}, "functionBackendUrl"),
        ({"functionBackendUrl": "/relative"}, "functionBackendUrl"),
        ({"functionBackendUrl": "http://"}, "functionBackendUrl"),
        ({"functionBackendUrl": "http://[::1/x"}, "functionBackendUrl"),
        ({"functionBackendUrl": "http://host/" + "x" * 2_000}, "functionBackendUrl"),
        ({"functionBackendUrl": None}, "functionBackendUrl"),
        ({"functionParams": {"headers": {"X": 1}}}, "functionParams.headers.X"),
        ({"functionParams": {"headers": {"X": "x" * 4_001}}}, "functionParams.headers.X"),
        ({"functionParams": {"headers": {"X": "a\r\nY: b"}}}, "functionParams.headers.X"),
        ({"functionParams": {"headers": {"a b": "x"}}}, "functionParams.headers.a b.[key]"),
        ({"functionParams": {"headers": {f"X{n}": "" for n in range(51)}}}, "functionParams.headers"),
        ({"functionTitle": "x" * 201}, "functionTitle"),
        ({"functionDescription": "x" * 4_001}, "functionDescription"),
        ({"functionParams": []}, "functionParams"),
        ({"functionInputSchema": []}, "functionInputSchema"),
        ({"functionOutputSchema": []}, "functionOutputSchema"),
        ({"_id": "Upper"}, "_id"),
        ({"_id": "a/b"}, "_id"),
        ({"_id": "a\n"}, "_id"),
        ({"_id": "a" * 65}, "_id"),
        ({"_id": ""}, "_id"),
    ],
)
def test_a_broken_field_is_named_with_its_document(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(raw_document(**changes), "the_name")
    assert caught.value.message.startswith(f"Config document the_name: {field}: ")
    assert caught.value.details == {"document": "the_name"}


@pytest.mark.parametrize("missing", ["_id", "functionBackendUrl"])
def test_a_missing_field_is_named(missing: str) -> None:
    raw = raw_document()
    del raw[missing]
    with pytest.raises(DocumentError, match=f"{missing}: Field required"):
        parse(raw, "x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"functionParams": {"body": ["x" * 60_000] * 5}}, f"has over {MAX_DOCUMENT_BYTES} bytes"),
        ({"functionParams": {"body": "x" * 70_000}}, "has a text of 70000 characters"),
        ({"functionParams": {"body": [0] * 30_000}}, "has more than 20000 values"),
        ({"functionParams": {"body": {"n" * 1_001: 1}}}, "has a name of more than 1000 characters"),
        ({"functionParams": {"body": nested(70)}}, "is nested more than 64 deep"),
        ({"functionParams": {"body": nested(100_000)}}, "is nested more than 64 deep"),
        ({"functionParams": {"body": 2**70}}, "64-bit"),
        ({"functionInputSchema": {"properties": {"a": nested(70)}}}, "is nested more than 64 deep"),
    ],
)
def test_a_document_that_is_too_large_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words) as caught:
        parse(raw_document(**changes), "the_name")
    assert caught.value.message.startswith("Config document the_name")
    assert caught.value.details == {"document": "the_name"}


def test_a_document_cannot_multiply_a_callers_input() -> None:
    for body in ([BODY] * (MAX_BODIES + 1), {"a": [{"b": BODY}] * 3, "c": [[BODY, BODY]]}):
        with pytest.raises(DocumentError, match=r"functionParams\.body: .*more than 4 times"):
            parse(raw_document(functionParams={"body": body, "headers": {}}), "x")
    document = parse(raw_document(functionParams={"body": [BODY] * MAX_BODIES, "headers": {}}), "x")
    assert resolve(document, {"a": 1}, refuse).body == [{"a": 1}] * MAX_BODIES
