"""What can be set, by option or by environment variable."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SettingsError
from core.origin import Allowed
from local.errors import LocalError
from local.key import FILE, folder_of, own_key, private_folder

#: The variables of this server's environment that action processes see. A container would see none of them;
#: these are what a process needs to run on this machine, and the project's own settings. The server's key is
#: not among them.
PASSED = (
    "PATH,HOME,USER,LANG,LC_*,TZ,PYTHON*,VIRTUAL_ENV,LD_LIBRARY_PATH,DYLD_*,SSL_CERT_*,REQUESTS_CA_BUNDLE,"
    "HTTP_PROXY,HTTPS_PROXY,NO_PROXY,http_proxy,https_proxy,no_proxy,"
    "OMP_*,OPENBLAS_*,MKL_*,RAYON_*,QWHISK_*,QISKIT_*,SIMULATOR_*,IBM_*,IAM_*,KAFKA_*,USAGE_DATA_*"
)

#: The directory that holds the `actions` package, put on the Python path of action processes.
ROOT = Path(__file__).resolve().parents[2]

#: What stands for an action's container.
PROCESS, DOCKER = "process", "docker"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; see `--help` for what each one means."""

    host: str
    port: int
    auth: str = field(repr=False)
    #: Who may call the REST API, and who may call web actions.
    api: Allowed
    web: Allowed
    namespace: str
    max_processes: int
    max_per_action: int
    memory: int
    max_waiting: int
    invocations_per_minute: int
    fires_per_minute: int
    idle_seconds: float
    prewarm: int
    fork_server: int
    grow_after: float
    start_timeout: float
    blocking_wait: float
    stop_grace: float
    activations: int
    activation_bytes: int
    containers: str
    docker_network: str
    python_image: str
    image_commands: dict[str, list[str]] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    actions_path: Path = ROOT
    state: Path | None = None


#: Options that are lists, separated by commas: name, variable, what it is.
_LISTS = (
    ("hosts", "OPENWHISK_HOSTS", "names beside localhost by which this server may be called; *: any"),
    ("origins", "OPENWHISK_ORIGINS", "origins whose pages may call the REST API; default: none"),
    (
        "web-origins",
        "OPENWHISK_WEB_ORIGINS",
        "origins whose pages may call web actions; *: any, as on OpenWhisk; default: none",
    ),
)


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    variable: str
    kind: type
    default: str
    help: str

    def read(self, text: str) -> object:
        """The value; an error names the variable, which may be where it is from."""
        try:
            return self.kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"[{self.variable}] {text!r} is not a number") from error


