"""The processes of a running stack, found in /proc."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testkit.stack import Stack, descendants, wait_for


def pid_of(stack: Stack, module: str) -> int | None:
    """The process that runs `python -m module`; None while there is none."""
    for pid in stack.descendants():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-m" in command and command[command.index(b"-m") + 1] == module.encode():
            return pid
    return None


def module_pid(stack: Stack, module: str) -> int:
    """The same, once there is one."""
    pid = wait_for(lambda: pid_of(stack, module))
    assert pid is not None
    return pid


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and end it if it has not done so in time."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)


def part_environment(stack: Stack, module: str) -> dict[str, str]:
    """What the stack has given a part: where the provider and the broker are, and their keys."""
    entries = Path(f"/proc/{module_pid(stack, module)}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def action_pids(stack: Stack) -> list[int]:
    """What runs the actions of the stack's own OpenWhisk: their processes, or the `docker run` of each."""
    found = []
    for pid in descendants(module_pid(stack, "local.openwhisk")):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"actions.runtime" in command or command[:2] == [b"docker", b"run"]:
            found.append(pid)
    return found
