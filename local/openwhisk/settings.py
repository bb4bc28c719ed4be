"""The local OpenWhisk's settings, from the command line or from the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SettingsError
from core.local_folder import OPENWHISK_KEY, local_folder, make_private
from core.log import LOG_LEVEL
from core.origin import Allowed
from core.settings import Source, command_line
from core.settings.ports import OPENWHISK_PORT
from local.openwhisk import limits_table as limits
from local.openwhisk import settings_table as rows
from local.openwhisk.entities import LIMITS
from local.openwhisk.settings_table import DOCKER, NETWORK, ROOT

__all__ = ["DOCKER", "OpenWhiskSettings", "parse"]


@dataclass(frozen=True, slots=True)
class OpenWhiskSettings:
    """All settings of the server. Each row of `settings_table.TABLE` describes one."""

    host: str
    port: int
    auth: str = field(repr=False)
    #: Who may call the REST API, and who may call web actions.
    api: Allowed
    web: Allowed
    namespace: str
    max_processes: int
    max_per_action: int
    #: MB.
    memory: int
    max_waiting: int
    concurrent_invocations: int
    invocations_per_minute: int
    fires_per_minute: int
    #: Minimum and maximum of each limit of an action: milliseconds, MB, MB, activations.
    action_limits: dict[str, tuple[int, int]]
    idle_seconds: float
    prewarm: int
    fork_server: int
    #: Seconds, as the three below.
    grow_after: float
    start_timeout: float
    blocking_wait: float
    stop_grace: float
    activations: int
    activation_bytes: int
    containers: str
    docker_network: str
    docker_connect: str
    python_image: str
    image_commands: dict[str, list[str]] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    actions_path: Path = ROOT
    #: None: entities and activations are in memory only.
    state: Path | None = None
    log_level: str = LOG_LEVEL.read({})

    @classmethod
    def read(cls, source: Source) -> OpenWhiskSettings:
        """Read the settings.

        Args:
            source: variables, and flags without a variable, with their texts.

        Raises:
            SettingsError: a setting is wrong, or the machine's key cannot be read or made.
        """
        host = rows.HOST.read(source)
        max_processes = limits.MAX_PROCESSES.read(source)
        max_waiting = limits.MAX_WAITING.read(source)
        state = rows.STATE.read(source)
        return cls(
            host=host,
            port=OPENWHISK_PORT.read(source),
            api=_allowed(source, host, rows.ORIGINS.name),
            web=_allowed(source, host, rows.WEB_ORIGINS.name),
            namespace=rows.NAMESPACE.read(source),
            max_processes=max_processes,
            max_per_action=limits.MAX_PER_ACTION.read(source) or max_processes,
            memory=limits.MEMORY.read(source),
            max_waiting=max_waiting,
            concurrent_invocations=limits.CONCURRENT_INVOCATIONS.read(source) or max_processes + max_waiting,
            invocations_per_minute=limits.INVOCATIONS_PER_MINUTE.read(source),
            fires_per_minute=limits.FIRES_PER_MINUTE.read(source),
            action_limits={
                **LIMITS,
                "timeout": (LIMITS["timeout"][0], limits.MAX_ACTION_TIMEOUT.read(source)),
                "memory": (LIMITS["memory"][0], limits.MAX_ACTION_MEMORY.read(source)),
                "concurrency": (LIMITS["concurrency"][0], limits.MAX_ACTION_CONCURRENCY.read(source)),
            },
            idle_seconds=rows.IDLE_SECONDS.read(source),
            prewarm=rows.PREWARM.read(source),
            fork_server=rows.FORK_SERVER.read(source),
            grow_after=rows.GROW_AFTER.read(source),
            start_timeout=rows.START_TIMEOUT.read(source),
            blocking_wait=rows.BLOCKING_WAIT.read(source),
            stop_grace=rows.STOP_GRACE.read(source),
            activations=rows.ACTIVATIONS.read(source),
            activation_bytes=rows.ACTIVATION_BYTES.read(source),
            containers=rows.CONTAINERS.read(source),
            docker_network=rows.DOCKER_NETWORK.read(source),
            docker_connect=_connect(source),
            python_image=rows.PYTHON_IMAGE.read(source),
            image_commands=rows.IMAGE_COMMAND.read(source),
            pass_env=rows.PASS_ENV.read(source),
            actions_path=Path(rows.ACTIONS_PATH.read(source)).resolve(),
            state=Path(state).resolve() if state else None,
            log_level=LOG_LEVEL.read(source),
            # Last, so that a wrong setting makes no key.
            auth=rows.AUTH.read(source) or _local_key(source),
        )


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> OpenWhiskSettings:
    """Return the settings from command line, environment and defaults, in this order of precedence.

    Raises:
        SystemExit: an argument or a variable is wrong (status 2), or help was requested (status 0).
    """
    return command_line.parse(rows.TABLE, arguments, environment, OpenWhiskSettings.read)


def _allowed(source: Source, host: str, origins: str) -> Allowed:
    return Allowed.read(source, host, rows.HOSTS.name, origins, open_elsewhere=False)


def _connect(source: Source) -> str:
    """Return how to connect to containers. An address is looked up on a network, by its name."""
    connect = rows.DOCKER_CONNECT.read(source)
    network = rows.DOCKER_NETWORK.read(source)
    if connect == NETWORK and network in ("", "host", "none"):
        name = rows.DOCKER_CONNECT.name
        raise SettingsError(
            f"{name} is {connect}: set {rows.DOCKER_NETWORK.name} to the network's name.", variable=name
        )
    return connect


def _local_key(source: Source) -> str:
    folder = local_folder(source)
    make_private(folder)
    return OPENWHISK_KEY.key(folder)
