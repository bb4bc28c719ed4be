"""Parses the provider's list of backends."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any

from core.bounds import MAX_QUEUE
from core.protocol import BackendInfo
from core.protocol.events import MAX_BACKEND_REASON
from core.provider.choice import backend_type_of
from core.provider.ibm import reported

log = logging.getLogger(__name__)

#: The permitted names of backends: events carry them.
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
#: The reasons of a status that do not count against a backend. Others do: one that is `paused` accepts jobs
#: but starts none.
_AVAILABLE = ("", "available", "active", "online")


def backends_of(raw: Any, now: datetime) -> list[BackendInfo]:
    """Return the backends. One without a valid name is omitted.

    Args:
        raw: the provider's list.
        now: when the list was requested.

    Raises:
        ValueError: it is not a list.
    """
    if not isinstance(raw, list):
        raise ValueError("not a list of backends")
    backends = []
    for entry in map(reported.mapping, raw):
        name = entry.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            log.warning("a backend has no usable name: %s", ascii(name)[:60])
            continue
        status = reported.mapping(entry.get("status"))
        reason = reported.text(status.get("reason"), MAX_BACKEND_REASON)
        backends.append(
            BackendInfo(
                name=name,
                backend_type=backend_type_of(name),
                qubits=reported.count(entry.get("qubits"), reported.MAX_QUBITS),
                operational=status.get("name") == "online",
                reason=None if reason.lower() in _AVAILABLE else reason,
                queue_length=reported.count(entry.get("queue_length"), MAX_QUEUE),
                seen_at=now,
            )
        )
    return backends
