"""JSON logs on stderr, one object a line, the same in every part."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from core.settings.kinds import choice
from core.settings.setting import Setting

#: Characters a message may have; the rest is cut, so that no input can make an endless line.
MAX_MESSAGE = 2_000

LOG_LEVEL = Setting(
    "LOG_LEVEL",
    choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", ignore_case=True),
    "INFO",
    "lowest level of the lines in the log",
)

_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "service", "logger", "message", ...extra}`; a traceback only for our own bugs."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage()[:MAX_MESSAGE],
        }
        entry |= {key: value for key, value in record.__dict__.items() if key not in _RESERVED}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)[-4 * MAX_MESSAGE :]
        try:
            return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # half a surrogate pair, an integer over 64 bits: no reason to lose the line
            return json.dumps(entry, default=str)


def configure(service: str, level: str = "INFO") -> None:
    """Send every log record of this process to stderr as JSON.

    The IBM clients warn about things that a deployment does on purpose (an explicit token, one instance),
    so theirs start at ERROR.
    """
    # Facts that our lines do not show, and whose gathering costs more than the line itself.
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("qiskit", "qiskit_ibm_runtime", "ibm-cloud-sdk-core", "urllib3", "stevedore"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
