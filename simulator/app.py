"""The HTTP interface: IBM Quantum's routes, at the root and under /api/v1."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

import orjson
from aiohttp import web

from .backends import Backend
from .errors import ApiError
from .iam import GRANT_TYPE, Iam
from .jobs import SimulatorJob, utc
from .requests import job_filter, read_body, read_number, read_object
from .service import Service
from .sessions import MAX_SECONDS, RuntimeSession
from .submission import read_tags

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PREFIXES = ("", "/api/v1")
#: Maximum number of jobs in one list.
MAX_PAGE = 200
#: The status of a device that serves no jobs, by its fault.
STATES = {"down": (False, "maintenance"), "paused": (True, "internal")}


def answer(document: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


def encoded(body: bytes) -> web.Response:
    """Return a response with JSON text."""
    return web.Response(body=body, content_type="application/json")


class App:
    """The routes.

    Args:
        service: Carries out the requests.
        iam: Authenticates them.
    """

    def __init__(self, service: Service, iam: Iam) -> None:
        self._service = service
        self._iam = iam
        self._documents: dict[tuple[str, str], bytes] = {}

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        limit = self._service.settings.limits.max_body_bytes
        app = web.Application(middlewares=[self._guard], client_max_size=limit)
        app.router.add_get("/healthz", self._health)
        app.router.add_post("/identity/token", self._token)
        for prefix in PREFIXES:
            app.router.add_get(f"{prefix}/backends", self._list_backends)
            app.router.add_get(f"{prefix}/backends/{{name}}/configuration", self._configuration)
            app.router.add_get(f"{prefix}/backends/{{name}}/properties", self._properties)
            app.router.add_get(f"{prefix}/backends/{{name}}/status", self._backend_status)
            app.router.add_get(f"{prefix}/instances/usage", self._usage)
            app.router.add_get(f"{prefix}/versions", self._versions)
            app.router.add_post(f"{prefix}/jobs", self._submit)
            app.router.add_get(f"{prefix}/jobs", self._list_jobs)
            app.router.add_get(f"{prefix}/jobs/{{job}}", self._job)
            app.router.add_delete(f"{prefix}/jobs/{{job}}", self._delete_job)
            app.router.add_get(f"{prefix}/jobs/{{job}}/results", self._results)
            app.router.add_get(f"{prefix}/jobs/{{job}}/metrics", self._metrics)
            app.router.add_get(f"{prefix}/jobs/{{job}}/logs", self._logs)
            app.router.add_post(f"{prefix}/jobs/{{job}}/cancel", self._cancel)
            app.router.add_put(f"{prefix}/jobs/{{job}}/tags", self._tags)
            app.router.add_post(f"{prefix}/sessions", self._create_session)
            app.router.add_get(f"{prefix}/sessions/{{session}}", self._session)
            app.router.add_patch(f"{prefix}/sessions/{{session}}", self._update_session)
            app.router.add_delete(f"{prefix}/sessions/{{session}}/close", self._close_session)
        if self._service.settings.admin:
            app.router.add_get("/admin/faults", self._faults)
            app.router.add_put("/admin/faults", self._put_faults)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token, and turn every error into IBM's error document."""
        try:
            self._check_origin(request)
            if request.path == "/healthz":
                return await handler(request)
            if self._service.faults.http and not request.path.startswith("/admin/"):
                return await self._respond_with_faults(request, handler)
            return await self._respond(request, handler)
        except ApiError as error:
            return self._reject(error)
        except web.HTTPRequestEntityTooLarge:
            limit = self._service.settings.limits.max_body_bytes
            return self._reject(ApiError(413, 1218, f"The request is larger than {limit} bytes."))
        except web.HTTPException as error:
            status = error.status if error.status >= 400 else 500
            return self._reject(ApiError(status, status, f"{error.reason}: {request.method} {request.path}"))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return self._reject(
                ApiError(500, 9999, "The service had an unexpected error. Its log has the details.")
            )

    def _check_origin(self, request: web.Request) -> None:
        """Reject requests of web pages, and those to a name that is not this service's.

        Raises:
            ApiError: If it is one of these.
        """
        headers = request.headers
        refusal = self._service.settings.allowed.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site")
        )
        if refusal is not None:
            raise ApiError(refusal.status, refusal.status, refusal.message)

    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/identity/token":
            self._authenticate(request)
        return await handler(request)

    async def _respond_with_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Respond, with the faults that apply to the request."""
        fault = self._service.faults.of_request(request.method, request.path)
        if fault is None:
            return await self._respond(request, handler)
        response = await self._respond(request, handler) if fault.after or fault.status is None else None
        await asyncio.sleep(fault.delay)
        if fault.drop and request.transport is not None:
            request.transport.abort()
        if fault.garbled:
            return web.Response(text='{"id": "d', content_type="application/json")
        if response is not None and fault.status is None:
            return response
        status = fault.status or 503
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        raise ApiError(status, 9998, f"This response, {status}, is a fault that was set.", "", headers)

    @staticmethod
    def _reject(error: ApiError) -> web.Response:
        trace = secrets.token_hex(8)
        # Without the trace in a header the client shows the whole document instead of its message.
        return answer(error.body(trace), error.status, error.headers | {"uber-trace-id": trace})

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._iam.verify(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise ApiError(
                401,
                1200,
                "The request has no valid bearer token.",
                "Get one from POST /identity/token with the service's API key.",
                {"WWW-Authenticate": "Bearer"},
            )
        request["user"] = user

    async def _health(self, _: web.Request) -> web.Response:
        pool = self._service.pool
        return answer({"ready": pool.ready, "waiting": pool.waiting}, 200 if pool.ready else 503)

    async def _token(self, request: web.Request) -> web.Response:
        """Exchange an API key for a token. Errors have IAM's shape, not IBM Quantum's."""
        form = await request.post()
        if form.get("grant_type") != GRANT_TYPE:
            return _iam_error("BXNIM0108E", "Property missing or empty: grant_type.")
        api_key = form.get("apikey")
        if not isinstance(api_key, str) or not self._iam.accepts(api_key):
            return _iam_error("BXNIM0415E", "Provided API key could not be found.")
        return answer(self._iam.issue(self._iam.user(api_key)), headers={"Cache-Control": "no-store"})

    async def _list_backends(self, _: web.Request) -> web.Response:
        return answer({"devices": [self._device(backend) for backend in self._service.backends.values()]})

    def _device(self, backend: Backend) -> dict[str, Any]:
        length, waits = self._service.queue_state(backend)
        configuration = backend.configuration
        operational, reason = self._operational(backend, "available")
        return {
            "name": backend.name,
            "backend_name": backend.name,
            "is_simulator": backend.simulator,
            "status": {"name": "online" if operational else "offline", "reason": reason},
            "qubits": backend.num_qubits,
            "physical_qubits": backend.num_qubits,
            "queue_length": length,
            "wait_time_seconds": {name: round(value, 3) for name, value in waits.items()},
            "processor_type": configuration.get("processor_type"),
            "clops": {"type": "clops_h", "value": configuration.get("clops_h")},
        }

    def _operational(self, backend: Backend, normal: str) -> tuple[bool, str]:
        return STATES.get(self._service.faults.devices.get(backend.name, ""), (True, normal))

    def _named(self, request: web.Request) -> Backend:
        return self._service.backend(request.match_info["name"])

    async def _configuration(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        return encoded(self._document(backend, "configuration", backend.configuration))

    async def _properties(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        return encoded(self._document(backend, "properties", backend.properties))

    def _document(self, backend: Backend, kind: str, document: object) -> bytes:
        key = (backend.name, kind)
        if key not in self._documents:
            self._documents[key] = orjson.dumps(document if document is not None else {})
        return self._documents[key]

    async def _backend_status(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        length, _ = self._service.queue_state(backend)
        operational, status = self._operational(backend, "active")
        return answer(
            {
                "state": operational,
                "status": status,
                "message": "available" if status == "active" else status,
                "length_queue": length,
                "backend_version": backend.configuration["backend_version"],
            }
        )

    async def _usage(self, _: web.Request) -> web.Response:
        return answer(
            {
                "instance_id": "local",
                "plan_id": "local",
                "usage_consumed_seconds": round(self._service.usage_seconds, 3),
                "usage_limit_reached": False,
            }
        )

    async def _versions(self, _: web.Request) -> web.Response:
        return answer({"versions": ["2026-04-15"]})

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
        job = await self._service.submit(body, request["user"])
        return answer(
            {
                "id": job.job_id,
                "backend": job.backend,
                "session_id": job.session_id,
                "private": job.private,
            }
        )

    def _requested_job(self, request: web.Request) -> SimulatorJob:
        job = self._service.job(request.match_info["job"])
        self._service.refresh(job)
        return job

    async def _list_jobs(self, request: web.Request) -> web.Response:
        query = request.query
        limit = min(read_number(query.get("limit"), "limit", 10, 1), MAX_PAGE)
        offset = read_number(query.get("offset"), "offset", 0, 0)
        selected = job_filter(query)
        newest_first = query.get("sort", "DESC").upper() != "ASC"
        known = self._service.clock() - self._service.faults.unlisted
        jobs = list(
            self._service.store.find(lambda job: job.created <= known and selected(job), newest_first)
        )
        page = jobs[offset : offset + limit]
        for job in page:
            self._service.refresh(job)
        with_params = query.get("exclude_params", "true").lower() == "false"
        documents = [self._with_params(job) if with_params else job.document() for job in page]
        return answer({"jobs": documents, "count": len(jobs), "limit": limit, "offset": offset})

    async def _job(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        await self._hold(job)
        if request.query.get("exclude_params", "false").lower() == "true":
            return answer(job.document())
        return answer(self._with_params(job))

    def _with_params(self, job: SimulatorJob) -> dict[str, Any]:
        return job.document() | {"params": orjson.loads(self._service.store.body(job)).get("params")}

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
        if job.status == "Completed" and (result := self._service.store.result(job)) is not None:
            return encoded(result)
        if job.final:
            # The client reads the reason of a failed job from its results, as text.
            return web.Response(text=job.reason or "")
        raise ApiError(404, 1290, f"Job {job.job_id} has no results yet: it is {job.status.lower()}.")

    async def _metrics(self, request: web.Request) -> web.Response:
        return answer(self._requested_job(request).metrics())

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
        await self._service.cancel(self._requested_job(request))
        return web.Response(status=204)

    async def _tags(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        job.tags = read_tags((await read_object(request)).get("tags"))
        await self._service.store.save(job)
        return web.Response(status=204)

    async def _delete_job(self, request: web.Request) -> web.Response:
        job = self._requested_job(request)
        if not job.final:
            raise ApiError(
                409, 1294, f"Job {job.job_id} is {job.status.lower()}; cancel it before deleting it."
            )
        self._service.store.remove(job.job_id)
        return web.Response(status=204)

    async def _create_session(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        backend = self._service.backend(body["backend"]).name if body.get("backend") is not None else None
        mode, max_ttl = body.get("mode", "dedicated"), body.get("max_ttl", MAX_SECONDS)
        session = self._service.sessions.open(backend, mode, max_ttl, self._service.clock())
        return self._session_response(session)

    def _known_session(self, request: web.Request) -> RuntimeSession:
        return self._service.sessions.get(request.match_info["session"])

    def _session_response(self, session: RuntimeSession) -> web.Response:
        busy = bool(self._service.session_jobs(session))
        return answer(session.document(self._service.clock(), busy))

    async def _session(self, request: web.Request) -> web.Response:
        return self._session_response(self._known_session(request))

    async def _update_session(self, request: web.Request) -> web.Response:
        session = self._known_session(request)
        if (await read_object(request)).get("accepting_jobs") is False:
            busy = bool(self._service.session_jobs(session))
            self._service.sessions.end(session, self._service.clock(), busy)
        return web.Response(status=204)

    async def _close_session(self, request: web.Request) -> web.Response:
        await self._service.cancel_session(self._known_session(request))
        return web.Response(status=204)

    async def _faults(self, request: web.Request) -> web.Response:
        self._local(request)
        return answer(self._service.faults.document())

    async def _put_faults(self, request: web.Request) -> web.Response:
        self._local(request)
        self._service.change_faults(await read_object(request))
        return answer(self._service.faults.document())

    @staticmethod
    def _local(request: web.Request) -> None:
        """Reject requests from another machine."""
        if not ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104
            raise ApiError(403, 1200, "Faults can be set from the service's own machine only.")


def _iam_error(code: str, message: str) -> web.Response:
    return answer(
        {"errorCode": code, "errorMessage": message, "context": {"requestId": secrets.token_hex(8)}}, 400
    )
