"""Invoke a function over HTTP as its config document says, and read what OpenWhisk answers."""

from __future__ import annotations

import base64
import logging
import time
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from core import settings
from core.config_document import ConfigDocument, Credentials, resolve
from core.errors import ActionError, DocumentError, InvocationError

log = logging.getLogger(__name__)

#: Bytes of an answer; OpenWhisk's own limit for a result is 1 MB.
MAX_ANSWER_BYTES = 2_000_000
#: Seconds between looks at an activation that OpenWhisk answered with 202.
ACTIVATION_INTERVAL = 0.5
#: Seconds to connect.
CONNECT_TIMEOUT = 5.0
#: Seconds that IAM may take for a token.
IAM_TIMEOUT = 10.0


class EnvironmentCredentials:
    """Gives Authorization headers from the environment.

    `BasicAuth` is OpenWhisk's key (`WHISK_AUTH`); `IAMBearerToken` a token that IBM's IAM gave for
    `IBM_CLOUD_API_KEY`, cached and renewed by IBM's SDK before it expires.
    """

    def __init__(self, env: settings.Source) -> None:
        self._env = env
        self._token_manager: Any = None

    def __call__(self, name: str) -> str:
        if name == "BasicAuth":
            key = settings.text(self._env, "WHISK_AUTH")
            return "Basic " + base64.b64encode(key.encode()).decode()
        if name == "IAMBearerToken":
            if self._token_manager is None:
                from ibm_cloud_sdk_core.token_managers.iam_token_manager import IAMTokenManager

                self._token_manager = IAMTokenManager(
                    settings.text(self._env, "IBM_CLOUD_API_KEY"), url=self._env.get("IAM_URL") or None
                )
                self._token_manager.http_config = {"timeout": IAM_TIMEOUT}
            return f"Bearer {self._iam_token(self._token_manager)}"
        raise DocumentError(f"There is no credential {name!r}.")

    def _iam_token(self, manager: Any) -> str:
        try:
            return str(manager.get_token())
        except Exception as error:  # the SDK's, and those of the HTTP and JWT libraries below it
            log.warning("no token from IAM: %s", type(error).__name__)
            if manager.access_token and manager.expire_time > time.time():
                return str(manager.access_token)  # only its renewal failed
            # After a failure the SDK lets every caller wait for a minute; a new manager asks at once.
            self._token_manager = None
            raise InvocationError("IBM Cloud gave no token. Try again later.", status=503) from None


class Invoker:
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


#: What OpenWhisk's own refusals mean, in our words, and the status our caller should see.
_REFUSALS = {
    401: (502, "The gateway's key was refused by OpenWhisk. Ask the operator to check WHISK_AUTH."),
    403: (502, "The gateway's key may not invoke this function. Ask the operator to check WHISK_AUTH."),
    404: (502, "The function is listed, but not deployed. Ask the operator to deploy it."),
    408: (504, "The function took longer than its time limit. Ask for less, or try again."),
    413: (413, "The input is too large for the function. Make it smaller."),
    429: (429, "Too many invocations at once. Try again in a minute."),
}


def interpret(function: str, status: int, payload: Any) -> dict[str, Any]:
    """The action's result out of OpenWhisk's answer; pure.

    Raises:
        ActionError: the action's own error object, `{"error": {"code", "message", "details"}}`.
        InvocationError: any other failure, with the HTTP status that our caller should see.
    """
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, dict) and "message" in error:
        details = error.get("details")
        raise ActionError(
            str(error.get("code", "action_error"))[:100],
            str(error["message"])[:4_000],
            details if isinstance(details, dict) else None,
        )
    if status == 200 and isinstance(payload, dict) and error is None:
        return payload
    if status == 502 and "exceeded its time limits" in str(error):
        # OpenWhisk's way to say that the action ran into its limit.
        status = 408
    if status in _REFUSALS:
        seen, message = _REFUSALS[status]
        raise InvocationError(message, status=seen, function=function)
    log.error("function %s answered %s: %s", function, status, str(error)[:500])
    raise InvocationError(
        f"The function {function} failed. Try again; if it happens again, tell the operator.",
        function=function,
    )
