"""The local stack's settings."""

from __future__ import annotations

import errno
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.local_folder import LOCAL_FOLDER, OPENWHISK_KEY, ROOT, SIMULATOR_KEY, local_folder, make_private
from core.settings import Setting, SettingsTable, Source
from core.settings.kinds import PORT, SWITCH, TEXT, pattern
from core.settings.openwhisk import WHISK_ADDRESS, WHISK_KEY
from core.settings.pooling import POOL_BACKEND_TYPES
from core.settings.ports import GATEWAY_PORT, OPENWHISK_PORT, POLLER_PORT, SIMULATOR_PORT
from core.settings.stores import CONFIG_FOLDER
from local.errors import LocalError

LOOPBACK = "127.0.0.1"


def _port(row: Setting[int], part: str) -> Setting[int]:
    """Return the row for the stack, where the port must be known and has no flag."""
    return replace(row, kind=PORT, flag="", help=f"port of {part}")


#: The port of each part.
PORTS = {
    "broker": Setting("BROKER_PORT", PORT, 9092, "port of the broker", common=True),
    "openwhisk": _port(OPENWHISK_PORT, "the local OpenWhisk"),
    "simulator": _port(SIMULATOR_PORT, "the simulator"),
    "poller": _port(POLLER_PORT, "the poller"),
    "gateway": _port(GATEWAY_PORT, "the gateway"),
}
DOCUMENTS = replace(
    CONFIG_FOLDER, default="", help="folder with the config documents", default_text="config in LOCAL_FOLDER"
)
#: Not `CLOUDANT_URL`, which the user's environment may have for something else.
COUCHDB_URL = Setting(
    "LOCAL_COUCHDB_URL", TEXT, "", "CouchDB that gets the config documents, instead of a folder", common=True
)
#: Not `WHISK_APIHOST`, for the same reason.
WHISK_APIHOST = Setting(
    "LOCAL_WHISK_APIHOST",
    WHISK_ADDRESS,
    "",
    "OpenWhisk that runs the actions, instead of the local one",
    common=True,
)
WHISK_AUTH = Setting(
    "LOCAL_WHISK_AUTH",
    WHISK_KEY,
    "",
    f"OpenWhisk's key, user:password; required with {WHISK_APIHOST.name}",
    secret=True,
    default_text=f"a random key, made once and kept in {OPENWHISK_KEY.name} in {LOCAL_FOLDER.name}",
    common=True,
)
ADDRESS = Setting(
    "LOCAL_ADDRESS", TEXT, LOOPBACK, "address at which actions find the broker and the simulator", common=True
)
MANIFEST_FILE = Setting(
    "MANIFEST",
    TEXT,
    str(ROOT / "manifest.yaml"),
    "manifest with the actions and their images",
    "--manifest",
    default_text="manifest.yaml in the repository",
)
IMAGE_TAG = Setting(
    "IMAGE_TAG",
    pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag of an image, such as 0.1.0"),
    "",
    "tag of the actions' images without one in the manifest; OpenWhisk pulls untagged images at each start",
    common=True,
)
DEMO = Setting("", SWITCH, False, "run the demo job once everything is up", "--demo")
ONCE = Setting("", SWITCH, False, "end after the demo job; status 0 if its result was right", "--once")

TABLE = SettingsTable(
    "python -m local",
    "Runs broker, OpenWhisk API, simulator, poller and gateway on this machine, until Ctrl-C.",
    (
        DEMO,
        ONCE,
        *PORTS.values(),
        LOCAL_FOLDER,
        DOCUMENTS,
        COUCHDB_URL,
        WHISK_APIHOST,
        WHISK_AUTH,
        ADDRESS,
        MANIFEST_FILE,
        IMAGE_TAG,
    ),
)

#: The parts that actions connect to.
_FOR_ACTIONS = ("broker", "simulator")


