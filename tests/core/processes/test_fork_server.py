"""The fork server and its client, as real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.processes.fork_server_client import ForkedProcess, ForkServerClient, ForkServerError
from core.processes.messages import MAX_MESSAGE
from testkit.openwhisk import running
from testkit.waiting import until
from tests.core.processes.conftest import ROOT, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfds and /proc are Linux's")

TIMEOUT = 60.0


async def fork(
    client: ForkServerClient, *, warm_up: bool = False, **arguments: Any
) -> tuple[ForkedProcess, dict[str, Any]]:
    """A fork, and what it has written: its arguments, and what the fork server's code adds."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as written:
        try:
            forked = await client.fork(arguments, [writer], timeout=TIMEOUT, warm_up=warm_up)
        finally:
            os.close(writer)
        assert forked.handle is not None
        os.close(forked.handle)
        return forked, json.loads(await asyncio.to_thread(written.readline))


def test_a_fork_gets_its_arguments_and_descriptors() -> None:
    async def run() -> None:
        async with serving() as client:
            for text in ("one", "two"):
                forked, state = await fork(client, text=text)
                assert state == {"text": text, "warmed": 0, "parent": client.process.pid}
                assert running(forked.pid)

    asyncio.run(run())


def test_forks_of_many_requests_at_once_do_not_mix_up() -> None:
    async def run() -> None:
        async with serving() as client:
            forks = await asyncio.gather(*(fork(client, number=number) for number in range(10)))
            assert [state["number"] for _, state in forks] == list(range(10))
            assert len({forked.pid for forked, _ in forks}) == 10

    asyncio.run(run())


def test_a_fork_keeps_its_number_until_it_is_released() -> None:
    async def run() -> None:
        async with serving() as client:
            forked, _ = await fork(client)
            os.kill(forked.pid, signal.SIGKILL)
            until(lambda: not running(forked.pid))
            assert Path(f"/proc/{forked.pid}").exists()
            client.end_fork(forked.pid)
            until(lambda: not Path(f"/proc/{forked.pid}").exists())

    asyncio.run(run())


def test_end_fork_kills_a_fork_and_no_other_process() -> None:
    async def run() -> None:
        async with serving() as client:
            forked, _ = await fork(client)
            with subprocess.Popen(["sleep", "60"]) as bystander:
                client.end_fork(bystander.pid)
                client.end_fork(forked.pid)
                # Call it twice: the number may now belong to another process.
                client.end_fork(forked.pid)
                until(lambda: not Path(f"/proc/{forked.pid}").exists())
                await fork(client)
                assert bystander.poll() is None
                bystander.kill()

    asyncio.run(run())


def test_end_fork_during_a_request_takes_effect_after_it() -> None:
    async def run() -> None:
        async with serving(warm_up="sys.stdin.readline()") as client:
            forked, _ = await fork(client)
            client.process.send_signal(signal.SIGSTOP)
            warming = asyncio.create_task(client.warm_up(TIMEOUT))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            states = [client.warming]
            client.end_fork(forked.pid)
            client.process.send_signal(signal.SIGCONT)
            await warming
            states += [client.warm, client.warming]
            assert states == [True, True, False]
            until(lambda: not Path(f"/proc/{forked.pid}").exists())

    asyncio.run(run())


def test_the_warm_up_is_done_once_and_shared() -> None:
    async def run() -> None:
        async with serving() as client:
            await client.warm_up(TIMEOUT)
            await client.warm_up(TIMEOUT)
            _, state = await fork(client, warm_up=True)
            assert state["warmed"] == 1

    asyncio.run(run())


def test_a_warm_up_that_fails_leaves_a_fork_server_that_forks() -> None:
    async def run() -> None:
        async with serving(warm_up="raise ImportError('missing')") as client:
            _, state = await fork(client, warm_up=True)
            assert state["parent"] == client.process.pid

    asyncio.run(run())


def test_it_does_not_fork_while_it_has_threads() -> None:
    thread = "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"

    async def run() -> None:
        async with serving(before=thread) as client:
            with pytest.raises(ForkServerError, match="2 threads"):
                await fork(client)
            assert not client.ended

    asyncio.run(run())


