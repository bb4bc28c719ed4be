"""One invocation: parameters merged, a process found, the response judged, the record kept."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Any

import orjson

from local.openwhisk.activations import Activation, Activations, Response, Status
from local.openwhisk.container import Container
from local.openwhisk.entities import MAX_PAYLOAD, Action
from local.openwhisk.errors import (
    BadRequest,
    ContainerError,
    StartFailed,
    TimedOut,
    TooLarge,
    TooMany,
    Unavailable,
)
from local.openwhisk.plan import Plan
from local.openwhisk.pool import Pool
from local.openwhisk.settings import Settings

log = logging.getLogger(__name__)


class Invoker:
    """Runs actions in the pool's containers and keeps the records."""

    def __init__(self, settings: Settings, pool: Pool, activations: Activations) -> None:
        self._key = settings.auth
        self._allowed = settings.max_processes + settings.max_waiting
        self._pool = pool
        self._activations = activations
        self._running: set[asyncio.Task[Activation]] = set()

    def begin(
        self, plan: Plan, payload: dict[str, Any], transaction: str
    ) -> tuple[str, asyncio.Task[Activation]]:
        """Begin an activation; return its id and the task that ends with its record.

        Args:
            plan: of the action.
            payload: the parameters of this invocation.
            transaction: the id of the request.

        Raises:
            BadRequest: the payload sets a parameter that the action declares final.
            TooLarge: the parameters, merged, are larger than allowed.
            TooMany: as many activations as allowed are running or waiting.
        """
        if plan.final and not plan.final.isdisjoint(payload):
            names = ", ".join(sorted(plan.final.intersection(payload)))
            raise BadRequest(
                f"Request defines parameters that are not allowed (e.g., reserved properties): {names}."
            )
        value = orjson.dumps(plan.bound | payload if plan.bound else payload)
        if len(value) > MAX_PAYLOAD:
            raise TooLarge("The parameters are", len(value), MAX_PAYLOAD)
        if len(self._running) >= self._allowed:
            raise TooMany(len(self._running) + 1, self._allowed)
        activation_id = os.urandom(16).hex()
        task = asyncio.get_running_loop().create_task(self._run(plan, value, activation_id, transaction))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return activation_id, task

    async def close(self) -> None:
        """Wait for the activations in hand; the pool, closed before, has ended their processes."""
        if self._running:
            await asyncio.wait(self._running, timeout=1.0)

    async def _run(self, plan: Plan, value: bytes, activation_id: str, transaction: str) -> Activation:
        action = plan.action
        record = Activation(
            id=activation_id,
            namespace=action.namespace,
            name=action.name,
            path=action.path,
            version=action.version,
            kind=action.exec.kind,
            limits=action.limits.document(),
            start=_now(),
        )
        try:
            if plan.launch is None:
                raise StartFailed(f"Failed to pull container image '{action.exec.image}'.")
            asked = time.monotonic()
            container = await self._pool.acquire(plan.launch)
            record.wait_ms = int((time.monotonic() - asked) * 1000)
            await self._run_in(container, action, value, record, transaction)
        except ContainerError as exc:
            record.logs = exc.logs
            record.timed_out = isinstance(exc, TimedOut)
            record.response = Response.error(Status.DEVELOPER_ERROR, exc.message)
            log.warning("activation %s of %s: %s", activation_id, action.path, exc.message)
        except Unavailable as exc:
            record.response = Response.error(Status.WHISK_ERROR, exc.message)
        except Exception:
            # A mistake of this server: one activation's, not all of theirs.
            log.exception("activation %s of %s", activation_id, action.path)
            record.response = Response.error(Status.WHISK_ERROR, "There was an internal server error.")
        record.end = _now()
        self._activations.add(record)
        return record

    async def _run_in(
        self, container: Container, action: Action, value: bytes, record: Activation, transaction: str
    ) -> None:
        keep = False
        try:
            if not container.used:
                record.init_ms = container.init_ms
            record.start = _now()
            status, result, record.logs = await container.run(
                self._request(action, value, record.id, transaction)
            )
            record.response = _judge(status, result)
            # As in OpenWhisk: a container whose action failed to handle an error is not trusted with another.
            keep = record.response.status <= Status.APPLICATION_ERROR
        finally:
            self._pool.release(container, keep=keep)

    def _request(self, action: Action, value: bytes, activation_id: str, transaction: str) -> bytes:
        """The body of /run."""
        context: dict[str, Any] = {
            "namespace": action.namespace,
            "action_name": f"/{action.path}",
            "action_version": action.version,
            "activation_id": activation_id,
            "transaction_id": transaction,
            "deadline": str(_now() + action.limits.timeout),
            "value": orjson.Fragment(value),
        }
        # OpenWhisk hands the key only to actions that ask for it by this annotation.
        if action.annotation("provide-api-key"):
            context["api_key"] = self._key
        return orjson.dumps(context)


def _judge(status: int, body: bytes) -> Response:
    """The response of an activation, from what its container answered to /run."""
    try:
        result = orjson.loads(body)
    except orjson.JSONDecodeError:
        result = None
    if not isinstance(result, dict):
        text = body[:1024].decode("utf-8", "replace")
        return Response.error(
            Status.DEVELOPER_ERROR, f"The action did not produce a valid JSON response: {text}"
        )
    if status != 200:
        return Response.error(Status.DEVELOPER_ERROR, result.get("error", result))
    if "error" in result:
        # OpenWhisk keeps the error and drops what was beside it.
        return Response.error(Status.APPLICATION_ERROR, result["error"])
    return Response(Status.SUCCESS, body)


def _now() -> int:
    return time.time_ns() // 1_000_000
