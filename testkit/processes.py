"""The processes of a running stack, found in /proc."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testkit.stack import Stack, descendants, wait_for


def pid_of(stack: Stack, module: str) -> int | None:
    """Return the process that runs `python -m module`; None if there is none."""
    for pid in stack.descendants():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-m" in command and command[command.index(b"-m") + 1] == module.encode():
            return pid
    return None


def module_pid(stack: Stack, module: str) -> int:
    """Wait for the process that runs `python -m module` and return it."""
    pid = wait_for(lambda: pid_of(stack, module))
    assert pid is not None
    return pid


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Terminate a process, and kill it if it does not end in time."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)


def part_environment(stack: Stack, module: str) -> dict[str, str]:
    """Return the environment of a part: the addresses of the provider and the broker, and their keys."""
    entries = Path(f"/proc/{module_pid(stack, module)}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def action_pids(stack: Stack) -> list[int]:
    """Return what runs the actions of the stack's OpenWhisk: their processes, or the `docker run` of each."""
    pids = []
    for pid in descendants(module_pid(stack, "local.openwhisk")):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"actions.runtime" in command or command[:2] == [b"docker", b"run"]:
            pids.append(pid)
    return pids
