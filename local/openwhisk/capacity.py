"""Whether another process fits within the limits, and which idle ones have to end for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from local.openwhisk.launch import Launch
from local.openwhisk.settings import OpenWhiskSettings


class Idle(Protocol):
    """An idle container."""

    launch: Launch
    #: `time.monotonic()` at the end of its last activation.
    last_used: float


T = TypeVar("T", bound=Idle)


def victims(
    launch: Launch, launches: Sequence[Launch], idle: Iterable[T], settings: OpenWhiskSettings
) -> list[T] | None:
    """Return the idle containers that have to end so that another process fits.

    Args:
        launch: of the other process.
        launches: of all processes, including those that are being started.
        idle: the containers that may be ended. Those of the same launch are kept.
        settings: have the limits: processes, their memory, processes of one action.

    Returns:
        The containers, longest idle first; None if it does not fit even without them.
    """
    if sum(item.action == launch.action for item in launches) >= settings.max_per_action:
        return None
    count = len(launches)
    memory = sum(item.memory for item in launches)

    def fits() -> bool:
        # One process may exceed the memory of all: otherwise its action could never run.
        return count < settings.max_processes and (memory + launch.memory <= settings.memory or not count)

    chosen: list[T] = []
    for container in sorted(idle, key=lambda item: item.last_used):
        if fits():
            break
        if container.launch.key != launch.key:
            chosen.append(container)
            count -= 1
            memory -= container.launch.memory
    return chosen if fits() else None
