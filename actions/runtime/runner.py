"""/init and /run: OpenWhisk's action interface, without HTTP."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from actions.runtime.loader import LoadError, Main, load_code
from actions.runtime.server import Reply
from actions.runtime.streams import Streams

#: OpenWhisk's words.
_SECOND_INIT = "Cannot initialize the action more than once."


class _Rejected(Exception):
    """The request is not served; the response has this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Runner:
    """The state of one container: it is initialised once, then it runs any number of activations.

    Args:
        streams: the streams for the activations' logs.
        baked: returns the `main` of the image's algorithm, or raises the error of its import; None if the
            image has no algorithm.
    """

    def __init__(self, streams: Streams, baked: Callable[[], Main] | None) -> None:
        self._streams = streams
        self._baked = baked
        self._main: Main | None = None
        #: Whether `main` is the image's own: the messages of its exceptions are not for callers.
        self._hides_errors = False
        self._init_seen = False
        self._context: set[str] = set()

    def handle(self, method: str, path: str, body: bytes) -> Reply:
        """Answer one request.

        Args:
            method: HTTP method.
            path: path of the URL.
            body: the request's body.

        Returns:
            The response.
        """
        route = {"/init": self._init, "/run": self._run}.get(path)
        try:
            if route is None:
                raise _Rejected(404, f"There is no {path}. The action interface is /init and /run.")
            if method != "POST":
                raise _Rejected(405, f"{path} accepts POST, not {method}.")
            return route(body)
        except _Rejected as exc:
            return _reply(exc.status, {"error": exc.message})

    def _init(self, body: bytes) -> Reply:
        if self._init_seen:
            self._streams.log(_SECOND_INIT)
            raise _Rejected(403, _SECOND_INIT)
        value = _object(body).get("value")
        if not isinstance(value, dict):
            raise _Rejected(400, "`value` must be an object.")
        name = _text(value, "name") or "action"
        entry = _text(value, "main") or "main"
        code = _text(value, "code")
        env = value.get("env") or {}
        if not isinstance(env, dict):
            raise _Rejected(400, "`value.env` must be an object.")
        if not code and self._baked is None:
            raise _Rejected(403, "Missing main/no code to execute.")
        # A second attempt is rejected from here on, since the effects of code that failed remain.
        self._init_seen = True
        _export(env)
        try:
            if code:
                self._main = load_code(code, entry=entry, binary=bool(value.get("binary")), name=name)
            elif self._baked is not None:
                self._main = self._baked()
                self._hides_errors = True
        except LoadError as exc:
            self._fail(str(exc), str(exc))
        except (Exception, SystemExit) as exc:
            self._fail(
                f"The action's code could not be loaded: {type(exc).__name__}. Its log has the traceback.",
                traceback.format_exc(),
            )
        return _reply(200, {"ok": True})

    def _run(self, body: bytes) -> Reply:
        if self._main is None:
            raise _Rejected(500, "no action defined yet")
        request = _object(body)
        value = request.pop("value", None)
        if value is None:
            value = {}
        if not isinstance(value, dict | list):
            raise _Rejected(400, "`value` must be an object or a list.")
        self._set_context(request)
        try:
            result = self._main(value)
        except SystemExit:
            self._fail("command exited", traceback.format_exc(), 400)
        except Exception as exc:
            self._streams.log(traceback.format_exc())
            result = {"error": self._describe(exc)}
        if not isinstance(result, dict | list):
            self._fail(
                "The action did not return a dictionary or array.",
                f"The action returned {_kind(result)}, not a dictionary or array.",
            )
        try:
            encoded = json.dumps(result, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            # A number that is not finite, an object of a class, a cycle, or half a surrogate pair.
            self._fail(f"The action's result is not JSON: {exc}", f"The action's result is not JSON: {exc}")
        self._streams.close_activation()
        return Reply(200, encoded)

    def _set_context(self, request: dict[str, Any]) -> None:
        """Set the activation's context as `__OW_*`, and remove that of the previous activation."""
        context = {f"__OW_{key.upper()}": item for key, item in request.items() if item is not None}
        for stale in self._context - context.keys():
            os.environ.pop(stale, None)
        self._context = set(context)
        _export(context)

    def _describe(self, exc: Exception) -> str:
        """Return an exception's message for callers."""
        if self._hides_errors:
            return f"The action raised {type(exc).__name__}. Its log has the traceback."
        try:
            # Half a surrogate pair cannot be sent.
            return str(exc).encode("utf-8", "replace").decode()
        except Exception:
            return f"The action raised {type(exc).__name__}, which has no message."

    def _fail(self, message: str, log: str, status: int = 502) -> NoReturn:
        self._streams.log(log)
        self._streams.close_activation()
        raise _Rejected(status, message)


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(body).encode())


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise _Rejected(400, f"The request is not JSON: {exc}") from None
    if not isinstance(parsed, dict):
        raise _Rejected(400, f"The request must be an object, not {_kind(parsed)}.")
    return parsed


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _text(value: dict[str, Any], field: str) -> str:
    item = value.get(field)
    if item is None:
        return ""
    if not isinstance(item, str):
        raise _Rejected(400, f"`value.{field}` must be a string, not {_kind(item)}.")
    return item


def _export(variables: dict[str, Any]) -> None:
    """Set environment variables: text as it is, anything else as JSON."""
    for name, item in variables.items():
        try:
            os.environ[name] = item if isinstance(item, str) else json.dumps(item)
        except (OSError, ValueError) as exc:
            raise _Rejected(400, f"{name!r} cannot be an environment variable: {exc}") from None


def _kind(item: object) -> str:
    return "null" if item is None else f"a {type(item).__name__}"
