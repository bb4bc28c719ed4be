"""The processes of a running stack, found in /proc."""

from __future__ import annotations

from pathlib import Path

from tests.stack import Stack, wait_for


def module_pid(stack: Stack, module: str) -> int:
    """The process that runs `python -m module`."""

    def found() -> int | None:
        for pid in stack.descendants():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"-m" in command and command[command.index(b"-m") + 1] == module.encode():
                return pid
        return None

    pid = wait_for(found)
    assert pid is not None
    return pid
