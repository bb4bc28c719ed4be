"""Actions as Docker containers, started by the `docker` command with any engine that it supports."""

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
from local.openwhisk.errors import MEMORY_EXHAUSTED, NO_RESOURCES, StartFailed
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.process import LOOPBACK, Address, Process, action_key
from local.openwhisk.settings_table import PUBLISHED
from local.openwhisk.spawned import Pipes, child_pid

log = logging.getLogger(__name__)

#: The label of all containers of one server. Its value is a random id of the server.
LABEL = "qwhisk.openwhisk"

#: The port on which an action container accepts requests.
ACTION_PORT = 8080

#: Seconds that a `docker` command may take.
_COMMAND_TIMEOUT = 30.0

#: Seconds between checks whether a container accepts requests.
_CHECK_INTERVAL = 0.02

#: Seconds that the response to such a check may take.
_CHECK_TIMEOUT = 1.0

#: The exit status of a `docker run` that could not start a container.
_NOT_RUN = 125

#: The script of a shell that runs next to the server. It waits until the server ends, even if it is killed,
#: and removes the server's containers, which the engine would keep running.
_CLEAN_UP = """cat >/dev/null
left=$(docker ps --all --quiet --filter "label=$1")
[ -z "$left" ] || docker rm --force $left >/dev/null 2>&1
"""


class DockerProcess(Process):
    """A container and the `docker run` that is attached to it."""

    #: The engine cleans up before `docker run` ends.
    exit_wait = 5.0

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        logs: Logs,
        key: str,
        name: str,
        image: str,
        address: Address | None,
        network: str,
    ) -> None:
        super().__init__(child_pid(transport), logs, key)
        self._transport = transport
        self._name = name
        self._image = image
        #: None: it is the container's own on the network.
        self._address = address
        self._network = network
        self._unexpected = False
        self.exited.add_done_callback(self._note)

    def _note(self, _: asyncio.Future[None]) -> None:
        self._unexpected = not self._killed

    @property
    def why_ended(self) -> str | None:
        """The reason, from the exit status of `docker run`, which is the container's or its own."""
        status = self._transport.get_returncode()
        if status == _NOT_RUN:
            if self.logs.has("image"):
                return f"Failed to pull container image '{self._image}'."
            return NO_RESOURCES
        # 128 plus the number of SIGKILL. If this server did not kill it, the kernel did, for lack of memory.
        if status == 128 + signal.SIGKILL and self._unexpected:
            return MEMORY_EXHAUSTED
        return None

    async def address(self, timeout: float) -> Address | None:
        """See `Process`. Only a response counts, since an engine's proxy accepts connections earlier."""
        deadline = time.monotonic() + timeout
        while not self.exited.done():
            address = self._address or await self._own_address()
            with contextlib.suppress(OSError, TimeoutError):
                if address is not None and await _responds(*address):
                    return address
            if time.monotonic() > deadline:
                raise StartFailed(f"The action's container was not ready after {timeout:g} s.")
            await asyncio.sleep(_CHECK_INTERVAL)
        return None

    async def _own_address(self) -> Address | None:
        """Return the container's address on the network, or None if it has none yet."""
        template = (
            f'{{{{with index .NetworkSettings.Networks "{self._network}"}}}}{{{{.IPAddress}}}}{{{{end}}}}'
        )
        status, output, _ = await _run("inspect", "--format", template, self._name)
        host = output.decode("utf-8", "replace").strip()
        return (host, ACTION_PORT) if status == 0 and host else None

    async def _end(self) -> None:
        # Not `run --rm`, with which some engines lose the exit status of the container.
        if self._transport.get_returncode() != _NOT_RUN:
            await docker("rm", "--force", self._name)
        self._signal_group()

    async def _release(self) -> None:
        self._transport.close()


