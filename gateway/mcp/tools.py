"""The tools: one for each function of the live config documents, and two that wait for and cancel jobs."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import mcp_types as types
import orjson

from core.config_docs.model import FUNCTION_ID, ConfigDocument
from core.protocol import API, JOB_ID, job_path
from gateway.edge.exchange import FinalEventWait
from gateway.edge.inner_requests import InnerReply, InnerRequests
from gateway.edge.waits import Waits
from gateway.idempotency import HEADER as KEY_HEADER
from gateway.mcp import results, schemas
from gateway.mcp.message import McpMessage

#: The most functions of a page of the list.
MAX_TOOLS = 100

_FUNCTION = re.compile(FUNCTION_ID)
_JOB_ID = re.compile(JOB_ID)

#: Reports progress: a number that grows, and words.
Report = Callable[[float, str], Awaitable[None]]

_OURS = (
    types.Tool(
        name=schemas.WAIT_TOOL,
        title="Wait for a job",
        description="Returns the answer of a job that a function's tool has started, waiting for it.",
        input_schema=schemas.wait_input(),
        output_schema=schemas.output_schema({}),
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=True),
    ),
    types.Tool(
        name=schemas.CANCEL_TOOL,
        title="Cancel a job",
        description="Requests the cancellation of a job. It may be too late.",
        input_schema=schemas.cancel_input(),
        annotations=types.ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
        ),
    ),
)


def page(documents: Iterable[ConfigDocument], cursor: str | None) -> types.ListToolsResult:
    """Return a page of the list of tools: ours first, then the functions by name.

    Args:
        documents: the config documents of the functions, by name.
        cursor: the last name of the previous page; None for the first page.
    """
    ours = list(_OURS) if cursor is None else []
    functions: list[types.Tool] = []
    # Ours are on the first page only. All pages leave space for them.
    size = sum(map(_size, _OURS))
    for document in documents:
        if cursor is not None and document.id <= cursor:
            continue
        tool = _tool(document)
        size += _size(tool) + 1
        if functions and (len(functions) >= MAX_TOOLS or size > schemas.MAX_MESSAGE):
            return types.ListToolsResult(tools=[*ours, *functions], next_cursor=functions[-1].name)
        functions.append(tool)
    return types.ListToolsResult(tools=[*ours, *functions])


def _size(tool: types.Tool) -> int:
    return len(tool.model_dump_json(by_alias=True, exclude_none=True).encode())


def _tool(document: ConfigDocument) -> types.Tool:
    return types.Tool(
        name=document.id,
        title=document.function_title or document.id,
        description=document.function_description or document.function_title or document.id,
        input_schema=schemas.input_schema(document),
        output_schema=schemas.output_schema(document.function_output_schema),
        annotations=types.ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
        ),
    )


@dataclass
class ToolCall:
    """A call of a tool.

    Args:
        message: the message that calls it.
        requests: makes requests to the API.
        waits: waits for events.
    """

    message: McpMessage
    requests: InnerRequests
    waits: Waits
    #: When the call ends at the latest, in seconds of the event loop's clock.
    deadline: float = 0.0
    #: What the API answered to the submission of a function's job; None if the tool is no function.
    submitted: InnerReply | None = None

    def __post_init__(self) -> None:
        self.deadline = asyncio.get_running_loop().time() + schemas.MAX_WAIT

    async def submit(self) -> None:
        """Invoke the function, if the tool is one."""
        if _FUNCTION.fullmatch(self.message.tool):
            self.submitted = await self.requests.send(
                "POST",
                f"{API}/functions/{self.message.tool}/jobs",
                query=f"wait={schemas.MAX_WAIT:g}",
                body=self.message.arguments,
                headers={KEY_HEADER: self.message.key},
            )
            self.message.arguments = b""

    async def result(self, report: Report) -> types.CallToolResult:
        """Return the result of the tool, after a wait for its job."""
        if self.submitted is not None:
            if self.submitted.status not in (200, 202):
                return _submission_error(self.submitted)
            return await self._followed(self.submitted, report)
        if self.message.tool not in (schemas.WAIT_TOOL, schemas.CANCEL_TOOL):
            return results.failure(f"There is no tool {self.message.tool!r}. tools/list names them.")
        arguments = orjson.loads(self.message.arguments)
        self.message.arguments = b""
        job = arguments.pop("process_job_id", None)
        if not isinstance(job, str) or not _JOB_ID.fullmatch(job):
            return results.failure("process_job_id must be the id that a function's tool returned.")
        seconds = schemas.MAX_WAIT
        if self.message.tool == schemas.WAIT_TOOL:
            seconds = arguments.pop("seconds", seconds)
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 <= seconds <= schemas.MAX_WAIT:
            return results.failure(f"seconds must be a number from 0 to {schemas.MAX_WAIT:g}.")
        if arguments:
            return results.failure(f"{next(iter(arguments))[:64]} is not known. Leave it out.")
        if self.message.tool == schemas.CANCEL_TOOL:
            return await self._cancelled(job)
        self.deadline = min(self.deadline, asyncio.get_running_loop().time() + seconds)
        reply = await self.requests.send("GET", job_path(job), query=f"wait={seconds}")
        if reply.status != 200:
            return results.of_error(reply)
        return await self._followed(reply, report)

    async def _cancelled(self, job: str) -> types.CallToolResult:
        reply = await self.requests.send("DELETE", job_path(job))
        if reply.status != 202:
            return results.of_error(reply)
        text = f"The cancellation of {job} was requested. {schemas.WAIT_TOOL} shows whether it was in time."
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    async def _followed(self, reply: InnerReply, report: Report) -> types.CallToolResult:
        """Report the progress of a job until it is final or the time is over, and return its result."""
        if reply.wait is None:
            return results.of_event(_event(reply))
        await self._report(reply.wait, report)
        newest = await self.requests.send("GET", job_path(reply.wait.process_job_id))
        if newest.status != 200:
            return results.of_error(newest)
        return results.of_event(_event(newest))

    async def _report(self, wait: FinalEventWait, report: Report) -> None:
        inbox, job, seen, number = wait.inbox, wait.process_job_id, -1, 0

        def changed() -> bool:
            entry = inbox.job(job)
            return entry is not None and entry.id != seen

        loop = asyncio.get_running_loop()
        while await self.waits.until(inbox, changed, max(0.0, self.deadline - loop.time())):
            entry = inbox.job(job)
            if entry is None or entry.event.final:
                return
            seen, number = entry.id, number + 1
            await report(number, results.progress_text(entry))


def _event(reply: InnerReply) -> dict[str, Any]:
    # Not orjson, which changes integers of more than 64 bits.
    event: dict[str, Any] = json.loads(reply.body)
    return event


def _submission_error(reply: InnerReply) -> types.CallToolResult:
    problem = orjson.loads(reply.body)
    if any(error.get("field") == KEY_HEADER for error in problem.get("errors", ())):
        return results.failure(
            "This session has used the id of this message for another call, or for a job whose data was "
            "erased. Use a new id."
        )
    return results.of_error(reply)
