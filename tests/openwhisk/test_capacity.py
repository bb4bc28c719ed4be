"""Which idle containers end to make room for another process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from local.openwhisk.capacity import victims
from local.openwhisk.launch import Launch
from local.openwhisk.settings import parse


@dataclass
class IdleContainer:
    """An idle container, without a process."""

    launch: Launch
    last_used: float


def launch_of(action: str, memory: int = 256) -> Launch:
    """The launch of an action with this memory limit in MB."""
    return Launch(
        key=(action, 1, b""),
        action=action,
        argv=("true",),
        forkable=False,
        costly=False,
        image="",
        concurrency=1,
        environment={},
        init=b"",
        memory=memory,
        logs=1,
        timeout=1.0,
    )


def ended(
    action: str, idle: list[tuple[str, float]], busy: list[str], *options: str, memory: int = 256
) -> list[str] | None:
    """The actions of the containers that end for another process of `action`."""
    settings = parse(["--port", "0", *options], {"WHISK_AUTH": "user:key"})
    containers = [IdleContainer(launch_of(name), last_used) for name, last_used in idle]
    launches = [container.launch for container in containers] + [launch_of(name) for name in busy]
    chosen = victims(launch_of(action, memory), launches, containers, settings)
    return None if chosen is None else [container.launch.action for container in chosen]


@pytest.mark.parametrize(
    ("idle", "busy", "expected"),
    [
        ([], [], []),
        ([("b", 1.0)], ["c"], []),
        ([("b", 2.0), ("c", 1.0)], ["d"], ["c"]),
        ([("a", 1.0), ("b", 2.0)], ["d"], ["b"]),
        ([], ["b", "c", "d"], None),
        ([("a", 1.0)], ["b", "c"], None),
        ([("b", 1.0)], ["b", "c", "d", "e"], None),
    ],
)
def test_the_longest_idle_containers_of_other_actions_end(
    idle: list[tuple[str, float]], busy: list[str], expected: list[str] | None
) -> None:
    assert ended("a", idle, busy, "--max-processes", "3", "--memory", "4096") == expected


def test_processes_fit_into_the_memory() -> None:
    idle = [("b", 1.0), ("c", 2.0), ("d", 3.0)]
    limits = ("--max-processes", "9", "--memory", "1024")
    assert ended("a", idle, [], *limits) == []
    assert ended("a", idle, [], *limits, memory=768) == ["b", "c"]
    assert ended("a", idle, ["e"], *limits, memory=1024) is None


def test_a_process_that_exceeds_the_memory_runs_if_it_is_the_only_one() -> None:
    limits = ("--max-processes", "9", "--memory", "1024")
    assert ended("a", [], [], *limits, memory=2048) == []
    assert ended("a", [("b", 1.0)], [], *limits, memory=2048) == ["b"]
    assert ended("a", [], ["b"], *limits, memory=2048) is None


def test_an_action_has_a_limit_of_processes() -> None:
    limits = ("--max-processes", "9", "--memory", "4096", "--max-per-action", "2")
    assert ended("a", [], ["a", "b"], *limits) == []
    assert ended("a", [("b", 1.0)], ["a", "a"], *limits) is None
