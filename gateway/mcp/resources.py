"""The resources: the backends, and the client's own jobs."""

from __future__ import annotations

import re

import mcp_types as types
import orjson
from mcp.shared.exceptions import MCPError

from core.protocol import API, JOB_ID, job_path, result_path
from gateway.edge.inner_requests import InnerReply, InnerRequests
from gateway.mcp import schemas

#: The most jobs that are listed.
MAX_JOBS = 50

_JSON = "application/json"
_JOB = re.compile(re.escape(schemas.JOBS) + rf"/({JOB_ID})(/result)?")
#: The code for a resource that does not exist, or cannot be read now.
_NOT_FOUND = -32002
#: What the list of jobs shows of each.
_SHOWN = ("process_job_id", "function", "status", "backend", "backend_type", "submitted_at", "finished_at")


async def listed(requests: InnerRequests) -> types.ListResourcesResult:
    """Return the list of backends, the list of jobs, and the newest jobs."""
    resources = [
        types.Resource(
            uri=schemas.BACKENDS,
            name="backends",
            title="Backends",
            description="The quantum computers and simulators, with their queues.",
            mime_type=_JSON,
        ),
        types.Resource(
            uri=schemas.JOBS,
            name="jobs",
            title="Jobs",
            description=f"The newest jobs of this client, at most {MAX_JOBS}.",
            mime_type=_JSON,
        ),
    ]
    for job in await _jobs(requests):
        name = job["process_job_id"]
        title = f"{job['function']}, {job['status']}, {job['submitted_at']}"
        resources.append(types.Resource(uri=schemas.job_uri(name), name=name, title=title, mime_type=_JSON))
    return types.ListResourcesResult(resources=resources)


def templates() -> types.ListResourceTemplatesResult:
    """Return the templates of the addresses of jobs."""
    job = f"{schemas.JOBS}/{{process_job_id}}"
    return types.ListResourceTemplatesResult(
        resource_templates=[
            types.ResourceTemplate(
                uri_template=job,
                name="job",
                title="Job",
                description="The newest event of a job of this client: input, status, result and answer.",
                mime_type=_JSON,
            ),
            types.ResourceTemplate(
                uri_template=f"{job}/result",
                name="large-result",
                title="Large result",
                description="The result and answer of a job whose event has a result_url.",
                mime_type=_JSON,
            ),
        ]
    )


async def read(requests: InnerRequests, uri: str) -> types.ReadResourceResult:
    """Return the contents of a resource.

    Raises:
        MCPError: there is no such resource, or it cannot be read now.
    """
    if uri == schemas.JOBS:
        text = orjson.dumps({"jobs": await _jobs(requests)})
    elif uri == schemas.BACKENDS:
        text = _body(await requests.send("GET", f"{API}/backends"))
    elif found := _JOB.fullmatch(uri):
        path = result_path(found[1]) if found[2] else job_path(found[1])
        text = _body(await requests.send("GET", path))
    else:
        raise MCPError(_NOT_FOUND, f"There is no resource {uri[:200]!r}. resources/list names them.")
    if len(orjson.dumps(text.decode())) > schemas.MAX_MESSAGE:
        raise MCPError(_NOT_FOUND, f"{uri} is too large for this protocol. Use the HTTP API.")
    contents = types.TextResourceContents(uri=uri, mime_type=_JSON, text=text.decode())
    return types.ReadResourceResult(contents=[contents])


async def _jobs(requests: InnerRequests) -> list[dict[str, str]]:
    page = orjson.loads(_body(await requests.send("GET", f"{API}/jobs", query=f"limit={MAX_JOBS}")))
    return [{name: job[name] for name in _SHOWN if job.get(name) is not None} for job in page["jobs"]]


def _body(reply: InnerReply) -> bytes:
    if reply.status != 200:
        raise MCPError(_NOT_FOUND, orjson.loads(reply.body)["detail"])
    return reply.body
