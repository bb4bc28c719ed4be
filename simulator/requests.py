"""Reading requests: bodies and queries."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from .errors import ApiError
from .instances import belongs
from .jobs import SimulatorJob

#: Seconds in which a request's body must arrive.
BODY_SECONDS = 60.0


async def read_body(request: web.Request) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: If it takes too long to arrive.
    """
    if request.content.is_eof():
        # The whole body arrived with the head, as in small requests.
        return await request.read()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise ApiError(
            408, 1218, f"The request took longer than {BODY_SECONDS:g} seconds to arrive."
        ) from error


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Raises:
        ApiError: If the body is not a JSON object, or takes too long to arrive.
    """
    return parse_object(await read_body(request))


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises:
        ApiError: If it is not a JSON object.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, 1217, f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(400, 1217, "The body must be a JSON object.")
    return document


def read_number(text: str | None, name: str, default: int, minimum: int) -> int:
    """Return a whole number of a query.

    Args:
        text: Its text; None if it is missing.
        name: Its name in the query.
        default: Its value if it is missing.
        minimum: Its minimum.

    Raises:
        ApiError: If it is not such a number.
    """
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < minimum:
        raise ApiError(400, 1217, f"{name} must be a whole number, at least {minimum}.")
    return int(text)


def read_time(text: str | None, name: str) -> float | None:
    """Return a time of a query in seconds since 1970; None if it is missing.

    Raises:
        ApiError: If it is not an ISO 8601 time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError(400, 1217, f"{name} must be a time such as 2026-01-31T12:00:00+00:00.") from error
    return moment.timestamp()


def job_filter(query: Any, instance: str) -> Callable[[SimulatorJob], bool]:
    """Return the filter of a list's query, for the jobs of an instance."""
    backend, program, session = query.get("backend"), query.get("program"), query.get("session_id")
    tags = set(query.getall("tags", []))
    pending = {"true": True, "false": False}.get(query.get("pending", "").lower())
    after = read_time(query.get("created_after"), "created_after") or -math.inf
    before = read_time(query.get("created_before"), "created_before") or math.inf

    def selects(job: SimulatorJob) -> bool:
        return (
            (backend is None or job.backend == backend)
            and (program is None or job.program_id == program)
            and (session is None or job.session_id == session)
            and (pending is None or job.final is not pending)
            and tags.issubset(job.tags)
            and after <= job.created <= before
            and belongs(job.instance, instance)
        )

    return selects
