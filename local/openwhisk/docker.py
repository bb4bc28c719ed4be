"""Actions as Docker containers, by the `docker` command, so with any engine that it can talk to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence

from core.openwhisk.action_server import CONCURRENT_VARIABLE, HOST_VARIABLE, KEY_VARIABLE, PORT_VARIABLE
from local.openwhisk.errors import MEMORY_EXHAUSTED, StartFailed
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.process import Pipes, Process, action_key, child_pid

log = logging.getLogger(__name__)

#: The label of all containers of one server; its value is the server's own id.
LABEL = "qwhisk.openwhisk"

#: The port on which an action container takes requests.
ACTION_PORT = 8080

#: Seconds that the engine has for an order.
_PATIENCE = 30.0

#: Seconds between looks whether a container takes requests.
_LOOK_EVERY = 0.02

#: Seconds that an answer to such a look may take.
_LOOK_FOR = 1.0

#: The status of a `docker run` that had no container to run.
_NOT_RUN = 125

#: What the shell does beside the server: it waits for the server's end, however that comes, and then removes
#: the server's containers, which the engine would keep running.
_SWEEP = """cat >/dev/null
left=$(docker ps --all --quiet --filter "label=$1")
[ -z "$left" ] || docker rm --force $left >/dev/null 2>&1
"""


class DockerProcess(Process):
    """A container, and the `docker run` that is attached to it."""

    #: The engine tidies up before `docker run` ends.
    exit_wait = 5.0

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        logs: Logs,
        key: str,
        name: str,
        image: str,
        host_port: int,
    ) -> None:
        super().__init__(child_pid(transport), logs, key)
        self._transport = transport
        self._name = name
        self._image = image
        self._port = host_port
        self._by_itself = False
        self.exited.add_done_callback(self._note)

    def _note(self, _: asyncio.Future[None]) -> None:
        self._by_itself = not self._killed

    @property
    def why_ended(self) -> str | None:
        """`docker run` ends with the container's status, or with its own."""
        status = self._transport.get_returncode()
        if status == _NOT_RUN:
            if self.logs.has("image"):
                return f"Failed to pull container image '{self._image}'."
            return "Failed to provision resources to run the action."
        # 128 and the number of SIGKILL; where it was not us, it was the kernel, for want of memory.
        if status == 128 + signal.SIGKILL and self._by_itself:
            return MEMORY_EXHAUSTED
        return None

    async def port(self, timeout: float) -> int | None:
        """See Process. An engine's proxy takes connections before the action does: answers count."""
        deadline = time.monotonic() + timeout
        while not self.exited.done():
            with contextlib.suppress(OSError, TimeoutError):
                if await _answers(self._port):
                    return self._port
            if time.monotonic() > deadline:
                raise StartFailed(f"The action's container was not ready after {timeout:g} s.")
            await asyncio.sleep(_LOOK_EVERY)
        return None

    async def _end(self) -> None:
        # Not `run --rm`: with some engines the status of the container is lost then.
        if self._transport.get_returncode() != _NOT_RUN:
            await order("rm", "--force", self._name)
        self._signal_group()

    async def _release(self) -> None:
        self._transport.close()


class Docker:
    """Starts containers. All of them end with this process."""

    def __init__(self, network: str, python_image: str) -> None:
        """
        Args:
            network: `--network` of the containers, or "" for the engine's default.
            python_image: the image of actions of a Python kind.
        """
        self._network = network
        self._python_image = python_image
        self._id = secrets.token_hex(8)
        self._count = 0
        self._sweeper: asyncio.subprocess.Process | None = None
        self._begin = asyncio.Lock()

    def expect(self, launch: Launch) -> None:
        """Nothing can be made ready."""

    async def start(self, launch: Launch) -> Process:
        """A new container of this launch.

        Raises:
            StartFailed: `docker` cannot be run.
        """
        self._count += 1
        name = f"openwhisk-{self._id}-{self._count}"
        port, key = _free_port(), action_key()
        logs = Logs(launch.logs, launch.concurrency > 1)
        try:
            async with self._begin:
                if self._sweeper is None:
                    self._sweeper = await asyncio.create_subprocess_exec(
                        "sh", "-c", _SWEEP, "sh", f"{LABEL}={self._id}",
                        stdin=asyncio.subprocess.PIPE,
                        start_new_session=True,
                    )  # fmt: skip
            transport, pipes = await asyncio.get_running_loop().subprocess_exec(
                lambda: Pipes(logs),
                *self._command(launch, name, port),
                stdin=asyncio.subprocess.DEVNULL,
                # `docker run` takes it from here; its arguments are for everybody to see.
                env={**os.environ, KEY_VARIABLE: key},
                start_new_session=True,
            )
        except OSError as exc:
            raise StartFailed(f"Failed to provision resources to run the action: {exc}") from exc
        process = DockerProcess(transport, logs, key, name, self._image(launch), port)
        pipes.attach(process)
        return process

    def _command(self, launch: Launch, name: str, port: int) -> Sequence[str]:
        if self._network == "host":
            where = [
                "--network",
                "host",
                "--env",
                f"{PORT_VARIABLE}={port}",
                "--env",
                f"{HOST_VARIABLE}=127.0.0.1",
            ]
        else:
            where = ["--publish", f"127.0.0.1:{port}:{ACTION_PORT}"]
            where += ["--network", self._network] if self._network else []
        memory = f"{launch.memory}m"
        variables = {"__OW_API_HOST": launch.environment["__OW_API_HOST"]}
        if launch.concurrency > 1:
            variables[CONCURRENT_VARIABLE] = "true"
        return [
            *("docker", "run", "--name", name, "--label", f"{LABEL}={self._id}"),
            *("--memory", memory, "--memory-swap", memory, "--pids-limit", "1024"),
            *("--cap-drop", "NET_RAW", "--cap-drop", "NET_ADMIN"),
            *where,
            *(part for key, value in variables.items() for part in ("--env", f"{key}={value}")),
            *("--env", KEY_VARIABLE),
            self._image(launch),
        ]

    def _image(self, launch: Launch) -> str:
        return launch.image or self._python_image

    async def close(self) -> None:
        """End what watches over the containers; they have been ended before."""
        if self._sweeper is not None and self._sweeper.stdin is not None:
            self._sweeper.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sweeper.wait(), _PATIENCE)


async def order(*arguments: str) -> int:
    """Run `docker`, say what it complains of, and return its exit code; bounded in time."""
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            _, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        complaint = b"no answer"
    status = process.returncode
    if status:
        log.warning("docker %s: %s", " ".join(arguments), complaint.decode("utf-8", "replace").strip()[:500])
    return 1 if status is None else status


async def _answers(port: int) -> bool:
    """Whether an HTTP server answers there, whatever it answers."""
    async with asyncio.timeout(_LOOK_FOR):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: action\r\nConnection: close\r\n\r\n")
            return bool(await reader.read(1))
        finally:
            writer.close()


def _free_port() -> int:
    """A port that is free now. Another may take it meanwhile; the container then does not start."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def unreachable() -> str | None:
    """None if `docker` reaches an engine, else what it says; for the start of the server."""
    try:
        ended = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    return None if ended.returncode == 0 else (ended.stderr.strip().splitlines() or ["no answer"])[-1]
