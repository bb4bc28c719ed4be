"""The message in a client's topic that records the erasure of a job's data.

Kafka can delete the beginning of a topic, but not the messages of one job. So the erasure is a message too.
It hides all events of the job, before it and after it, at every replica and after every restart. The hidden
messages expire with the topic's retention.
"""

from __future__ import annotations

from collections import OrderedDict

from pydantic import BaseModel, ConfigDict

from core.errors import EventError
from core.protocol import Identifier, decode, encode

#: The most erased jobs of one client that are remembered; the oldest are forgotten first. Events of a
#: forgotten one are shown if a poller publishes them again.
MAX_ERASED = 10_000
#: Bytes of a remembered job, measured.
ERASED_BYTES = 200

_START = b'{"erased":'


class ErasureNotice(BaseModel):
    """The message."""

    model_config = ConfigDict(extra="forbid")

    erased: Identifier


def erasure_notice(process_job_id: str) -> bytes:
    """Return the message that records a job's erasure."""
    return encode(ErasureNotice(erased=process_job_id))


def erased_job(data: bytes | None) -> str | None:
    """Return the job whose erasure a message records; None if it records none."""
    if data is None or not data.startswith(_START):
        return None
    try:
        return decode(ErasureNotice, data).erased
    except EventError:
        return None


class ErasedJobs:
    """The erased jobs of one client. The caller locks."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, process_job_id: str) -> bool:
        return process_job_id in self._ids

    def add(self, process_job_id: str) -> None:
        """Remember a job."""
        self._ids[process_job_id] = None
        if len(self._ids) > MAX_ERASED:
            self._ids.popitem(last=False)

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        return len(self._ids) * ERASED_BYTES
