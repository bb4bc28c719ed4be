"""The device time that each instance has used, and its limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .database import Database
from .errors import ApiError

#: Maximum number of instances whose usage is stored. The least recently used ones are removed first.
MAX_INSTANCES = 1_000
#: The instance of jobs that an earlier version stored. Its usage counts for every instance.
ANY_INSTANCE = ""


class InstanceUsage:
    """The usage of all instances, in seconds of device time.

    Args:
        default_limit: The limit of an instance that has not set one; None if there is none.
        database: Stores it on disk; None keeps it in memory only.
    """

    def __init__(self, default_limit: float | None, database: Database | None) -> None:
        self._default_limit = default_limit
        self._database = database
        self._seconds: OrderedDict[str, float] = OrderedDict()
        #: None: no limit, whatever the default is.
        self._limits: OrderedDict[str, float | None] = OrderedDict()
        if database is not None:
            stored = database.fact("instances") or {}
            self._seconds.update(stored.get("seconds", {}))
            self._limits.update(stored.get("limits", {}))
            if not stored:
                self._seconds[ANY_INSTANCE] = float(database.fact("usage_seconds") or 0.0)

    def consumed(self, instance: str) -> float:
        """Return what an instance has used."""
        return self._seconds.get(instance, 0.0) + self._seconds.get(ANY_INSTANCE, 0.0)

    def limit(self, instance: str) -> float | None:
        """Return the limit of an instance; None if it has none."""
        return self._limits.get(instance, self._default_limit)

    def reached(self, instance: str) -> bool:
        """Return whether an instance has used up its limit."""
        limit = self.limit(instance)
        return limit is not None and self.consumed(instance) >= limit

    def add(self, instance: str, seconds: float) -> None:
        """Record that a job of an instance has used device time."""
        self._seconds[instance] = self._seconds.get(instance, 0.0) + seconds
        if instance != ANY_INSTANCE:
            self._seconds.move_to_end(instance)
        self._store(self._seconds)

    def set_limit(self, instance: str, limit: object) -> None:
        """Set the limit of an instance.

        Raises:
            ApiError: If it is neither a number of seconds nor None.
        """
        if limit is not None and (
            isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit <= 1e12
        ):
            raise ApiError(400, 1217, "instance_limit must be a number of seconds, or null for no limit.")
        self._limits[instance] = None if limit is None else float(limit)
        self._limits.move_to_end(instance)
        self._store(self._limits)

    def check(self, instance: str) -> None:
        """Check that an instance may submit a job.

        Raises:
            ApiError: If it has used up its limit.
        """
        if self.reached(instance):
            raise ApiError(
                409,
                1214,
                f"The instance has used up its limit of {self.limit(instance):g} seconds.",
                "Raise the limit: PUT /instances/configuration.",
            )

    def document(self, instance: str, plan: str) -> dict[str, Any]:
        """Return the usage of an instance as IBM Quantum does."""
        consumed, limit = round(self.consumed(instance), 6), self.limit(instance)
        document: dict[str, Any] = {
            "instance_id": instance,
            "plan_id": plan,
            "usage_consumed_seconds": consumed,
            "usage_limit_reached": self.reached(instance),
        }
        if limit is not None:
            document["usage_limit_seconds"] = limit
            document["usage_remaining_seconds"] = max(limit - consumed, 0.0)
        return document

    def _store(self, changed: OrderedDict[str, Any]) -> None:
        while len(changed) > MAX_INSTANCES:
            changed.pop(next(name for name in changed if name != ANY_INSTANCE))
        if self._database is not None:
            self._database.remember("instances", {"seconds": self._seconds, "limits": self._limits})
