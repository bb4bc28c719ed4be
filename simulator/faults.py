"""Faults that are set on purpose, so that clients can be tested with them.

They are one JSON document, which is set at the start or, if that is allowed, at run time:

    {"seed": 1,
     "devices": {"fake_fez": "down"},
     "jobs": [{"backend": "fake_fez", "outcome": "ran_too_long", "count": 2}],
     "http": [{"method": "POST", "path": "/jobs", "status": 503, "probability": 0.1}]}

The first fault of a list that applies takes effect. One with a `count` applies that many times, one with a
`probability` at random, and one with neither always.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

from .errors import FaultsWrong

DeviceState = Literal["down", "paused"]
JobOutcome = Literal["failed", "cancelled", "ran_too_long"]


@dataclass
class Fault:
    """How often a fault applies; None means always and without end."""

    count: int | None = None
    probability: float | None = None


@dataclass
class JobFault(Fault):
    """A job fails.

    Attributes:
        backend: Its backend; None for all.
        outcome: How it ends; `ran_too_long` is cancelled with reason code 1305.
        reason: The message.
        code: Its reason code.
    """

    backend: str | None = None
    outcome: JobOutcome = "failed"
    reason: str = "The job failed by a fault that was set."
    code: int = 9998

    def header(self) -> dict[str, Any]:
        """Return it in the form of a worker's message."""
        if self.outcome == "ran_too_long":
            return {
                "t": "overrun",
                "message": "The job ran longer than its maximum execution time.",
                "code": 1305,
            }
        return {"t": self.outcome, "message": self.reason, "code": self.code}


@dataclass
class HttpFault(Fault):
    """A request gets a faulty response.

    Attributes:
        method: Method of the requests; None for all.
        path: Prefix of their path, without /api/v1.
        status: Status of the response; None leaves the response unchanged.
        delay: Seconds by which the response is delayed.
        after: Whether the request is carried out, and only its response is lost.
        drop: Whether the connection is closed without a response.
        garbled: Whether the response is 200 with a body that is not JSON.
        retry_after: Seconds in a Retry-After header.
    """

    method: str | None = None
    path: str = "/"
    status: int | None = None
    delay: float = 0.0
    after: bool = False
    drop: bool = False
    garbled: bool = False
    retry_after: int | None = None


@dataclass
class Faults:
    """All faults.

    Attributes:
        devices: Devices that do not serve their queues.
        jobs: Jobs that fail.
        http: Requests with faulty responses.
        seed: Seeds the probabilities.
        unlisted: Seconds for which no list has a new job.
    """

    devices: dict[str, DeviceState] = field(default_factory=dict)
    jobs: list[JobFault] = field(default_factory=list)
    http: list[HttpFault] = field(default_factory=list)
    seed: int | None = None
    unlisted: float = 0.0

    def __post_init__(self) -> None:
        """Seed the random generator."""
        self._random = random.Random(self.seed)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return asdict(self)

    def of_request(self, method: str, path: str) -> HttpFault | None:
        """Return the fault of a request."""
        path = path.removeprefix("/api/v1")
        return self._first_that_applies(
            [fault for fault in self.http if fault.method in (None, method) and path.startswith(fault.path)]
        )

    def of_job(self, backend: str) -> JobFault | None:
        """Return the fault of a job."""
        return self._first_that_applies([fault for fault in self.jobs if fault.backend in (None, backend)])

    def _first_that_applies(self, candidates: Sequence[AnyFault]) -> AnyFault | None:
        for fault in candidates:
            if fault.count == 0 or (
                fault.probability is not None and self._random.random() >= fault.probability
            ):
                continue
            if fault.count is not None:
                fault.count -= 1
            return fault
        return None


AnyFault = TypeVar("AnyFault", bound=Fault)


def read(document: object, backends: Mapping[str, bool]) -> Faults:
    """Read a description.

    Args:
        document: The JSON document.
        backends: The names of the backends, and whether each is a device.

    Raises:
        FaultsWrong: If it is invalid.
    """
    entries = _object(document, "faults", {item.name for item in fields(Faults)})
    seed = entries.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise FaultsWrong("seed must be a whole number.")
    unlisted = entries.get("unlisted", 0.0)
    if isinstance(unlisted, bool) or not isinstance(unlisted, int | float) or not 0 <= unlisted <= 600:
        raise FaultsWrong("unlisted must be from 0 to 600 seconds.")
    devices = _object(
        entries.get("devices", {}), "devices", {name for name, is_one in backends.items() if is_one}
    )
    for name, state in devices.items():
        if state not in get_args(DeviceState):
            raise FaultsWrong(f"devices.{name} must be one of {', '.join(get_args(DeviceState))}.")
    jobs = [_fault(JobFault, item, f"jobs[{index}]") for index, item in _list(entries, "jobs")]
    for index, job in enumerate(jobs):
        if job.backend is not None and job.backend not in backends:
            raise FaultsWrong(f"jobs[{index}].backend: there is no {job.backend!r}.")
        if job.outcome not in get_args(JobOutcome):
            raise FaultsWrong(f"jobs[{index}].outcome must be one of {', '.join(get_args(JobOutcome))}.")
    http = [_fault(HttpFault, item, f"http[{index}]") for index, item in _list(entries, "http")]
    for index, request in enumerate(http):
        if request.status is not None and not 400 <= request.status <= 599:
            raise FaultsWrong(f"http[{index}].status must be from 400 to 599.")
        if not 0 <= request.delay <= 600:
            raise FaultsWrong(f"http[{index}].delay must be from 0 to 600 seconds.")
    return Faults(devices, jobs, http, seed, unlisted)


def _object(value: object, name: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FaultsWrong(f"{name} must be a JSON object.")
    for key in value:
        if key not in known:
            raise FaultsWrong(f"{name}: there is no {key!r}; there are: {', '.join(sorted(known))}.")
    return value


def _list(entries: dict[str, Any], name: str) -> list[tuple[int, Any]]:
    value = entries.get(name, [])
    if not isinstance(value, list):
        raise FaultsWrong(f"{name} must be a list.")
    return list(enumerate(value))


#: The types that a field may have, by its annotation.
KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def _fault(kind: type[AnyFault], value: object, name: str) -> AnyFault:
    entries = _object(value, name, {item.name for item in fields(kind)})
    for item in fields(kind):
        text, _, optional = str(item.type).partition(" | ")
        setting = entries.get(item.name, item.default)
        kinds = KINDS.get(text, (str,))
        right = isinstance(setting, kinds) and (bool in kinds or not isinstance(setting, bool))
        if not right and not (optional and setting is None):
            raise FaultsWrong(f"{name}.{item.name} must be of type {text.lower()}.")
    if (entries.get("count") or 0) < 0 or not 0 <= (entries.get("probability") or 0) <= 1:
        raise FaultsWrong(f"{name}: count must not be negative, probability must be from 0 to 1.")
    return kind(**entries)