@pytest.mark.parametrize("how", ["stop", "close", "killed"])
def test_its_forks_end_with_it(how: str) -> None:
    async def run() -> None:
        async with serving() as client:
            forked, _ = await fork(client)
            if how == "stop":
                await client.stop(TIMEOUT)
                assert client.process.returncode == 0
            elif how == "close":
                client.close()
            else:
                client.process.kill()
            until(lambda: not running(forked.pid))
            await client.process.wait()
            assert client.ended
            with pytest.raises(ForkServerError):
                await fork(client)

    asyncio.run(run())


def test_stop_kills_a_fork_server_that_does_not_end() -> None:
    async def run() -> None:
        async with serving() as client:
            await fork(client)
            client.process.send_signal(signal.SIGSTOP)
            await client.stop(0.01)
            assert client.process.returncode == -signal.SIGKILL

    asyncio.run(run())


def test_a_request_that_is_not_answered_in_time_ends_the_fork_server() -> None:
    async def run() -> None:
        async with serving() as client:
            await fork(client)
            client.process.send_signal(signal.SIGSTOP)
            with pytest.raises(ForkServerError, match="does not answer"):
                await client.warm_up(0.01)
            assert await client.process.wait() == -signal.SIGKILL
            assert not client.warm

    asyncio.run(run())


def test_a_request_that_is_cancelled_ends_the_fork_server() -> None:
    """Otherwise its answer would be read as that of the next request."""

    async def run() -> None:
        async with serving() as client:
            await fork(client)
            client.process.send_signal(signal.SIGSTOP)
            request = asyncio.create_task(client.warm_up(TIMEOUT))
            await asyncio.sleep(0)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert await client.process.wait() == -signal.SIGKILL

    asyncio.run(run())


def test_a_request_fails_when_the_fork_server_is_stopped_during_it() -> None:
    async def run() -> None:
        async with serving() as client:
            await fork(client)
            client.process.send_signal(signal.SIGSTOP)
            request = asyncio.create_task(client.warm_up(TIMEOUT))
            await asyncio.sleep(0)
            await client.stop(0.01)
            with pytest.raises(ForkServerError):
                await request

    asyncio.run(run())


def test_arguments_that_are_too_large_are_rejected_and_the_next_request_is_served() -> None:
    async def run() -> None:
        async with serving() as client:
            with pytest.raises(ForkServerError, match=f"{MAX_MESSAGE} are allowed"):
                await fork(client, text="x" * MAX_MESSAGE)
            _, state = await fork(client, text="x" * (MAX_MESSAGE - 1000))
            assert len(state["text"]) == MAX_MESSAGE - 1000

    asyncio.run(run())


def test_a_command_that_cannot_be_started_is_an_error() -> None:
    async def run() -> None:
        with pytest.raises(ForkServerError, match="cannot be started"):
            await ForkServerClient.start(["/nonexistent/program"], {})

    asyncio.run(run())


def test_another_program_in_its_place_is_an_error() -> None:
    """For example an older version that does not know the options."""

    async def run() -> None:
        client = await ForkServerClient.start([sys.executable, "-c", "raise SystemExit(2)"], {})
        with pytest.raises(ForkServerError):
            await client.warm_up(TIMEOUT)
        assert await client.process.wait() in (2, -signal.SIGKILL)

    asyncio.run(run())


def test_it_ends_if_a_message_cannot_be_read() -> None:
    async def run() -> None:
        async with serving() as client:
            await fork(client)
            client._control.send(b"\xff" * 8)
            assert await client.process.wait() == 1

    asyncio.run(run())


def test_core_processes_imports_the_standard_library_only() -> None:
    modules = [f"core.processes.{path.stem}" for path in (ROOT / "core" / "processes").glob("[a-z]*.py")]
    assert len(modules) == 4
    names = ", ".join(["core.openwhisk.action_server", *modules])
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {names}"
    # -I and -S: no installed packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
