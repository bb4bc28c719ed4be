"""JSON logs on stderr: one object in a line, of the same form in every service."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from core.settings.kinds import choice
from core.settings.setting import Setting
from core.tracing import current

#: Characters of a message. The rest is cut, so that no input can make a line without end.
MAX_MESSAGE = 2_000

LOG_LEVEL = Setting(
    "LOG_LEVEL",
    choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", ignore_case=True),
    "INFO",
    "lowest level of the lines in the log",
)

#: The most bits of a number. Others are not written: that takes time by the square of their size.
MAX_INTEGER_BITS = 1_024
#: What JSON permits in a text, and a terminal or a reader of lines may interpret: controls, other line
#: breaks, and marks of the direction of writing.
_CONTROL = re.compile("[\x80-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def client_digest(client_id: str) -> str:
    """Return what lines have instead of a client's id."""
    return hashlib.sha256(client_id.encode("utf-8", "replace")).hexdigest()[:16]


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "part", "logger", "message", ...extra}`; a traceback only for our own bugs.

    `service` is the part's name too, as it was before there was `part`. `trace` is the trace that a line
    belongs to, and `client` the digest of a client's id.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": self._service,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage()[:MAX_MESSAGE],
        }
        entry |= {key: value for key, value in record.__dict__.items() if key not in _RESERVED}
        if (client := entry.pop("client_id", None)) is not None:
            entry["client"] = client_digest(str(client))
        context = current()
        if (trace := entry.pop("trace", None) or (context and context.trace_id)) is not None:
            entry["trace"] = trace
        entry = {key: _bounded(value) for key, value in entry.items()}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)[-4 * MAX_MESSAGE :]
        try:
            text = orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # half a surrogate pair, or an integer over 64 bits
            return json.dumps(entry, default=str)
        return text if text.isascii() else _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _bounded(value: Any) -> Any:
    """Return a value, or the beginning of its text if it is long."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_INTEGER_BITS else "a large number"
    text = value if isinstance(value, str) else str(value)
    return value if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE]


def configure(service: str, level: str = "INFO") -> None:
    """Write every log record of this process to stderr as JSON.

    The IBM clients warn of things that a deployment does on purpose, such as an explicit token. Of their
    records, only errors are written.

    Args:
        service: the value of `service` in each line.
        level: the lowest level that is written.
    """
    # The lines do not have these facts, and collecting them takes longer than writing a line.
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("qiskit", "qiskit_ibm_runtime", "ibm-cloud-sdk-core", "urllib3", "stevedore"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
