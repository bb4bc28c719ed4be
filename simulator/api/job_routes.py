"""The routes of jobs."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import orjson
from aiohttp import web

from ..errors import ApiError, DatabaseError
from ..job_documents import JobForecast, job_document, job_metrics
from ..jobs import SimulatorJob, utc
from ..requests import job_filter, read_body, read_number, read_object
from ..service import Service
from ..submission import read_tags
from .responses import json_response, text_response

#: Maximum number of jobs in one list.
MAX_PAGE = 200


class JobRoutes:
    """Handlers of requests about jobs.

    Args:
        service: Carries out the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes below a prefix."""
        return [
            web.post(f"{prefix}/jobs", self._submit),
            web.get(f"{prefix}/jobs", self._list_jobs),
            web.get(f"{prefix}/jobs/{{job}}", self._job),
            web.delete(f"{prefix}/jobs/{{job}}", self._delete),
            web.get(f"{prefix}/jobs/{{job}}/results", self._results),
            web.get(f"{prefix}/jobs/{{job}}/interim_results", self._interim_results),
            web.get(f"{prefix}/jobs/{{job}}/metrics", self._metrics),
            web.get(f"{prefix}/jobs/{{job}}/logs", self._logs),
            web.post(f"{prefix}/jobs/{{job}}/cancel", self._cancel),
            web.put(f"{prefix}/jobs/{{job}}/tags", self._set_tags),
        ]

    async def _submit(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        limiter, limit = self._service.rate_limiter, self._service.settings.rate_limit
        wait = limiter.admit(request["user"], self._service.clock()) if limiter is not None else 0.0
        if wait:
            raise ApiError(
                429,
                1202,
                f"Too many jobs submitted: the limit is {limit} per minute.",
                "Submit again later.",
                {"Retry-After": str(math.ceil(wait))},
            )
        job = await self._service.submit(body, request["user"], request["instance"])
        document: dict[str, Any] = {"id": job.job_id, "backend": job.backend}
        if job.session_id is not None:
            document["session_id"] = job.session_id
        if job.private:
            document["private"] = True
        if job.calibration_id is not None:
            document["calibration_id"] = job.calibration_id
        return json_response(document)

    def _requested_job(self, request: web.Request) -> SimulatorJob:
        return self._service.job(request.match_info["job"], request["instance"])

    async def _list_jobs(self, request: web.Request) -> web.Response:
        query = request.query
        limit = min(read_number(query.get("limit"), "limit", 10, 1), MAX_PAGE)
        offset = read_number(query.get("offset"), "offset", 0, 0)
        selected = job_filter(query, request["instance"])
        newest_first = query.get("sort", "DESC").upper() != "ASC"
        listed_until = self._service.clock() - self._service.faults.unlisted
        jobs = list(
            self._service.store.find(lambda job: job.created <= listed_until and selected(job), newest_first)
        )
        page = jobs[offset : offset + limit]
        for job in page:
            self._service.runner.refresh(job)
        with_params = query.get("exclude_params", "true").lower() == "false"
        forecasts: dict[str, JobForecast] = {}
        if self._service.settings.queue.positions:
            for backend in {job.backend for job in page if not job.final}:
                forecasts |= self._service.runner.forecasts(backend)
        documents = [
            self._document(job, request["version"], with_params, forecasts.get(job.job_id)) for job in page
        ]
        return json_response({"jobs": documents, "count": len(jobs), "limit": limit, "offset": offset})

    def _document(
        self, job: SimulatorJob, version: str, with_params: bool, forecast: JobForecast | None
    ) -> dict[str, Any]:
        document = job_document(job, version, self._service.settings.limits.max_seconds, forecast)
        if with_params and not job.private:
            document["params"] = orjson.loads(self._service.store.body(job)).get("params")
        return document

    def _forecast(self, job: SimulatorJob) -> JobForecast | None:
        return None if job.final else self._service.runner.forecasts(job.backend).get(job.job_id)

    async def _job(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        await self._hold(job)
        with_params = request.query.get("exclude_params", "false").lower() != "true"
        forecast = self._forecast(job) if self._service.settings.queue.positions else None
        return json_response(self._document(job, request["version"], with_params, forecast))

    async def _hold(self, job: SimulatorJob) -> None:
        """Delay the response for a job that is about to finish.

        The client requests a job right after the submission and, if it has not finished, again half a
        second later. Small jobs on simulators take milliseconds, so that a short delay of the first
        response saves the second request. Only a job that is new is delayed, so it costs one request a
        fraction of a second.
        """
        backend = self._service.backends[job.backend]
        left = job.created + self._service.settings.hold_seconds - self._service.clock()
        if backend.queued or job.final or left <= 0:
            return
        try:
            async with asyncio.timeout(left):
                await job.finished.wait()
        except TimeoutError:
            pass

    async def _results(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        if job.status == "Completed":
            return text_response(await self._result(job))
        if job.final:
            # The client reads the reason of a failed job from its results, as text.
            return text_response((job.reason or "").encode())
        raise ApiError(404, 1290, f"Job {job.job_id} has no results yet: it is {job.status.lower()}.")

    async def _result(self, job: SimulatorJob) -> bytes:
        if not job.private:
            result = self._service.store.result(job)
        else:
            try:
                result = await self._service.store.take_result(job)
            except DatabaseError as error:
                raise ApiError(503, 9503, str(error), "Read again later.", {"Retry-After": "5"}) from error
        if result is None:
            raise ApiError(
                404,
                1290,
                f"The results of job {job.job_id} were read and are deleted: it is private.",
                "Results of private jobs can be read once.",
            )
        return result

    async def _interim_results(self, request: web.Request) -> web.Response:
        """Return the interim results. No primitive has any."""
        self._requested_job(request)
        return text_response(b"")

    async def _metrics(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        return json_response(job_metrics(job, request["version"], self._forecast(job)))

    async def _logs(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        lines = [f"{utc(job.created)} created on {job.backend}"]
        if job.running_at is not None:
            lines.append(f"{utc(job.running_at)} running")
        if job.finished_at is not None:
            lines.append(
                f"{utc(job.finished_at)} {job.status.lower()}" + (f": {job.reason}" if job.reason else "")
            )
        return web.Response(text="\n".join(lines) + "\n")

    async def _cancel(self, request: web.Request) -> web.Response:
        await self._service.runner.cancel(self._requested_job(request))
        return web.Response(status=204)

    async def _set_tags(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        job.tags = read_tags((await read_object(request)).get("tags"))
        await self._service.store.save(job)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._service.runner.delete(self._requested_job(request))
        return web.Response(status=204)