class Docker:
    """Starts containers. They all end with this process.

    Args:
        network: `--network` of the containers, or "" for the engine's default.
        connect: how the server connects to them: `PUBLISHED` or `NETWORK`.
        python_image: the image for actions of a Python kind.
    """

    def __init__(self, network: str, connect: str, python_image: str) -> None:
        self._network = network
        self._published = connect == PUBLISHED
        self._python_image = python_image
        self._id = secrets.token_hex(8)
        self._count = 0
        self._cleaner: asyncio.subprocess.Process | None = None
        self._cleaner_lock = asyncio.Lock()

    def expect(self, launch: Launch) -> None:
        """Do nothing: containers need no preparation."""

    async def start(self, launch: Launch) -> Process:
        """Start a container.

        Args:
            launch: what to start.

        Raises:
            StartFailed: `docker` cannot be run.
        """
        self._count += 1
        name = f"openwhisk-{self._id}-{self._count}"
        port = _free_port() if self._published else ACTION_PORT
        key = action_key()
        logs = Logs(launch.logs, launch.concurrency > 1)
        try:
            async with self._cleaner_lock:
                if self._cleaner is None:
                    self._cleaner = await asyncio.create_subprocess_exec(
                        "sh", "-c", _CLEAN_UP, "sh", f"{LABEL}={self._id}",
                        stdin=asyncio.subprocess.PIPE,
                        start_new_session=True,
                    )  # fmt: skip
            transport, pipes = await asyncio.get_running_loop().subprocess_exec(
                lambda: Pipes(logs),
                *self._command(launch, name, port),
                stdin=asyncio.subprocess.DEVNULL,
                # `docker run` reads the key from its environment. All users can see its arguments.
                env={**os.environ, KEY_VARIABLE: key},
                start_new_session=True,
            )
        except OSError as exc:
            raise StartFailed(f"{NO_RESOURCES} {exc}") from exc
        address = (LOOPBACK, port) if self._published else None
        process = DockerProcess(transport, logs, key, name, self._image(launch), address, self._network)
        pipes.attach(process)
        return process

    def _command(self, launch: Launch, name: str, port: int) -> Sequence[str]:
        if self._network == "host":
            network = [
                "--network",
                "host",
                "--env",
                f"{PORT_VARIABLE}={port}",
                "--env",
                f"{HOST_VARIABLE}={LOOPBACK}",
            ]
        else:
            network = ["--publish", f"{LOOPBACK}:{port}:{ACTION_PORT}"] if self._published else []
            network += ["--network", self._network] if self._network else []
        memory = f"{launch.memory}m"
        variables = {"__OW_API_HOST": launch.environment["__OW_API_HOST"]}
        if launch.concurrency > 1:
            variables[CONCURRENT_VARIABLE] = "true"
        return [
            *("docker", "run", "--name", name, "--label", f"{LABEL}={self._id}"),
            *("--memory", memory, "--memory-swap", memory, "--pids-limit", "1024"),
            *("--cap-drop", "NET_RAW", "--cap-drop", "NET_ADMIN"),
            *network,
            *(part for key, value in variables.items() for part in ("--env", f"{key}={value}")),
            *("--env", KEY_VARIABLE),
            self._image(launch),
        ]

    def _image(self, launch: Launch) -> str:
        return launch.image or self._python_image

    async def close(self) -> None:
        """End the shell that removes the containers. They must have been ended before."""
        if self._cleaner is not None and self._cleaner.stdin is not None:
            self._cleaner.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cleaner.wait(), _COMMAND_TIMEOUT)


async def docker(*arguments: str) -> int:
    """Run `docker` with a time limit, and log its error output.

    Args:
        arguments: of the command.

    Returns:
        Its exit code; 1 if it took too long.
    """
    status, _, error = await _run(*arguments)
    if status:
        log.warning("docker %s: %s", " ".join(arguments), error.decode("utf-8", "replace").strip()[:500])
    return 1 if status is None else status


async def _run(*arguments: str) -> tuple[int | None, bytes, bytes]:
    """Run `docker` with a time limit.

    Args:
        arguments: of the command.

    Returns:
        Its exit code, not 0 if it took too long, and its outputs.
    """
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_COMMAND_TIMEOUT):
            output, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return process.returncode, b"", b"no response"
    return process.returncode, output, error


async def _responds(host: str, port: int) -> bool:
    """Return whether an HTTP server responds at an address."""
    async with asyncio.timeout(_CHECK_TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: action\r\nConnection: close\r\n\r\n")
            return bool(await reader.read(1))
        finally:
            writer.close()


def _free_port() -> int:
    """Return a free port. If another process binds it meanwhile, the container does not start."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def unreachable() -> str | None:
    """Return None if `docker` reaches an engine, otherwise its error."""
    try:
        ended = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    return None if ended.returncode == 0 else (ended.stderr.strip().splitlines() or ["no response"])[-1]
