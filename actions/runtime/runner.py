"""What /init and /run do: OpenWhisk's action interface, apart from HTTP."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from actions.runtime.loader import LoadError, Main, load_code
from actions.runtime.server import Reply
from actions.runtime.streams import Streams


class _Refused(Exception):
    """The request cannot be served."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Runner:
    """The state of one container: not initialised, then initialised, then any number of runs."""

    def __init__(self, streams: Streams, baked: Callable[[], Main] | None) -> None:
        """
        Args:
            streams: where the activations' logs go.
            baked: returns the `main` baked into the image, or raises why it cannot; None for the bare base.
        """
        self._streams = streams
        self._baked = baked
        self._main: Main | None = None
        self._init_seen = False
        self._context: set[str] = set()

    def handle(self, method: str, path: str, body: bytes) -> Reply:
        """Answer one request."""
        route = {"/init": self._init, "/run": self._run}.get(path)
        try:
            if route is None:
                raise _Refused(404, f"There is no {path} here; the action interface is /init and /run.")
            if method != "POST":
                raise _Refused(405, f"{path} takes POST, not {method}.")
            return route(body)
        except _Refused as exc:
            return _reply(exc.status, {"error": exc.message})

    def _init(self, body: bytes) -> Reply:
        if self._init_seen:
            raise _Refused(403, "The action is already initialised.")
        value = _object(body).get("value")
        if not isinstance(value, dict):
            raise _Refused(400, "`value` must be an object.")
        name = _text(value, "name") or "action"
        entry = _text(value, "main") or "main"
        code = _text(value, "code")
        env = value.get("env") or {}
        if not isinstance(env, dict):
            raise _Refused(400, "`value.env` must be an object.")
        # From here on a second attempt is refused: code that ran half-way cannot be unrun.
        self._init_seen = True
        _export(env)
        try:
            if code:
                self._main = load_code(code, entry=entry, binary=bool(value.get("binary")), name=name)
            elif self._baked is not None:
                self._main = self._baked()
            else:
                raise LoadError("This image has no algorithm of its own, and /init brought no code.")
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
            raise _Refused(403, "The action is not initialised; /init comes first.")
        request = _object(body)
        value = request.pop("value", None)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise _Refused(400, "`value` must be an object.")
        self._set_context(request)
        try:
            result = self._main(value)
        except (Exception, SystemExit) as exc:
            # The caller learns only the kind of error: an exception's message may not be for callers.
            self._fail(
                f"The action raised {type(exc).__name__}. Its log has the traceback.", traceback.format_exc()
            )
        if not isinstance(result, dict):
            reason = f"The action returned {_kind(result)}, not an object."
            self._fail(reason, reason)
        try:
            encoded = json.dumps(result, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            # Not JSON: a number that is not finite, an object of a class, a cycle, half a surrogate pair.
            self._fail(f"The action's result is not JSON: {exc}", f"The action's result is not JSON: {exc}")
        self._streams.close_activation()
        return Reply(200, encoded)

    def _set_context(self, request: dict[str, Any]) -> None:
        """Publish the activation's context as `__OW_*`, and nothing of the activation before."""
        context = {f"__OW_{key.upper()}": item for key, item in request.items() if item is not None}
        for stale in self._context - context.keys():
            os.environ.pop(stale, None)
        self._context = set(context)
        _export(context)

    def _fail(self, message: str, log: str) -> NoReturn:
        self._streams.log(log)
        self._streams.close_activation()
        raise _Refused(502, message)


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(body).encode())


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise _Refused(400, f"The request is not JSON: {exc}") from None
    if not isinstance(parsed, dict):
        raise _Refused(400, f"The request must be an object, not {_kind(parsed)}.")
    return parsed


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _text(value: dict[str, Any], field: str) -> str:
    item = value.get(field)
    if item is None:
        return ""
    if not isinstance(item, str):
        raise _Refused(400, f"`value.{field}` must be a string, not {_kind(item)}.")
    return item


def _export(variables: dict[str, Any]) -> None:
    """Set environment variables: text as it is, anything else as JSON."""
    for name, item in variables.items():
        try:
            os.environ[name] = item if isinstance(item, str) else json.dumps(item)
        except (OSError, ValueError) as exc:
            raise _Refused(400, f"{name!r} cannot be an environment variable: {exc}") from None


def _kind(item: object) -> str:
    return "null" if item is None else f"a {type(item).__name__}"