def _options() -> list[_Option]:
    cores = os.cpu_count() or 1
    processes = str(max(16, 8 * cores))
    return [
        _Option("host", "OPENWHISK_HOST", str, "127.0.0.1", "address to listen on"),
        _Option(
            "port", "OPENWHISK_PORT", int, "3233", "port to listen on; 0 takes a free one and says which"
        ),
        _Option("namespace", "OPENWHISK_NAMESPACE", str, "guest", "the namespace of the key"),
        _Option("max-processes", "OPENWHISK_MAX_PROCESSES", int, processes, "action processes in all"),
        _Option(
            "max-per-action", "OPENWHISK_MAX_PER_ACTION", int, "0", "processes of one action; 0: as many"
        ),
        _Option(
            "memory",
            "OPENWHISK_MEMORY",
            int,
            str(_machine_memory() // 2),
            "MB that the memory limits of the actions with a process may add up to; half of the machine's",
        ),
        _Option("max-waiting", "OPENWHISK_MAX_WAITING", int, "200", "invocations that may wait; then 429"),
        _Option(
            "invocations-per-minute",
            "OPENWHISK_INVOCATIONS_PER_MINUTE",
            int,
            "100000",
            "invocations that a minute may have; then 429",
        ),
        _Option(
            "fires-per-minute",
            "OPENWHISK_FIRES_PER_MINUTE",
            int,
            "100000",
            "trigger fires that a minute may have; then 429",
        ),
        _Option("idle-seconds", "OPENWHISK_IDLE_SECONDS", float, "600", "an idle process ends after this"),
        _Option("prewarm", "OPENWHISK_PREWARM", int, "0", "processes kept ready for each action from PUT on"),
        _Option(
            "fork-server",
            "OPENWHISK_FORK_SERVER",
            int,
            "1",
            "1: fork action processes from one that has the imports behind it (Linux); 0: start each anew",
        ),
        _Option(
            "grow-after",
            "OPENWHISK_GROW_AFTER",
            float,
            "0.1",
            "seconds an invocation waits for a busy process of its action before another is started",
        ),
        _Option("start-timeout", "OPENWHISK_START_TIMEOUT", float, "60", "seconds for a process to be ready"),
        _Option(
            "blocking-wait", "OPENWHISK_BLOCKING_WAIT", float, "60", "seconds until blocking becomes 202"
        ),
        _Option(
            "stop-grace", "OPENWHISK_STOP_GRACE", float, "2", "seconds from SIGTERM to SIGKILL of a process"
        ),
        _Option("activations", "OPENWHISK_ACTIVATIONS", int, "10000", "activation records kept"),
        _Option(
            "containers",
            "OPENWHISK_CONTAINERS",
            str,
            PROCESS,
            f"what actions run in: {PROCESS}, or {DOCKER}, for containers of the engine `docker` talks to",
        ),
        _Option(
            "docker-network",
            "OPENWHISK_DOCKER_NETWORK",
            str,
            "",
            "network of the containers, such as host; default: the engine's own",
        ),
        _Option(
            "python-image",
            "OPENWHISK_PYTHON_IMAGE",
            str,
            "qwhisk/base",
            "image of the actions of a Python kind, where they are containers",
        ),
        _Option(
            "activation-bytes",
            "OPENWHISK_ACTIVATION_BYTES",
            int,
            str(128 * 1024 * 1024),
            "bytes of them kept",
        ),
    ]


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Settings from command line, environment and defaults, in this order; exits with usage on wrong ones."""
    options = _options()
    parser = argparse.ArgumentParser(
        prog="python -m local.openwhisk",
        description="Apache OpenWhisk's REST API on one machine. Actions run as processes that speak what an "
        "action container speaks.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for option in options:
        parser.add_argument(
            f"--{option.name}",
            type=option.read,
            default=environment.get(option.variable) or option.default,
            help=f"{option.help} [{option.variable}]",
        )
    parser.add_argument(
        "--auth",
        help="the key, user:password [WHISK_AUTH]; default: a key of this machine's own, made once and kept "
        f"in {FILE} in the folder LOCAL_FOLDER",
    )
    for name, variable, text in _LISTS:
        parser.add_argument(f"--{name}", default=environment.get(variable) or "", help=f"{text} [{variable}]")
    parser.add_argument(
        "--image-command",
        action="append",
        default=[],
        metavar="IMAGE=COMMAND",
        help="the command that stands for an image, e.g. 'me/img=python -m mine'; may be repeated. "
        "PORT=0, QWHISK_ACTION_HOST and QWHISK_READY_FD tell it where to listen and whom to tell the port; "
        "QWHISK_ACTION_KEY is what the header X-Qwhisk-Action-Key of every request has",
    )
    parser.add_argument(
        "--pass-env",
        default=environment.get("OPENWHISK_PASS_ENV") or PASSED,
        help="patterns of the variables that action processes inherit [OPENWHISK_PASS_ENV]",
    )
    parser.add_argument(
        "--actions-path",
        type=Path,
        default=Path(environment.get("OPENWHISK_ACTIONS_PATH") or ROOT),
        help="the directory that holds the `actions` package [OPENWHISK_ACTIONS_PATH]",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=environment.get("OPENWHISK_STATE") or None,
        help="the folder that keeps entities and activations over a restart [OPENWHISK_STATE]; "
        "default: none, they are in memory only",
    )
    given = parser.parse_args(arguments)
    auth = given.auth or environment.get("WHISK_AUTH") or ""
    if auth and ":" not in auth:
        parser.error("--auth (WHISK_AUTH) must be user:password")
    for name in (
        "max_processes",
        "memory",
        "max_waiting",
        "invocations_per_minute",
        "fires_per_minute",
        "activations",
        "activation_bytes",
    ):
        if getattr(given, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if given.containers not in (PROCESS, DOCKER):
        parser.error(f"--containers must be {PROCESS} or {DOCKER}, not {given.containers!r}")
    for name in ("port", "max_per_action", "prewarm", "fork_server", "grow_after", "idle_seconds"):
        if getattr(given, name) < 0:
            parser.error(f"--{name.replace('_', '-')} must not be negative")
    if given.port > 65535:
        parser.error("--port must be at most 65535")
    if not 0 <= given.stop_grace <= 3:
        parser.error("--stop-grace must be from 0 to 3, so that the server itself ends in time")
    if given.start_timeout <= 0 or given.blocking_wait <= 0:
        parser.error("--start-timeout and --blocking-wait must be positive")
    commands = _commands(parser, given.image_command)
    try:
        api, web = (_allowed(given, origins) for origins in ("origins", "web_origins"))
        # Last: a wrong option makes no key.
        auth = auth or _own_key(environment)
    except (SettingsError, LocalError) as error:
        parser.error(str(error))
    return Settings(
        **{option.name.replace("-", "_"): getattr(given, option.name.replace("-", "_")) for option in options}
        | {"max_per_action": given.max_per_action or given.max_processes},
        auth=auth,
        api=api,
        web=web,
        image_commands=commands,
        pass_env=tuple(pattern for pattern in given.pass_env.replace(" ", "").split(",") if pattern),
        actions_path=given.actions_path.resolve(),
        state=Path(given.state).resolve() if given.state else None,
    )


def _allowed(given: argparse.Namespace, origins: str) -> Allowed:
    variables = {name.replace("-", "_"): variable for name, variable, _ in _LISTS}
    values = {variable: getattr(given, name) for name, variable in variables.items()}
    return Allowed.read(values, given.host, variables["hosts"], variables[origins], open_elsewhere=False)


def _own_key(environment: Mapping[str, str]) -> str:
    folder = folder_of(environment)
    private_folder(folder)
    return own_key(folder)


def _commands(parser: argparse.ArgumentParser, given: list[str]) -> dict[str, list[str]]:
    commands = {}
    for item in given:
        image, equals, command = item.partition("=")
        words = shlex.split(command)
        if not image or not equals or not words:
            parser.error(f"--image-command must be IMAGE=COMMAND, not {item!r}")
        commands[image] = words
    return commands


def _machine_memory() -> int:
    """The machine's memory in MB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    except (ValueError, OSError):
        return 8192
