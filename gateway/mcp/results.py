"""The results of tools: a short text for people and models first, then the structured result."""

from __future__ import annotations

from typing import Any

import mcp_types as types
import orjson

from core.protocol import FINAL
from gateway.edge.inner_requests import InnerReply
from gateway.inbox.inbox import InboxEntry
from gateway.mcp import schemas

#: The most characters of a text.
MAX_TEXT = 4_000


def of_event(event: dict[str, Any]) -> types.CallToolResult:
    """Return the result for a job.

    Args:
        event: the job's newest event as the HTTP API shows it.
    """
    status, job = event["status"], event["process_job_id"]
    if status == "ERROR":
        return failure((event.get("error") or {}).get("message") or "The job failed.", f"Job: {job}.")
    if status == "CANCELLED":
        return failure("The job was cancelled.", f"Job: {job}.")
    value, missing = schemas.structured(event)
    if status in FINAL:
        summary = (event.get("answer") or {}).get("summary")
        text = summary if isinstance(summary, str) else f"The job {job} is done."
    else:
        text = (
            f"The job {job} is not finished: {status} on {event['backend']}. To get its answer, call the "
            f"tool {schemas.WAIT_TOOL} with this process_job_id."
        )
    content: list[types.ContentBlock] = [_text(" ".join(filter(None, (text[:MAX_TEXT], missing))))]
    # For clients of revisions that have no structured results.
    content.append(_text(schemas.json_of(value)))
    return types.CallToolResult(content=content, structured_content=value)


def of_error(reply: InnerReply) -> types.CallToolResult:
    """Return the result for a request that the HTTP API rejected. Its words name the field and the fix."""
    problem = orjson.loads(reply.body)
    words = [str(problem.get("detail"))]
    for error in problem.get("errors", ()):
        finding = f"{error['field']}: {error['message']}"
        if error["message"] not in words[0]:
            words.append(finding)
    seconds = reply.headers.get("retry-after")
    if seconds and "again in" not in words[0]:
        words.append(f"Try again in {seconds} s.")
    return failure(*words)


def failure(*words: str) -> types.CallToolResult:
    """Return the result of a tool that failed."""
    return types.CallToolResult(content=[_text(" ".join(words)[:MAX_TEXT])], is_error=True)


def progress_text(entry: InboxEntry) -> str:
    """Return in words how a job stands."""
    event = entry.event
    words = [f"{event.status} on {event.backend}"]
    if event.progress is not None:
        words.append(f"step {event.progress.step} of at most {event.progress.of}")
    if event.queue_position is not None:
        words.append(f"{event.queue_position} jobs before it")
    if event.estimated_completion_time is not None:
        words.append(f"expected at {event.estimated_completion_time:%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join(words)


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)
