"""Invokes a function over HTTP as its config document describes."""

from __future__ import annotations

import logging
import random
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from core.config_docs.model import ConfigDocument, Credentials, resolve
from core.errors import InvocationError, ThrottledError
from core.openwhisk.answers import interpret
from core.openwhisk.pace import pause_after
from core.retry_after import parse_retry_after
from core.tracing import TRACEPARENT, span, traceparent
from core.tracing.reply import record_reply

log = logging.getLogger(__name__)


#: The most bytes of a response. OpenWhisk's own limit for a result is 1 MB.
MAX_ANSWER_BYTES = 2_000_000


#: Seconds between requests for an activation that OpenWhisk answered with 202.
ACTIVATION_INTERVAL = 0.5


#: The header in which OpenWhisk names the activation, and the most characters of its id.
ACTIVATION_HEADER, MAX_ACTIVATION = "X-OpenWhisk-Activation-Id", 64


#: Seconds to connect.
CONNECT_TIMEOUT = 5.0


class FunctionInvoker:
    """Invokes functions and keeps connections open. Thread-safe.

    Args:
        credentials: returns the Authorization header for the name of a credential.
        connections: the number of connections that are kept open per host.
    """

    def __init__(self, credentials: Credentials, connections: int = 32) -> None:
        self._credentials = credentials
        # Nothing is retried here: a POST without an answer may have been carried out.
        self._pool = urllib3.PoolManager(num_pools=8, maxsize=connections, block=False, retries=False)

    def __call__(self, document: ConfigDocument, body: Any, timeout: float) -> dict[str, Any]:
        """Return the function's result.

        Args:
            document: the function's config document.
            body: JSON-native input.
            timeout: seconds for the whole call.

        Raises:
            ActionError: the action replied with an error.
            InvocationError: the function could not be invoked or gave no usable reply.
        """
        with span(f"invoke {document.id}", "client"):
            if isinstance(body, dict) and (header := traceparent()) is not None:
                body = body | {TRACEPARENT: header}
            return self._invoke(document, body, timeout)

    def _invoke(self, document: ConfigDocument, body: Any, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        call = resolve(document, body, self._credentials)
        status, payload, activation = self._request(
            call.method, call.url, dict(call.headers), orjson.dumps(call.body), deadline, document.id
        )
        if status == 202:
            status, payload = self._follow(call.url, dict(call.headers), payload, deadline, document.id)
        record_reply(payload)
        return interpret(document.id, status, payload, activation)

    def _request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        deadline: float,
        function: str,
    ) -> tuple[int, Any, str]:
        """Return the response's status, its JSON, and the id of the activation; "" if it names none."""
        remaining = max(0.1, deadline - time.monotonic())
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, remaining), read=remaining),
                redirect=False,
                preload_content=False,
            )
            try:
                data = response.read(MAX_ANSWER_BYTES + 1, decode_content=True)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            # urllib3 counts a refused connection as a timeout.
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
                raise InvocationError(
                    f"The function {function} did not answer in time. Try again later.", status=504
                ) from None
            log.warning("function %s cannot be reached: %s", function, type(error).__name__)
            raise InvocationError(
                f"The function {function} cannot be reached. Try again later.", status=502
            ) from None
        if len(data) > MAX_ANSWER_BYTES:
            raise InvocationError(
                f"The function {function} answered with over {MAX_ANSWER_BYTES} bytes.", permanent=True
            )
        activation = response.headers.get(ACTIVATION_HEADER, "")[:MAX_ACTIVATION]
        try:
            payload = orjson.loads(data) if data else {}
        except orjson.JSONDecodeError:
            payload = {}
        if response.status == 429:
            raise _throttled(function, response.headers.get("Retry-After"), payload)
        return response.status, payload, activation

    def _follow(
        self, url: str, headers: dict[str, str], payload: Any, deadline: float, function: str
    ) -> tuple[int, Any]:
        activation = payload.get("activationId") if isinstance(payload, dict) else None
        if not isinstance(activation, str) or "/actions/" not in url:
            raise InvocationError(
                f"The function {function} was accepted, but the response names no activation.", permanent=True
            )
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}{parts.path.split('/actions/')[0]}"
        while time.monotonic() < deadline:
            time.sleep(min(ACTIVATION_INTERVAL, max(0.0, deadline - time.monotonic())))
            try:
                status, answer, _ = self._request(
                    "GET", f"{base}/activations/{activation}", headers, None, deadline, function
                )
            except ThrottledError:
                continue  # The activation runs all the same.
            if status == 200 and isinstance(answer, dict):
                response = answer.get("response")
                if not isinstance(response, dict):
                    return 502, {}
                return (200 if response.get("success") else 502), response.get("result") or {}
            if status != 404:
                return status, answer
        raise InvocationError(f"The function {function} did not finish in time. Try again later.", status=504)


def _throttled(function: str, header: str | None, payload: Any) -> ThrottledError:
    """Return the error for a refusal because of too many invocations."""
    refusal = str(payload.get("error"))[:1_000] if isinstance(payload, dict) else ""
    retry_after = parse_retry_after(header, datetime.now(UTC))
    if retry_after is None:
        retry_after = pause_after(refusal, time.time(), random.random())
    # Not a warning: a burst has hundreds of them, and each caller gets the error.
    log.debug("function %s: OpenWhisk refused an invocation: %s", function, refusal)
    message = f"Too many invocations at once. Try again in {max(1, round(retry_after))} s."
    return ThrottledError(message, retry_after, refusal, function=function)
