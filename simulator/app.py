"""The HTTP interface: IBM Quantum's routes, at the root and under /api/v1."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from .backends import Backend
from .errors import ApiError
from .iam import GRANT_TYPE, Iam
from .jobs import Job, utc
from .service import MAX_TAG_LENGTH, MAX_TAGS, Service

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PREFIXES = ("", "/api/v1")
#: Most jobs that one listing returns.
MAX_PAGE = 200
#: Seconds that a request's body may take to arrive.
BODY_SECONDS = 60.0
#: Sessions remembered.
MAX_SESSIONS = 1000


def answer(document: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


def encoded(body: bytes) -> web.Response:
    """Return an answer that is JSON already."""
    return web.Response(body=body, content_type="application/json")


class App:
    """The routes.

    Args:
        service: What they act on.
        iam: What authenticates.
    """

    def __init__(self, service: Service, iam: Iam) -> None:
        self._service = service
        self._iam = iam
        self._documents: dict[tuple[str, str], bytes] = {}
        self._sessions: OrderedDict[str, dict[str, Any]] = OrderedDict()

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
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who has a token, and turn whatever goes wrong into IBM's error document."""
        try:
            if request.path not in ("/healthz", "/identity/token"):
                self._authenticate(request)
            return await handler(request)
        except ApiError as error:
            return self._refuse(error)
        except web.HTTPRequestEntityTooLarge:
            limit = self._service.settings.limits.max_body_bytes
            return self._refuse(ApiError(413, 1218, f"The request is larger than {limit} bytes."))
        except web.HTTPException as error:
            status = error.status if error.status >= 400 else 500
            return self._refuse(ApiError(status, status, f"{error.reason}: {request.method} {request.path}"))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return self._refuse(
                ApiError(500, 9999, "The service met an unexpected error; its log has the details.")
            )

    @staticmethod
    def _refuse(error: ApiError) -> web.Response:
        trace = secrets.token_hex(8)
        # Without the trace in a header too, the client shows the whole document instead of its message.
        return answer(error.body(trace), error.status, error.headers | {"uber-trace-id": trace})

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._iam.verify(token):
            raise ApiError(
                401,
                1200,
                "The request has no valid bearer token.",
                "Get one from POST /identity/token with the service's API key.",
                {"WWW-Authenticate": "Bearer"},
            )

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
        return answer(self._iam.issue(), headers={"Cache-Control": "no-store"})

    async def _list_backends(self, _: web.Request) -> web.Response:
        return answer({"devices": [self._device(backend) for backend in self._service.backends.values()]})

    def _device(self, backend: Backend) -> dict[str, Any]:
        length, waits = self._service.queue_state(backend)
        configuration = backend.configuration
        return {
            "name": backend.name,
            "backend_name": backend.name,
            "is_simulator": backend.simulator,
            "status": {"name": "online", "reason": "available"},
            "qubits": backend.num_qubits,
            "physical_qubits": backend.num_qubits,
            "queue_length": length,
            "wait_time_seconds": {name: round(value, 3) for name, value in waits.items()},
            "processor_type": configuration.get("processor_type"),
            "clops": {"type": "clops_h", "value": configuration.get("clops_h")},
        }

    def _named(self, request: web.Request) -> Backend:
        return self._service.backend(request.match_info["name"])

    async def _configuration(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        return encoded(self._document(backend, "configuration", backend.configuration))

    async def _properties(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        return encoded(
            self._document(backend, "properties", None if backend.simulator else backend.properties)
        )

    def _document(self, backend: Backend, kind: str, document: object) -> bytes:
        key = (backend.name, kind)
        if key not in self._documents:
            self._documents[key] = orjson.dumps(document if document is not None else {})
        return self._documents[key]

    async def _backend_status(self, request: web.Request) -> web.Response:
        backend = self._named(request)
        length, _ = self._service.queue_state(backend)
        return answer(
            {
                "state": True,
                "status": "active",
                "message": "available",
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
        job = await self._service.submit(await _read(request))
        body = {
            "id": job.job_id,
            "backend": job.backend,
            "session_id": job.session_id,
            "private": job.private,
        }
        return answer(body)

    def _found(self, request: web.Request) -> Job:
        job = self._service.job(request.match_info["job"])
        self._service.refresh(job)
        return job

    async def _list_jobs(self, request: web.Request) -> web.Response:
        query = request.query
        limit = min(_number(query.get("limit"), "limit", 10, 1), MAX_PAGE)
        offset = _number(query.get("offset"), "offset", 0, 0)
        wanted = _filter(query)
        newest_first = query.get("sort", "DESC").upper() != "ASC"
        found = list(self._service.store.find(wanted, newest_first))
        page = found[offset : offset + limit]
        for job in page:
            self._service.refresh(job)
        with_params = query.get("exclude_params", "true").lower() == "false"
        jobs = [_with_params(job) if with_params else job.document() for job in page]
        return answer({"jobs": jobs, "count": len(found), "limit": limit, "offset": offset})

    async def _job(self, request: web.Request) -> web.Response:
        job = self._found(request)
        await self._hold(job)
        if request.query.get("exclude_params", "false").lower() == "true":
            return answer(job.document())
        return answer(_with_params(job))

    async def _hold(self, job: Job) -> None:
        """Wait a little for a job that is about to be finished.

        The client looks at a job right after it submitted it and, if it has to, again half a second later.
        Small jobs on simulators take milliseconds; held back for those, the first look finds the result. A
        job is held back only while it is young, so that it costs one look a fraction of a second, and no
        more.
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
        job = self._found(request)
        if job.result is not None and job.status == "Completed":
            return encoded(job.result)
        if job.final:
            # The client reads a failed job's results for the reason, as text.
            return web.Response(text=job.reason or "")
        raise ApiError(404, 1290, f"Job {job.job_id} has no results yet: it is {job.status.lower()}.")

    async def _metrics(self, request: web.Request) -> web.Response:
        return answer(self._found(request).metrics())

    async def _logs(self, request: web.Request) -> web.Response:
        job = self._found(request)
        lines = [f"{utc(job.created)} created on {job.backend}"]
        if job.running_at is not None:
            lines.append(f"{utc(job.running_at)} running")
        if job.finished_at is not None:
            lines.append(
                f"{utc(job.finished_at)} {job.status.lower()}" + (f": {job.reason}" if job.reason else "")
            )
        return web.Response(text="\n".join(lines) + "\n")

    async def _cancel(self, request: web.Request) -> web.Response:
        self._service.cancel(self._found(request))
        return web.Response(status=204)

    async def _tags(self, request: web.Request) -> web.Response:
        job = self._found(request)
        tags = (await _object(request)).get("tags")
        if (
            not isinstance(tags, list)
            or len(tags) > MAX_TAGS
            or not all(isinstance(tag, str) and len(tag) <= MAX_TAG_LENGTH for tag in tags)
        ):
            raise ApiError(
                400, 1217, f"tags must be at most {MAX_TAGS} strings of at most {MAX_TAG_LENGTH} letters."
            )
        job.tags = tags
        return web.Response(status=204)

    async def _delete_job(self, request: web.Request) -> web.Response:
        job = self._found(request)
        if not job.final:
            raise ApiError(
                409, 1294, f"Job {job.job_id} is {job.status.lower()}; cancel it before deleting it."
            )
        self._service.store.remove(job.job_id)
        return web.Response(status=204)

    async def _create_session(self, request: web.Request) -> web.Response:
        body = await _object(request)
        backend = self._service.backend(body["backend"]).name if body.get("backend") is not None else None
        mode = body.get("mode", "dedicated")
        if mode not in ("dedicated", "batch"):
            raise ApiError(400, 1217, "mode must be dedicated or batch.")
        max_ttl = body.get("max_ttl", 28800)
        if isinstance(max_ttl, bool) or not isinstance(max_ttl, int) or max_ttl < 1:
            raise ApiError(400, 1217, "max_ttl must be a positive whole number of seconds.")
        session = {
            "id": secrets.token_hex(10),
            "backend_name": backend,
            "mode": mode,
            "max_ttl": max_ttl,
            "interactive_ttl": 60,
            "active_ttl": max_ttl,
            "state": "open",
            "accepting_jobs": True,
            "started_at": utc(self._service.clock()),
            "elapsed_time": 0,
            "timestamps": [],
        }
        self._sessions[str(session["id"])] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return answer(session)

    def _known_session(self, request: web.Request) -> dict[str, Any]:
        session = self._sessions.get(request.match_info["session"])
        if session is None:
            raise ApiError(404, 1206, f"Session not found: {request.match_info['session']}")
        return session

    async def _session(self, request: web.Request) -> web.Response:
        return answer(self._known_session(request))

    async def _update_session(self, request: web.Request) -> web.Response:
        session = self._known_session(request)
        if (await _object(request)).get("accepting_jobs") is False:
            self._end_session(session)
        return web.Response(status=204)

    async def _close_session(self, request: web.Request) -> web.Response:
        session = self._known_session(request)
        for job in list(
            self._service.store.find(lambda job: job.session_id == session["id"] and not job.final)
        ):
            self._service.cancel(job)
        self._end_session(session)
        return web.Response(status=204)

    def _end_session(self, session: dict[str, Any]) -> None:
        session.update(state="closed", accepting_jobs=False, closed_at=utc(self._service.clock()))


def _iam_error(code: str, message: str) -> web.Response:
    return answer(
        {"errorCode": code, "errorMessage": message, "context": {"requestId": secrets.token_hex(8)}}, 400
    )


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise ApiError(
            408, 1218, f"The request took longer than {BODY_SECONDS:g} seconds to arrive."
        ) from error


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await _read(request))
    except orjson.JSONDecodeError as error:
        raise ApiError(400, 1217, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, 1217, "The body must be a JSON object.")
    return body


def _with_params(job: Job) -> dict[str, Any]:
    return job.document() | {"params": orjson.loads(job.body)["params"]}


def _number(text: str | None, name: str, default: int, least: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise ApiError(400, 1217, f"{name} must be a whole number, at least {least}.")
    return int(text)


def _moment(text: str | None, name: str) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(400, 1217, f"{name} must be a time such as 2026-01-31T12:00:00+00:00.") from error
    return moment.timestamp()


def _filter(query: Any) -> Callable[[Job], bool]:
    """Return the condition that a listing's query sets."""
    backend, program, session = query.get("backend"), query.get("program"), query.get("session_id")
    tags = set(query.getall("tags", []))
    pending = {"true": True, "false": False}.get(query.get("pending", "").lower())
    after = _moment(query.get("created_after"), "created_after") or -math.inf
    before = _moment(query.get("created_before"), "created_before") or math.inf

    def wanted(job: Job) -> bool:
        return (
            (backend is None or job.backend == backend)
            and (program is None or job.program_id == program)
            and (session is None or job.session_id == session)
            and (pending is None or job.final is not pending)
            and tags.issubset(job.tags)
            and after <= job.created <= before
        )

    return wanted