@dataclass(frozen=True)
class LocalSettings:
    """One run of the stack. `local.environments` says who gets its secrets."""

    ports: Mapping[str, int]
    #: Logs, keys, state and, by default, the config documents.
    folder: Path
    documents: Path
    #: Empty: the documents are in the folder.
    couchdb: str
    #: Empty: the stack has its own OpenWhisk.
    whisk: str
    whisk_auth: str = field(repr=False)
    #: The file with `whisk_auth`; None if the key was set.
    key_file: Path | None
    #: Where broker and simulator listen, and where actions find them.
    address: str
    #: The manifest that is deployed, and the tag of its images that have none; "" for none.
    manifest: Path
    image_tag: str
    #: The user's environment, of which the parts inherit some variables.
    env: Mapping[str, str] = field(repr=False)
    #: The simulator's key. A file in the folder has it too, for the user's own programs.
    api_key: str = field(repr=False)
    gateway_secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))

    @classmethod
    def from_env(cls, env: Source) -> LocalSettings:
        """Read the settings, and create the folders.

        Raises:
            SettingsError: a setting is missing or wrong.
            LocalError: a folder cannot be created.
        """
        folder = local_folder(env)
        make_private(folder)
        documents = Path(DOCUMENTS.read(env) or folder / "config")
        try:
            for path in (folder / "logs", documents):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"Cannot create {error.filename}: {error.strerror}. Set LOCAL_FOLDER.") from None
        whisk = WHISK_APIHOST.read(env)
        key = WHISK_AUTH.require(env) if whisk else WHISK_AUTH.read(env)
        return cls(
            ports={part: row.read(env) for part, row in PORTS.items()},
            folder=folder,
            documents=documents,
            couchdb=COUCHDB_URL.read(env),
            whisk=whisk,
            whisk_auth=key or OPENWHISK_KEY.key(folder),
            key_file=None if key else OPENWHISK_KEY.path(folder),
            address=ADDRESS.read(env),
            manifest=manifest_file(env),
            image_tag=IMAGE_TAG.read(env),
            env=env,
            api_key=SIMULATOR_KEY.key(folder),
        )

    def clear(self) -> None:
        """Delete logs and jobs of earlier runs.

        Messages then quote the log of this run only. The broker's topics are in memory, so no client waits
        for a job of an earlier run.
        """
        for path in (*(self.folder / "logs").glob("*.log*"), *self.folder.glob("simulator.db*")):
            # A lock that is deleted locks nothing: a process that holds it would not be noticed.
            if path.suffix != ".lock":
                path.unlink(missing_ok=True)

    def url(self, part: str) -> str:
        """Return the address of a part."""
        if part == "openwhisk" and self.whisk:
            return self.whisk
        return f"http://{self.host(part)}:{self.ports[part]}"

    def host(self, part: str) -> str:
        """Return the address on which a part listens."""
        return self.address if part in _FOR_ACTIONS else LOOPBACK

    def check_ports(self) -> None:
        """Check that each part can listen on its port.

        Raises:
            LocalError: a port is in use, or the address is not one of this machine.
        """
        for part in self.ports:
            if part != "openwhisk" or not self.whisk:
                self.check_port(part)

    def check_port(self, part: str) -> None:
        """Check that one part can listen on its port.

        Raises:
            LocalError: the port is in use, or the address is not one of this machine.
        """
        port = self.ports[part]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host(part), port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise LocalError(
                        f"The {part} cannot listen on {self.host(part)}:{port}: {error.strerror}. Set "
                        "LOCAL_ADDRESS to an address of this machine."
                    ) from None
                raise LocalError(
                    f"Port {port} (of the {part}) is in use. End the program that uses it, or set "
                    f"{PORTS[part].name}."
                ) from None

    def kafka(self) -> dict[str, str]:
        """Return the settings with which parts and actions reach the broker."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"{self.address}:{self.ports['broker']}",
            "KAFKA_FETCH_WAIT_MAX_MS": "10",
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            # The local broker has no other one.
            "KAFKA_GROUP_PROTOCOL": "classic",
            # Each partition adds to the broker's work at every fetch, and two pollers are enough here.
            "KAFKA_PARTITIONS": "2",
        }

    def provider(self) -> dict[str, str]:
        """Return the settings with which the poller and actions reach the simulator."""
        return {"SIMULATOR_URL": self.url("simulator"), "SIMULATOR_API_KEY": self.api_key}

    def bound(self) -> dict[str, str]:
        """Return the settings that are bound to the actions: where they submit and where they publish."""
        pooled = self.env.get(POOL_BACKEND_TYPES.name)
        return self.kafka() | self.provider() | ({POOL_BACKEND_TYPES.name: pooled} if pooled else {})


def manifest_file(source: Source) -> Path:
    """Return the manifest's path.

    Raises:
        SettingsError: there is no such file.
    """
    path = Path(MANIFEST_FILE.read(source)).resolve()
    if not path.is_file():
        raise MANIFEST_FILE.error(f"must be a file; there is no file {path}.")
    return path


def python() -> str:
    """Return the interpreter that runs the parts: the one that runs this process."""
    return sys.executable
