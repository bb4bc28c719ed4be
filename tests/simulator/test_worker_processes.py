"""Starts and failures of worker processes, with a fork server that does not import Aer."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from core.processes.fork_server_client import ForkServerClient
from simulator.settings import SimulatorSettings, parse
from simulator.worker_processes import MAX_FAILED_STARTS, WorkerProcess, WorkerProcesses

from .conftest import REPOSITORY

#: Its workers report that they are ready, and wait for the end of their connection.
SERVER = """
import os, socket, sys
from core.processes.fork_server import ForkServer
from simulator import frames
fork = ForkServer(socket.socket(fileno=int(sys.argv[sys.argv.index("--fork-server-fd") + 1]))).serve()
if fork is not None:
    connection = socket.socket(fileno=fork.descriptors[0])
    connection.sendall(frames.encode({"t": "hello"}))
    connection.recv(1)
    os._exit(0)
"""


class ForkServers:
    """Starts fork servers: some that end at once, then working ones."""

    def __init__(self, failing: int) -> None:
        self.started = 0
        self._failing = failing
        self._start = ForkServerClient.start

    async def start(self, _: Sequence[str], environment: Mapping[str, str]) -> ForkServerClient:
        """Start the next one."""
        self.started += 1
        code = "raise SystemExit(1)" if self.started <= self._failing else SERVER
        path = {"PYTHONPATH": str(REPOSITORY)}
        return await self._start([sys.executable, "-c", code], {**environment, **path})


def settings(workers: int) -> SimulatorSettings:
    """Settings with this number of workers."""
    return parse(["--workers", str(workers)], {"SIMULATOR_API_KEY": "key"})


def on_message(_: WorkerProcess, header: dict[str, Any], __: bytes) -> None:
    """Check that workers report that they are ready, and send nothing else."""
    assert header == {"t": "hello"}


def run(monkeypatch: pytest.MonkeyPatch, failing: int, workers: int, at_once: bool) -> tuple[bool, int]:
    """Start workers, in turn or all at once; return whether they are ready, and how many fork servers ran."""
    servers = ForkServers(failing)
    monkeypatch.setattr(ForkServerClient, "start", servers.start)

    async def start() -> bool:
        processes = WorkerProcesses(settings(workers), on_message, lambda _: None)
        try:
            if at_once:
                # As when all workers have ended with their fork server.
                await asyncio.gather(*(processes._add() for _ in range(workers)))
                await asyncio.wait_for(processes._settled.wait(), 60)
            else:
                await processes.start()
            return processes.ready and all(worker.ready for worker in processes)
        finally:
            await processes.close({"t": "failed"})

    return asyncio.run(start()), servers.started


def test_the_end_of_a_fork_server_counts_once_for_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, 1, MAX_FAILED_STARTS + 1, at_once=True) == (True, 2)


def test_workers_start_after_some_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, MAX_FAILED_STARTS - 1, 2, at_once=False) == (True, MAX_FAILED_STARTS)


def test_no_worker_is_started_after_too_many_failures(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match="do not start"):
        run(monkeypatch, MAX_FAILED_STARTS, 2, at_once=False)
    assert "none is started any more" in caplog.text


def test_the_fork_server_does_not_get_the_api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_API_KEY", "secret")
    environments: list[dict[str, str]] = []
    servers = ForkServers(0)

    async def start(command: Sequence[str], environment: Mapping[str, str]) -> ForkServerClient:
        environments.append(dict(environment))
        return await servers.start(command, environment)

    monkeypatch.setattr(ForkServerClient, "start", start)

    async def start_and_close() -> None:
        processes = WorkerProcesses(settings(1), on_message, lambda _: None)
        await processes.start()
        await processes.close({"t": "failed"})

    asyncio.run(start_and_close())
    assert "SIMULATOR_API_KEY" not in environments[0]
    assert environments[0]["PATH"] == os.environ["PATH"]
