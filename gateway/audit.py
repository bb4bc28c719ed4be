"""The audit log: one line for each submission, cancellation, erasure and sign-in, refused ones too.

The lines have no inputs, results or secrets. Texts of the caller are limited to printable ASCII, so that they
cannot begin another line.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response, g, request

from core.log import JsonFormatter, client_digest
from core.rate_limits import FixedWindow, RateLimiter
from gateway.edge.exchange import exchange
from gateway.limits import MAX_CLIENTS, network_of
from gateway.settings import AUDIT_FILE, GatewaySettings

NAME = "qwhisk.audit"
#: The lines about refused and repeated requests that one address may cause in a minute. Otherwise a caller
#: could displace all other lines.
REFUSED_PER_MINUTE = 60
#: The most characters of a text.
MAX_TEXT = 128

#: What the endpoints do.
ACTIONS = {
    "api.new_session": "sign_in",
    "api.new_job": "submission",
    "api.cancel": "cancellation",
    "api.erase": "erasure",
}

#: What a line says, as far as it is known.
FIELDS = (
    "action",
    "outcome",
    "status",
    "code",
    "client",
    "tenant",
    "function",
    "process_job_id",
    "address",
    "omitted",
)

log = logging.getLogger(__name__)


class AuditFile(RotatingFileHandler):
    """A file that only its owner can read. It is replaced by a new one before it becomes too large.

    If something else renames or deletes the file, such as logrotate or a second process by mistake, the next
    line begins a new file. Otherwise the lines would be lost with the old one.
    """

    def _open(self) -> Any:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding="ascii", opener=private)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, to the file that has the name now."""
        try:
            # It is closed if the disk was full when a new file was to be begun.
            if self.stream is not None and (self.stream.closed or not self._has_name(self.stream.fileno())):
                # The base class opens the file again.
                replaced, self.stream = self.stream, None
                replaced.close()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def _has_name(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), Path(self.baseFilename).stat())
        except FileNotFoundError:
            return False

    def handleError(self, record: logging.LogRecord) -> None:
        """Write the line to the general log instead."""
        entry: dict[str, object] = {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
        log.error("a line of the audit could not be written to its file", exc_info=True, extra=entry)


class Audit:
    """Writes the lines.

    Args:
        settings: where to, and how much is kept.

    Raises:
        SettingsError: the file cannot be written.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._logger = logging.getLogger(NAME)
        self._logger.setLevel(logging.INFO)  # whatever LOG_LEVEL is
        self._refused = RateLimiter(lambda: FixedWindow(REFUSED_PER_MINUTE), MAX_CLIENTS)
        #: The cancellations of each job: those that change nothing are not limited in another way.
        self._cancelled = RateLimiter(lambda: FixedWindow(1), MAX_CLIENTS)
        self._omitted = 0
        self._lock = threading.Lock()
        self._file: AuditFile | None = None
        if settings.audit_file:
            self._file = _opened(settings)
            self._logger.addHandler(self._file)
        self._logger.propagate = self._file is None

    def write(self, fields: dict[str, Any], address: str, repeated: bool = False) -> None:
        """Write a line.

        Args:
            fields: what it says.
            address: where the request came from.
            repeated: whether the request was accepted and changed nothing.
        """
        now = time.time()
        if fields["outcome"] == "accepted" and fields["action"] == "cancellation":
            repeated = repeated or self._cancelled.admit(fields["process_job_id"], now) > 0
        if (repeated or fields["outcome"] == "refused") and self._refused.admit(network_of(address), now):
            with self._lock:
                self._omitted += 1
            return
        with self._lock:
            omitted, self._omitted = self._omitted, 0
        lines = {"omitted": omitted} if omitted else {}
        self._logger.info("audit", extra=fields | {"address": text_of(address)} | lines)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._logger.removeHandler(self._file)
            with suppress(OSError):  # the disk is full: the lines are in the general log
                self._file.close()
            self._logger.propagate = True


def _opened(settings: GatewaySettings) -> AuditFile:
    try:
        made = AuditFile(settings.audit_file, maxBytes=settings.audit_bytes, backupCount=settings.audit_files)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not valid"
        raise AUDIT_FILE.error(f"names {settings.audit_file}, which cannot be written: {reason}.") from None
    made.setFormatter(JsonFormatter("gateway"))
    return made


def text_of(text: str) -> str:
    """Return a caller's text as printable ASCII of limited length, without line breaks."""
    escaped = text[:MAX_TEXT].encode("ascii", "backslashreplace").decode()
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in escaped)[:MAX_TEXT]


def register(app: Flask, audit: Audit, with_sign_in: bool) -> None:
    """Write a line for each request to `app` that `ACTIONS` names.

    Args:
        app: the application.
        audit: writes the lines.
        with_sign_in: whether a session needs a sign-in.
    """

    @app.after_request
    def describe(response: Response) -> Response:
        # A refused MCP message; one that is accepted leads to a request to the API.
        attempt: dict[str, str] = g.get("attempt", {}) if response.status_code >= 400 else {}
        action = ACTIONS.get(request.endpoint or "") or attempt.get("action")
        if action is None or request.method not in ("POST", "DELETE"):
            return response
        if action == "sign_in" and (not with_sign_in or response.status_code == 200):
            return response  # there is no sign-in, or a session is renewed
        fields, address, before = (
            _fields(action, response, attempt),
            request.remote_addr or "",
            exchange().on_answer,
        )
        if exchange().repetition is None:
            # At once: the client may have left, and the job is submitted all the same.
            audit.write(fields, address, g.get("repeated", False))
            return response

        def answered(status: int) -> None:
            if before is not None:
                before(status)
            audit.write(fields, address)

        # The view may be called again. Only one of the calls is answered.
        exchange().on_answer = answered
        return response


def _fields(action: str, response: Response, attempt: dict[str, str]) -> dict[str, Any]:
    refused = response.status_code >= 400
    fields: dict[str, Any] = {
        "action": action,
        "outcome": "refused" if refused else "accepted",
        "status": response.status_code,
    }
    if refused and response.mimetype in ("application/problem+json", "application/json"):
        problem = orjson.loads(response.get_data())
        fields["code"] = problem["error"]["data"]["code"] if "error" in problem else problem.get("code")
    client = g.get("client")
    if client is not None:
        fields["client"] = client_digest(client.client_id)
        if client.tenant:
            fields["tenant"] = text_of(client.tenant)
    named = (request.view_args or {}) | attempt
    if "function" in named:
        fields["function"] = text_of(named["function"])
    job = named.get("process_job_id") or g.get("process_job_id")
    if job:
        fields["process_job_id"] = text_of(job)
    return fields
