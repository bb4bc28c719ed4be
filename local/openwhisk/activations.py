"""The records of activations: bounded in number and in bytes, the oldest are removed first."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from local.openwhisk.rotating_log import RotatingLog

log = logging.getLogger(__name__)

#: The kind of a trigger's activation.
TRIGGER = "trigger"


class ActivationStatus(IntEnum):
    """How an activation ended, with OpenWhisk's numbers."""

    SUCCESS = 0
    APPLICATION_ERROR = 1
    DEVELOPER_ERROR = 2
    WHISK_ERROR = 3

    @property
    def text(self) -> str:
        """OpenWhisk's name of the status."""
        return ("success", "application error", "action developer error", "whisk internal error")[self]


@dataclass(frozen=True, slots=True)
class Response:
    """The response of an activation. `result` stays JSON text, so that it is not serialised again."""

    status: ActivationStatus
    result: bytes

    @classmethod
    def error(cls, status: ActivationStatus, error: Any) -> Response:
        """Return a response whose result is OpenWhisk's `{"error": …}`.

        An error that is nested too deeply to be written as JSON is replaced.
        """
        try:
            result = orjson.dumps({"error": error})
        except orjson.JSONEncodeError:
            result = orjson.dumps({"error": "The action's error is nested too deeply."})
        return cls(status, result)

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "status": self.status.text,
            "success": self.status is ActivationStatus.SUCCESS,
            "size": len(self.result),
            "result": orjson.Fragment(self.result),
        }


@dataclass(slots=True)
class Activation:
    """One record. Times are milliseconds since 1970."""

    id: str
    namespace: str
    name: str
    path: str
    version: str
    kind: str
    start: int
    end: int = 0
    response: Response = field(default_factory=lambda: Response(ActivationStatus.WHISK_ERROR, b"{}"))
    logs: list[str] = field(default_factory=list)
    wait_ms: int = 0
    init_ms: int | None = None
    timed_out: bool = False
    limits: dict[str, Any] = field(default_factory=dict)
    #: The activation that caused this one, or "".
    cause: str = ""
    #: For a sequence or a composition: whether it was invoked directly, and not by another one.
    topmost: bool | None = None
    #: Whether it is a composition.
    conductor: bool = False
    caused_by_sequence: bool = False
    #: Milliseconds; for a sequence, the sum of its components.
    duration: int | None = None

    @property
    def elapsed(self) -> int:
        """Its duration in milliseconds."""
        return self.end - self.start if self.duration is None else self.duration

    @property
    def weight(self) -> int:
        """Its approximate size in bytes."""
        return 1024 + len(self.response.result) + sum(len(line) + 60 for line in self.logs)

    def line(self) -> bytes:
        """Return the line that is written to a file."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        result = self.response.result.decode()
        return orjson.dumps(record | {"response": [int(self.response.status), result]})

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Activation:
        """Return the record of a line that was written to a file."""
        status, result = record.pop("response")
        return cls(**record, response=Response(ActivationStatus(status), result.encode()))

    def summary(self) -> dict[str, Any]:
        """Return it as the API lists it."""
        return self._common() | {"statusCode": int(self.response.status)}

    def _common(self) -> dict[str, Any]:
        notes: dict[str, Any] = {"path": self.path, "kind": self.kind}
        if self.kind == TRIGGER:
            notes = {"path": self.path}
        elif self.topmost is None:
            notes |= {"waitTime": self.wait_ms, "timeout": self.timed_out, "limits": self.limits}
        else:
            notes |= {"topmost": self.topmost, "limits": self.limits}
        if self.conductor:
            notes["conductor"] = True
        if self.init_ms is not None:
            notes["initTime"] = self.init_ms
        if self.caused_by_sequence:
            notes["causedBy"] = "sequence"
        summary = {
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "publish": False,
            "activationId": self.id,
            "start": self.start,
            "end": self.end,
            "duration": self.elapsed,
            "annotations": [{"key": key, "value": value} for key, value in notes.items()],
        }
        return summary | {"cause": self.cause} if self.cause else summary

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return self._common() | {
            "subject": self.namespace,
            "response": self.response.document(),
            "logs": self.logs,
        }

    def answer(self) -> dict[str, Any]:
        """Return it as the response to a blocking invocation.

        As in OpenWhisk, an action's log is collected later. That of a sequence or a composition is complete.
        """
        return self.document() | ({"logs": []} if self.topmost is None else {})


class Activations:
    """The records of the latest activations.

    Args:
        count: maximum number of records.
        size: maximum of their bytes.
        folder: folder in which they are kept after this process ends; None keeps them in memory only.
    """

    def __init__(self, count: int, size: int, folder: Path | None = None) -> None:
        self._count = count
        self._size = size
        self._used = 0
        self._records: OrderedDict[str, Activation] = OrderedDict()
        self._rotating_log = RotatingLog(folder, size) if folder else None
        for line in self._rotating_log.lines() if self._rotating_log else ():
            try:
                self._keep(Activation.from_record(orjson.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError):
                log.warning("an activation's record cannot be read")

    def add(self, activation: Activation) -> None:
        """Add a record, and remove old ones if there are too many."""
        self._keep(activation)
        if self._rotating_log is not None:
            try:
                self._rotating_log.append(activation.line())
            except OSError as exc:
                # If the disk is full the record is lost when this process ends, but the activation does not
                # fail.
                log.error("an activation's record is not written: %s", exc)

    def close(self) -> None:
        """Close the file. No record is added afterwards."""
        if self._rotating_log is not None:
            self._rotating_log.close()

    def _keep(self, activation: Activation) -> None:
        self._records[activation.id] = activation
        self._used += activation.weight
        while len(self._records) > 1 and (len(self._records) > self._count or self._used > self._size):
            _, forgotten = self._records.popitem(last=False)
            self._used -= forgotten.weight

    def get(self, activation_id: str) -> Activation | None:
        """Return a record, or None if the activation runs, has been removed, or does not exist."""
        return self._records.get(activation_id)

    def list(
        self, *, name: str | None, since: int | None, upto: int | None, skip: int, limit: int
    ) -> list[Activation]:
        """Return records, newest first.

        Args:
            name: `action` or `package/action`.
            since: milliseconds since 1970, inclusive, as is `upto`.
            skip: number of records to leave out first.
            limit: maximum number of records.
        """
        return list(islice(self._matching(name, since, upto), skip, skip + limit))

    def count(self, *, name: str | None, since: int | None, upto: int | None) -> int:
        """Return the number of records."""
        return sum(1 for _ in self._matching(name, since, upto))

    def _matching(self, name: str | None, since: int | None, upto: int | None) -> Iterator[Activation]:
        for record in reversed(self._records.values()):
            if since is not None and record.start < since:
                continue
            if upto is not None and record.start > upto:
                continue
            if name is not None and name not in (record.name, record.path.partition("/")[2]):
                continue
            yield record
