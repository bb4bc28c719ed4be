"""The schemas and the structured results of the MCP server's tools."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from mcp.client.streamable_http import DEFAULT_MAX_SSE_EVENT_SIZE

from core.config_docs.model import ConfigDocument
from gateway.edge.inner_requests import InnerReply
from gateway.inbox.inbox import InboxEntry
from gateway.mcp import results, schemas, tools
from testkit.adversarial import published
from tests.core.samples import result_event


def valid(schema: dict[str, Any], value: Any) -> bool:
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


def event(**changes: Any) -> dict[str, Any]:
    return result_event(**{"status": "DONE", "answer": {"summary": "Yes."}} | changes).model_dump(mode="json")


#: A tree, by each kind of reference.
_ROOT = {"type": "object", "properties": {"left": {"$ref": "#"}, "name": {"type": "string"}}}
_PROPERTY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "other": {"$ref": "#/properties/name"}},
}
_DEFINITION = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"name": {"type": "string"}, "names": {"type": "array", "items": {"$ref": "#/$defs/name"}}},
    "type": "object",
    "properties": {"names": {"$ref": "#/$defs/names"}, "examples": {"const": {"$ref": "#"}}},
}


@pytest.mark.parametrize(
    ("answer", "right", "wrong"),
    [
        (_ROOT, {"left": {"left": {"name": "x"}}}, {"left": {"left": {"name": 1}}}),
        (_PROPERTY, {"other": "x"}, {"other": 1}),
        (_DEFINITION, {"names": ["x"], "examples": {"$ref": "#"}}, {"names": [1]}),
    ],
)
def test_an_answers_references_hold_inside_a_result(
    answer: dict[str, Any], right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    schema = schemas.output_schema(answer)
    assert valid(answer, right)
    assert not valid(answer, wrong)
    value, _ = schemas.structured(event(answer=right))
    assert valid(schema, value)
    value, _ = schemas.structured(event(answer=wrong))
    assert not valid(schema, value)


def test_every_functions_example_is_a_result_of_its_tool() -> None:
    for document in published().values():
        schema = schemas.output_schema(document.function_output_schema)
        for changes in ({"status": "QUEUED", "answer": None}, {"answer": None, "result_url": "/x"}):
            value, _ = schemas.structured(event(**changes))
            assert valid(schema, value)
        assert not valid(schema, schemas.structured(event(answer={"summary": 1}))[0])
        assert schemas.input_schema(document)["type"] == "object"


def test_a_document_without_schemas_is_a_tool_too() -> None:
    document = ConfigDocument.model_validate({"_id": "plain", "functionBackendUrl": "http://f.example.org/"})
    [*_, tool] = tools.page([document], None).tools
    assert (tool.name, tool.title, tool.description) == ("plain", "plain", "plain")
    assert tool.input_schema == {"type": "object"}
    counts = {"counts": {"meas": {"00": 1}}, "shots": 1}
    value, _ = schemas.structured(event(answer=None, result=counts))
    assert value["result"]["counts"] == counts["counts"]
    assert tool.output_schema is not None
    assert valid(tool.output_schema, value)


def test_a_large_answer_is_a_resource_and_no_result() -> None:
    result = results.of_event(event(answer={"summary": "Yes.", "more": "x" * schemas.MAX_STRUCTURED}))
    assert "answer" not in result.structured_content
    assert sum(len(part.model_dump_json()) for part in result.content) < 2_000
    first = result.content[0].model_dump()["text"]
    assert first.startswith("Yes. The answer has 100")
    assert "qwhisk://jobs/process-1" in first
    elsewhere = results.of_event(event(answer=None, result_url="/api/v1/jobs/process-1/result"))
    assert "qwhisk://jobs/process-1/result" in elsewhere.content[0].model_dump()["text"]


def test_the_list_of_tools_has_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"type": "object", "description": "x" * 30_000}
    names = [f"f{number:03}" for number in range(250)]
    documents = [
        ConfigDocument.model_validate(
            {
                "_id": name,
                "functionBackendUrl": "http://f.example.org/",
                "functionDescription": "y" * 4_000,
                "functionInputSchema": schema,
            }
        )
        for name in names
    ]
    found: list[str] = []
    cursor = None
    for _ in names:
        page = tools.page(documents, cursor)
        assert 0 < len(page.tools) <= tools.MAX_TOOLS + 2
        assert len(page.model_dump_json(by_alias=True)) < DEFAULT_MAX_SSE_EVENT_SIZE - 10_000
        found += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [schemas.WAIT_TOOL, schemas.CANCEL_TOOL, *names]
    assert tools.page(documents, "zzz").tools == []
    # Each is larger than a page.
    monkeypatch.setattr(schemas, "MAX_MESSAGE", 1)
    assert [tool.name for tool in tools.page(documents, None).tools][2:] == names[:1]
    assert tools.page(documents, names[0]).next_cursor == names[1]


def test_errors_are_words() -> None:
    body = b'{"detail":"Busy.","errors":[{"field":"shots","message":"must be at most 5."}]}'
    result = results.of_error(InnerReply(503, body, {"retry-after": "5"}))
    assert result.is_error
    assert result.content[0].model_dump()["text"] == "Busy. shots: must be at most 5. Try again in 5 s."
    error = {"code": "x", "message": "The device is down."}
    failed = results.of_event(event(status="ERROR", answer=None, error=error))
    assert failed.is_error
    assert failed.content[0].model_dump()["text"] == "The device is down. Job: process-1."


def test_progress_is_told_in_words() -> None:
    queued = result_event(
        status="QUEUED", queue_position=3, estimated_completion_time="2026-05-01T12:34:56Z", progress=None
    )
    text = results.progress_text(InboxEntry(1, queued, b""))
    assert text == "QUEUED on fake_fez, 3 jobs before it, expected at 2026-05-01 12:34:56 UTC"
    loop = result_event(status="RUNNING", progress={"step": 2, "of": 9})
    assert results.progress_text(InboxEntry(2, loop, b"")) == "RUNNING on fake_fez, step 2 of at most 9"
