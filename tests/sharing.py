"""Which files share a process, and the stacks that files share.

An idle stack takes an eighth of a core, and its start 7 s of processor time. So the files that share one run
in one process, one after the other, and the stack ends after the last of them.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from testkit.stack import Stack, running
from tests.selection import MARK

#: Groups of files, each run by one process, by the beginnings of their paths; the longest match counts. They
#: start first, in this order, and the files of a group run in its order. xdist gives a process further groups
#: until it has three tests, so groups of a single long test do not follow one another.
GROUPS: dict[str, tuple[str, ...]] = {
    "page": ("tests/page/",),
    "end to end": (
        "tests/end_to_end/",
        "tests/clients/test_generated.py",
        "tests/clients/test_recipes.py",
        "tests/client/test_async.py",
        "tests/client/test_client.py",
        "tests/client/test_command.py",
        "tests/client/test_prefix.py",
    ),
    "crashes": (
        "tests/end_to_end/test_public_form.py",
        "tests/end_to_end/test_crash.py",
        "tests/end_to_end/test_hybrid.py",
        "tests/end_to_end/test_webhooks.py",
        "tests/client/test_restart.py",
        # Ends the stack.
        "tests/end_to_end/test_shutdown.py",
    ),
    # These have a stack of their own. The first waits for minutes of the clock, and takes little else.
    "throttling": ("tests/end_to_end/test_throttling.py",),
    # What all of these see is compared with one table.
    "contract": ("tests/openwhisk/contract/",),
    # The longest of the others. The last two share a broker.
    "chaos": ("tests/chaos/test_poller.py",),
    "pooling": ("tests/end_to_end/test_pooling.py",),
    "submissions": ("tests/chaos/test_submissions.py",),
    "broker": ("tests/chaos/test_delays.py", "tests/chaos/test_facts.py"),
    "images": ("tests/images/",),
}

#: The beginning of each path with the name of its group, in order.
_STARTS = [(start, name) for name, starts in GROUPS.items() for start in starts]

#: A device five times as fast as by default: tests that need a job to wait pause it.
_FAST = {"SIMULATOR_QUEUE_SPEED_UP": "5"}
#: The groups whose files share a stack, and its settings.
STACKS: dict[str, dict[str, str]] = {
    "page": _FAST,
    "end to end": _FAST,
    "images": _FAST,
    # Webhooks may call receivers on this machine.
    "crashes": {"GATEWAY_WEBHOOKS": "private"},
}

_running: dict[str, tuple[Stack, ExitStack]] = {}


def group(nodeid: str) -> str:
    """The group of a test's file: the name of a group, or the file's own path."""
    return _match(nodeid)[1]


def _match(nodeid: str) -> tuple[str, str]:
    """The beginning of the path that matches, and the name of its group; twice the path if none does."""
    path = nodeid.partition("::")[0]
    matches = [match for match in _STARTS if path.startswith(match[0])]
    return max(matches, key=lambda match: len(match[0]), default=(path, path))


def sort(items: list[pytest.Item]) -> None:
    """Put each group's tests together: the groups first, then files that start processes, then all others.

    What takes longest comes first, so that no process of several is left with it at the end.
    """
    places = {match: place for place, match in enumerate(_STARTS)}
    slow = {group(item.nodeid) for item in items if item.get_closest_marker(MARK)}

    def place(item: pytest.Item) -> tuple[int, bool]:
        match = _match(item.nodeid)
        return (places.get(match, len(places)), match[1] not in slow)

    items.sort(key=place)


def shared_stack(nodeid: str, factory: pytest.TempPathFactory) -> Stack:
    """The stack of a file's group, started at its first use.

    Args:
        nodeid: the file's.
        factory: of temporary folders.
    """
    name = group(nodeid)
    if name not in STACKS:
        pytest.fail(f"{nodeid} uses a shared stack: add it to a group with a stack in tests/sharing.py")
    if name in _running and _running[name][0].process.poll() is not None:
        end_unused(None)
    if name not in _running:
        ends = ExitStack()
        stack = ends.enter_context(running(factory.mktemp(name.replace(" ", "-")), **STACKS[name]))
        _running[name] = (stack, ends)
    return _running[name][0]


def close_clients() -> None:
    """Close the connections of the clients of all shared stacks."""
    for stack, _ in _running.values():
        stack.close_clients()


def end_unused(following: pytest.Item | None) -> None:
    """End the shared stacks that the following test does not share; all if there is none."""
    for name in [name for name in _running if following is None or group(following.nodeid) != name]:
        _, ends = _running.pop(name)
        ends.close()
