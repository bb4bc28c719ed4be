"""Invokes a function over HTTP as its config document says."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from core.config_docs.model import ConfigDocument, Credentials, resolve
from core.errors import InvocationError
from core.openwhisk.answers import interpret

log = logging.getLogger(__name__)


#: Bytes of an answer; OpenWhisk's own limit for a result is 1 MB.
MAX_ANSWER_BYTES = 2_000_000


#: Seconds between looks at an activation that OpenWhisk answered with 202.
ACTIVATION_INTERVAL = 0.5


#: Seconds to connect.
CONNECT_TIMEOUT = 5.0


class FunctionInvoker:
    """Calls functions; keeps connections open between calls; safe in many threads."""

    def __init__(self, credentials: Credentials, connections: int = 32) -> None:
        self._credentials = credentials
        # Nothing is retried here: a POST whose answer got lost may have run.
        self._pool = urllib3.PoolManager(num_pools=8, maxsize=connections, block=False, retries=False)

    def __call__(self, document: ConfigDocument, body: Any, timeout: float) -> dict[str, Any]:
        """The function's result.

        Args:
            document: the function's config document.
            body: JSON-native input.
            timeout: seconds that the whole call may take.

        Raises:
            ActionError: the action answered with its error object.
            InvocationError: it could not be invoked or gave no usable answer.
        """
        deadline = time.monotonic() + timeout
        call = resolve(document, body, self._credentials)
        status, payload = self._request(
            call.method, call.url, dict(call.headers), orjson.dumps(call.body), deadline, document.id
        )
        if status == 202:
            status, payload = self._follow(call.url, dict(call.headers), payload, deadline, document.id)
        return interpret(document.id, status, payload)

    def _request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        deadline: float,
        function: str,
    ) -> tuple[int, Any]:
        left = max(0.1, deadline - time.monotonic())
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, left), read=left),
                redirect=False,
                preload_content=False,
            )
            try:
                data = response.read(MAX_ANSWER_BYTES + 1, decode_content=True)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            # A refused connection counts as a timeout in urllib3's tree.
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
            raise InvocationError(f"The function {function} answered with over {MAX_ANSWER_BYTES} bytes.")
        try:
            return response.status, orjson.loads(data) if data else {}
        except orjson.JSONDecodeError:
            return response.status, {}

    def _follow(
        self, url: str, headers: dict[str, str], payload: Any, deadline: float, function: str
    ) -> tuple[int, Any]:
        activation = payload.get("activationId") if isinstance(payload, dict) else None
        if not isinstance(activation, str) or "/actions/" not in url:
            raise InvocationError(f"The function {function} was accepted, but gave no activation to follow.")
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}{parts.path.split('/actions/')[0]}"
        while time.monotonic() < deadline:
            time.sleep(min(ACTIVATION_INTERVAL, max(0.0, deadline - time.monotonic())))
            status, answer = self._request(
                "GET", f"{base}/activations/{activation}", headers, None, deadline, function
            )
            if status == 200 and isinstance(answer, dict):
                response = answer.get("response")
                if not isinstance(response, dict):
                    return 502, {}
                return (200 if response.get("success") else 502), response.get("result") or {}
            if status != 404:
                return status, answer
        raise InvocationError(f"The function {function} did not finish in time. Try again later.", status=504)
