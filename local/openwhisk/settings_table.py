"""The table of the local OpenWhisk's settings."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from core.local_folder import LOCAL_FOLDER, OPENWHISK_KEY
from core.log import LOG_LEVEL
from core.settings import Kind, Setting, SettingsTable
from core.settings.kinds import (
    POSITIVE,
    TEXT,
    InvalidValueError,
    choice,
    integer,
    number,
)
from core.settings.openwhisk import WHISK_AUTH, WHISK_KEY
from core.settings.ports import OPENWHISK_PORT
from local.openwhisk.limits_table import LIMIT_ROWS

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

#: How an action's container is run.
PROCESS, DOCKER = "process", "docker"

#: How the server connects to a container.
PUBLISHED, NETWORK = "published", "network"

_COUNT = integer(1)


def _image_commands(text: str) -> dict[str, list[str]]:
    commands = {}
    for item in text.split("\0"):
        image, equals, command = item.partition("=")
        words = shlex.split(command)
        if not image or not equals or not words:
            raise InvalidValueError(f"{item[:100]!r} is not.")
        commands[image] = words
    return commands


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(" ", "").split(",")))


HOST = Setting("OPENWHISK_HOST", TEXT, "127.0.0.1", "address to listen on", "--host")
HOSTS = Setting(
    "OPENWHISK_HOSTS",
    TEXT,
    "",
    "names other than localhost and loopback addresses by which the server may be called, separated by "
    "commas; *: any",
    "--hosts",
    default_text="none on a loopback address, else IP addresses",
    common=True,
)
ORIGINS = Setting(
    "OPENWHISK_ORIGINS",
    TEXT,
    "",
    "origins whose pages may call the REST API, separated by commas; *: any",
    "--origins",
    common=True,
)
WEB_ORIGINS = Setting(
    "OPENWHISK_WEB_ORIGINS",
    TEXT,
    "",
    "origins whose pages may call web actions, separated by commas; *: any, as on OpenWhisk",
    "--web-origins",
    common=True,
)
AUTH = replace(
    WHISK_AUTH,
    kind=WHISK_KEY,
    default="",
    help="the key, user:password",
    flag="--auth",
    common=False,
    default_text=f"a random key, made once and kept in {OPENWHISK_KEY.name} in {LOCAL_FOLDER.name}",
)
NAMESPACE = Setting("OPENWHISK_NAMESPACE", TEXT, "guest", "namespace of the key", "--namespace")
IDLE_SECONDS = Setting(
    "OPENWHISK_IDLE_SECONDS", number(0), 600.0, "seconds after which an idle process ends", "--idle-seconds"
)
PREWARM = Setting(
    "OPENWHISK_PREWARM", integer(0), 0, "processes kept ready for each action from its PUT on", "--prewarm"
)
FORK_SERVER = Setting(
    "OPENWHISK_FORK_SERVER",
    integer(0),
    1,
    "1: fork action processes from one that has done the imports (Linux); 0: start each from scratch",
    "--fork-server",
)
GROW_AFTER = Setting(
    "OPENWHISK_GROW_AFTER",
    number(0),
    0.1,
    "seconds that an invocation waits for a busy process of its action before another process is started",
    "--grow-after",
)
START_TIMEOUT = Setting(
    "OPENWHISK_START_TIMEOUT", POSITIVE, 60.0, "seconds for a process to be ready", "--start-timeout"
)
BLOCKING_WAIT = Setting(
    "OPENWHISK_BLOCKING_WAIT",
    POSITIVE,
    60.0,
    "seconds after which a blocking invocation is answered 202",
    "--blocking-wait",
)
#: Seconds. More would exceed the time in which the server itself must end.
MAX_STOP_GRACE = 3
STOP_GRACE = Setting(
    "OPENWHISK_STOP_GRACE",
    number(0, MAX_STOP_GRACE),
    2.0,
    "seconds from SIGTERM to SIGKILL of a process",
    "--stop-grace",
)
ACTIVATIONS = Setting(
    "OPENWHISK_ACTIVATIONS", _COUNT, 10_000, "activation records that are kept", "--activations"
)
ACTIVATION_BYTES = Setting(
    "OPENWHISK_ACTIVATION_BYTES",
    _COUNT,
    128 * 1024 * 1024,
    "bytes of activation records that are kept",
    "--activation-bytes",
)
CONTAINERS = Setting(
    "OPENWHISK_CONTAINERS",
    choice(PROCESS, DOCKER),
    PROCESS,
    f"what actions run in: {PROCESS}, or {DOCKER} for containers of the engine that `docker` talks to",
    "--containers",
)
DOCKER_NETWORK = Setting(
    "OPENWHISK_DOCKER_NETWORK",
    TEXT,
    "",
    "network of the containers, such as host",
    "--docker-network",
    default_text="the engine's",
)
DOCKER_CONNECT = Setting(
    "OPENWHISK_DOCKER_CONNECT",
    choice(PUBLISHED, NETWORK),
    PUBLISHED,
    f"where the server connects to containers: {PUBLISHED}, a port of each on the loopback interface; or "
    f"{NETWORK}, its address on --docker-network, for a server that is in a container of that network itself",
    "--docker-connect",
)
PYTHON_IMAGE = Setting(
    "OPENWHISK_PYTHON_IMAGE",
    TEXT,
    "qwhisk/base",
    "image of the actions of a Python kind, with --containers docker",
    "--python-image",
)
IMAGE_COMMAND = Setting[dict[str, list[str]]](
    "",
    Kind("IMAGE=COMMAND", _image_commands, repeats=True),
    {},
    "the command that runs instead of an image, for example 'me/img=python -m mine'; may be repeated. The "
    "command gets PORT=0, QWHISK_ACTION_HOST (where to listen), QWHISK_READY_FD (where to write the port), "
    "and QWHISK_ACTION_KEY (the value of the header X-Qwhisk-Action-Key of every request)",
    "--image-command",
)
PASS_ENV = Setting(
    "OPENWHISK_PASS_ENV",
    Kind("patterns of names, separated by commas", _patterns),
    _patterns(PASSED),
    "patterns of the variables that action processes inherit, separated by commas",
    "--pass-env",
)
ACTIONS_PATH = Setting(
    "OPENWHISK_ACTIONS_PATH",
    TEXT,
    str(ROOT),
    "directory that holds the `actions` package",
    "--actions-path",
    default_text="the repository",
)
STATE = Setting(
    "OPENWHISK_STATE",
    TEXT,
    "",
    "folder that keeps entities and activations over a restart",
    "--state",
    default_text="none, they are in memory",
)

TABLE = SettingsTable(
    "python -m local.openwhisk",
    "Apache OpenWhisk's REST API on one machine. Actions run as processes with the interface of an action "
    "container. A flag takes precedence over its environment variable.",
    (
        HOST,
        OPENWHISK_PORT,
        HOSTS,
        ORIGINS,
        WEB_ORIGINS,
        AUTH,
        NAMESPACE,
        *LIMIT_ROWS,
        IDLE_SECONDS,
        PREWARM,
        FORK_SERVER,
        GROW_AFTER,
        START_TIMEOUT,
        BLOCKING_WAIT,
        STOP_GRACE,
        ACTIVATIONS,
        ACTIVATION_BYTES,
        CONTAINERS,
        DOCKER_NETWORK,
        DOCKER_CONNECT,
        PYTHON_IMAGE,
        IMAGE_COMMAND,
        PASS_ENV,
        ACTIONS_PATH,
        STATE,
        LOCAL_FOLDER,
        LOG_LEVEL,
    ),
)
