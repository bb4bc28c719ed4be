"""The MCP server on the running stack, with the official client: tools, progress, cancellation, resources."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import jsonschema
import pytest
import requests
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent, TextResourceContents, Tool

from gateway.mcp.schemas import CANCEL_TOOL, WAIT_TOOL
from testkit.adversarial import published
from testkit.faults import paused
from testkit.stack import Stack
from tests.end_to_end.test_algorithms import CASES, case
from tests.printed import at, printed

#: Calls at the same time: the stack is small.
AT_A_TIME = 4
#: Seconds for one call of a client; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 240.0


def run(trial: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await trial

    asyncio.run(bounded())


def client_of(stack: Stack) -> Client:
    """Return an official client as its documentation shows it, which also logs in as old clients do."""
    return Client(f"{stack.gateway}/mcp", read_timeout_seconds=PATIENCE)


def text_of(result: CallToolResult) -> str:
    [first, *_] = result.content
    assert isinstance(first, TextContent)
    return first.text


async def read(client: Client, uri: str) -> Any:
    [contents] = (await client.read_resource(uri)).contents
    assert isinstance(contents, TextResourceContents)
    return json.loads(contents.text)


async def finished(client: Client, job: str) -> CallToolResult:
    """Wait for a job as a model would: call the tool again until the job is final."""
    while True:
        result = await client.call_tool(WAIT_TOOL, {"process_job_id": job})
        if result.is_error or result.structured_content["status"] == "DONE":
            return result


async def tools_of(client: Client) -> dict[str, Tool]:
    listed = await client.list_tools()
    assert listed.next_cursor is None
    return {tool.name: tool for tool in listed.tools}


def test_every_function_is_a_tool_with_its_schemas_and_gives_its_answer(stack: Stack) -> None:
    async def call(client: Client, tool: Tool, turn: asyncio.Semaphore) -> None:
        async with turn:
            result = await client.call_tool(
                tool.name, {**case(tool.name).VALUES, "backend_type": "simulator"}
            )
            assert not result.is_error, text_of(result)
            if result.structured_content["status"] != "DONE":
                result = await finished(client, result.structured_content["process_job_id"])
        value = result.structured_content
        assert tool.output_schema is not None
        jsonschema.Draft202012Validator(tool.output_schema).validate(value)
        assert text_of(result) == value["answer"]["summary"]
        case(tool.name).check(value["answer"], noisy=False)
        event = await read(client, value["resource"])
        assert (event["function"], event["answer"]) == (tool.name, value["answer"])

    async def trial() -> None:
        async with client_of(stack) as client:
            tools = await tools_of(client)
            documents = published()
            assert set(tools) == {*documents, WAIT_TOOL, CANCEL_TOOL}
            for name, document in documents.items():
                tool = tools[name]
                assert (tool.title, tool.description) == (
                    document.function_title,
                    document.function_description,
                )
                assert tool.input_schema == document.function_input_schema
                assert tool.output_schema is not None
                answer = tool.output_schema["properties"]["answer"]
                assert answer["properties"] == document.function_output_schema["properties"]
            turn = asyncio.Semaphore(AT_A_TIME)
            async with asyncio.TaskGroup() as group:
                for name in documents:
                    if name in CASES:
                        group.create_task(call(client, tools[name], turn))
            jobs = (await read(client, "qwhisk://jobs"))["jobs"]
            assert {job["function"] for job in jobs} == set(documents) & CASES

    run(trial())


def test_progress_is_reported_and_a_cancelled_call_cancels_its_job(stack: Stack) -> None:
    async def trial() -> None:
        reports: list[tuple[float, str | None]] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            reports.append((progress, message))

        async with client_of(stack) as client, client_of(stack) as other:
            with paused(stack):
                arguments = {"emoticon_1": ":)", "emoticon_2": ":(", "backend": "fake_fez"}
                arguments["backend_type"] = "hardware"
                calling = asyncio.create_task(
                    client.call_tool("smile_super_position", arguments, progress_callback=report)
                )
                while not reports:
                    await asyncio.sleep(0.05)
                [job] = (await read(client, "qwhisk://jobs"))["jobs"]
                assert job["status"] == "QUEUED"
                # The client sends `notifications/cancelled`.
                calling.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await calling
                result = await finished(client, job["process_job_id"])
            assert result.is_error
            assert "cancelled" in text_of(result)
            assert (await read(client, f"qwhisk://jobs/{job['process_job_id']}"))["status"] == "CANCELLED"
            numbers = [number for number, _ in reports]
            assert numbers == sorted(set(numbers))
            assert reports[0][1] is not None
            assert reports[0][1].startswith("QUEUED on fake_fez")
            # Another client sees nothing of it.
            assert (await read(other, "qwhisk://jobs"))["jobs"] == []
            with pytest.raises(MCPError, match="no such job"):
                await read(other, f"qwhisk://jobs/{job['process_job_id']}")
            for tool in (WAIT_TOOL, CANCEL_TOOL):
                refused = await other.call_tool(tool, {"process_job_id": job["process_job_id"]})
                assert refused.is_error
                assert "no such job" in text_of(refused)
            named = {resource.uri for resource in (await other.list_resources()).resources}
            assert named == {"qwhisk://backends", "qwhisk://jobs"}

    run(trial())


def test_a_job_that_takes_long_is_continued_and_cancelled_by_tools(stack: Stack) -> None:
    async def trial() -> None:
        async with client_of(stack) as client:
            with paused(stack):
                # A client that gives up does not end its job: only a cancellation does.
                arguments = {"backend": "fake_fez", "backend_type": "hardware"}
                calling = asyncio.create_task(client.call_tool("bell_state", arguments))
                jobs: list[Any] = []
                while not jobs:
                    jobs = (await read(client, "qwhisk://jobs"))["jobs"]
                job = jobs[0]["process_job_id"]
                waited = await client.call_tool(WAIT_TOOL, {"process_job_id": job, "seconds": 0.1})
                assert not waited.is_error
                assert waited.structured_content["status"] == "QUEUED"
                assert WAIT_TOOL in text_of(waited)
                requested = await client.call_tool(CANCEL_TOOL, {"process_job_id": job})
                assert not requested.is_error, text_of(requested)
                result = await calling
            assert result.is_error
            assert "cancelled" in text_of(result)

    run(trial())


def test_wrong_input_gives_tool_errors_that_name_field_and_fix(stack: Stack) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("grover", {"qubits": 40, "marked": [3]}, "qubits: must be at most 8"),
        ("grover", {"qubits": 3}, "marked: is missing. Add it."),
        ("grover", {"qubits": 3, "marked": [3], "topic": "x"}, "topic is reserved"),
        ("bell_state", {"shots": 100, "backend": "none"}, "none"),
        ("no_such_function", {}, "There is no function 'no_such_function'"),
        ("no/such tool", {}, "There is no tool"),
        (WAIT_TOOL, {"process_job_id": "../x"}, "process_job_id"),
        (WAIT_TOOL, {"process_job_id": "x", "seconds": 51}, "seconds must be a number from 0 to 50"),
        (CANCEL_TOOL, {"process_job_id": "x", "more": 1}, "more is not known"),
    ]

    async def trial() -> None:
        async with client_of(stack) as client:
            for name, arguments, words in wrong:
                result = await client.call_tool(name, arguments)
                assert result.is_error, name
                assert words in text_of(result)
            for uri in ("qwhisk://none", "file:///etc/passwd", "qwhisk://jobs/../backends"):
                with pytest.raises(MCPError, match="no resource"):
                    await client.read_resource(uri)
            backends = (await read(client, "qwhisk://backends"))["backends"]
            assert "aer_simulator" in {backend["name"] for backend in backends}
            templates = (await client.list_resource_templates()).resource_templates
            assert [template.name for template in templates] == ["job", "large-result"]

    run(trial())


def test_a_session_of_the_http_api_sees_the_jobs_of_its_mcp_client(stack: Stack) -> None:
    mine = stack.client()

    @asynccontextmanager
    async def connected() -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {mine.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
            Client(streamable_http_client(f"{stack.gateway}/mcp", http_client=http)) as client,
        ):
            yield client

    async def trial() -> None:
        for _ in range(2):
            # Both connections number their messages alike, and each gets a job of its own.
            async with connected() as client:
                result = await client.call_tool("bell_state", {"shots": 64})
                assert not result.is_error, text_of(result)
        listed = mine.get("/jobs").json()["jobs"]
        assert [job["function"] for job in listed] == ["bell_state"] * 2
        async with connected() as client:
            assert len((await read(client, "qwhisk://jobs"))["jobs"]) == 2

    run(trial())


def test_the_example_of_the_documentation_runs_as_printed(stack: Stack) -> None:
    program = at(stack.gateway, printed("docs/mcp.md", "import asyncio"))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[3]\n"), done.stderr


def test_the_printed_configuration_leads_to_the_server(stack: Stack) -> None:
    text = printed("docs/mcp.md", '{"mcpServers": {"qwhisk": {"type": "http", "url": "http://')
    server = json.loads(at(stack.gateway, text))["mcpServers"]["qwhisk"]
    assert server.keys() == {"type", "url"}

    async def trial() -> None:
        async with Client(server["url"], read_timeout_seconds=PATIENCE) as client:
            assert "grover" in await tools_of(client)

    run(trial())


def test_there_is_no_stream_outside_of_answers(stack: Stack) -> None:
    for method in ("GET", "DELETE"):
        answer = requests.request(method, f"{stack.gateway}/mcp", timeout=60)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert "POST" in answer.json()["error"]["message"]
