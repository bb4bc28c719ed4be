"""Ports and folders of the local stack, and the environment that each part gets."""

from __future__ import annotations

import errno
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local.errors import LocalError
from local.key import FILE, ROOT, folder_of, own_key, private_folder

LOOPBACK = "127.0.0.1"

#: The parts that actions talk to.
_FOR_ACTIONS = ("broker", "simulator")

#: Part, variable of its port, default.
_PORTS = {
    "broker": ("BROKER_PORT", 9092),
    "openwhisk": ("OPENWHISK_PORT", 3233),
    "simulator": ("SIMULATOR_PORT", 8090),
    "poller": ("POLLER_PORT", 8081),
    "gateway": ("GATEWAY_PORT", 8080),
}

#: The accounts of the person at the terminal are no business of the local stack, and nobody signs in to it.
_NOT_OURS = (
    "QISKIT_IBM_",
    "CLOUDANT_",
    "KAFKA_",
    "SIMULATOR_API",
    "WHISK_",
    "LOCAL_WHISK_",
    "GATEWAY_API_KEYS",
    "OIDC_",
)


@dataclass(frozen=True)
class LocalSettings:
    """One run of the stack. Secrets are made anew for each run and leave this process only to its parts."""

    ports: Mapping[str, int]
    #: Logs and, unless one is given, the config documents.
    folder: Path
    documents: Path
    #: A CouchDB that has the config documents instead; empty for none. Not `CLOUDANT_URL`, which may be set
    #: in the user's environment for something else.
    couchdb: str
    #: An OpenWhisk that runs the actions instead of one of this stack's own; empty for none. Not
    #: `WHISK_APIHOST`, for the same reason.
    whisk: str
    #: OpenWhisk's key: the one that was set, or this machine's own.
    whisk_auth: str = field(repr=False)
    #: Where broker and simulator listen, and where actions find them.
    address: str
    #: The user's own environment, for what this project does not set.
    env: Mapping[str, str] = field(repr=False)
    api_key: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(24))
    gateway_secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> LocalSettings:
        """LocalError where a port is not a number or a folder cannot be made."""
        folder = folder_of(env)
        private_folder(folder)
        documents = Path(env.get("CONFIG_FOLDER") or folder / "config")
        try:
            for made in (folder / "logs", documents):
                made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"cannot make {error.filename}: {error.strerror}. Set LOCAL_FOLDER.") from None
        whisk = _whisk(env)
        return cls(
            ports={name: _port(env, variable, default) for name, (variable, default) in _PORTS.items()},
            folder=folder,
            documents=documents,
            couchdb=env.get("LOCAL_COUCHDB_URL") or "",
            whisk=whisk,
            whisk_auth=_whisk_auth(env) or own_key(folder),
            address=env.get("LOCAL_ADDRESS") or LOOPBACK,
            env=env,
        )

    @property
    def own_key_file(self) -> Path | None:
        """The file with the key of the stack's own OpenWhisk; None where a key was set."""
        return None if _whisk_auth(self.env) else self.folder / FILE

    def clear(self) -> None:
        """Begin with empty logs, so that what a message quotes is of this run, and without old jobs.

        The broker has its topics in memory: nobody waits for a job of an earlier run.
        """
        for old in (*(self.folder / "logs").glob("*.log*"), *self.folder.glob("simulator.db*")):
            old.unlink(missing_ok=True)

    def url(self, part: str) -> str:
        """The part's address."""
        if part == "openwhisk" and self.whisk:
            return self.whisk
        return f"http://{self.host(part)}:{self.ports[part]}"

    def host(self, part: str) -> str:
        """The address on which the part listens."""
        return self.address if part in _FOR_ACTIONS else LOOPBACK

    def check_ports(self) -> None:
        """LocalError names the first port that is taken and the variable that moves it."""
        for name, port in self.ports.items():
            if name == "openwhisk" and self.whisk:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.host(name), port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise LocalError(
                            f"the {name} cannot listen on {self.host(name)}:{port}: {error.strerror}. "
                            "Set LOCAL_ADDRESS to an address of this machine."
                        ) from None
                    raise LocalError(
                        f"port {port} (of the {name}) is in use. End what uses it, or set {_PORTS[name][0]}."
                    ) from None

    def bound(self) -> dict[str, str]:
        """What is bound to the actions as parameters: where to submit and where to publish."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"{self.address}:{self.ports['broker']}",
            "KAFKA_FETCH_WAIT_MAX_MS": "10",
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            # Each partition costs the broker something at every fetch, and two pollers are enough here.
            "KAFKA_PARTITIONS": "2",
            "SIMULATOR_URL": self.url("simulator"),
            "SIMULATOR_API_KEY": self.api_key,
        }

    def part_env(self) -> dict[str, str]:
        """The environment of the parts that the supervisor starts."""
        # Where a part's own address lies it decides by its variable; all stay on the loopback interface.
        ports = {variable: str(self.ports[name]) for name, (variable, _) in _PORTS.items()}
        inherited = {key: value for key, value in self.env.items() if not key.startswith(_NOT_OURS)}
        return (
            inherited
            | ports
            | self.bound()
            | {
                "NO_PROXY": _no_proxy(self.env.get("NO_PROXY"), self.address),
                "no_proxy": _no_proxy(self.env.get("no_proxy"), self.address),
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": str(ROOT),
                "CONFIG_FOLDER": str(self.documents),
                "RESULTS_FOLDER": str(self.folder / "large"),
                "WHISK_APIHOST": self.url("openwhisk"),
                "WHISK_AUTH": self.whisk_auth,
                "SIMULATOR_HOST": self.address,
                # By it actions in containers call.
                "SIMULATOR_HOSTS": _names(self.env.get("SIMULATOR_HOSTS"), self.address),
                "OPENWHISK_HOSTS": _names(self.env.get("OPENWHISK_HOSTS"), self.address),
                "GATEWAY_SECRET": self.gateway_secret,
            }
            | ({"CLOUDANT_URL": self.couchdb} if self.couchdb else {})
        )


def _whisk(env: Mapping[str, str]) -> str:
    given = (env.get("LOCAL_WHISK_APIHOST") or "").rstrip("/")
    if given and "://" not in given:
        given = f"https://{given}"
    if given and (urlsplit(given).scheme not in ("http", "https") or not urlsplit(given).hostname):
        raise LocalError(
            f"LOCAL_WHISK_APIHOST must be an address such as https://whisk.example.com, not {given!r}."
        )
    if given and ":" not in (env.get("LOCAL_WHISK_AUTH") or ""):
        raise LocalError(
            "LOCAL_WHISK_AUTH must be the key of the OpenWhisk at LOCAL_WHISK_APIHOST, user:password."
        )
    return given


def _whisk_auth(env: Mapping[str, str]) -> str:
    """The key that was set; "" for none."""
    given = env.get("LOCAL_WHISK_AUTH") or ""
    if given and ":" not in given:
        raise LocalError("LOCAL_WHISK_AUTH must be an OpenWhisk key, user:password.")
    return given


def _names(given: str | None, address: str) -> str:
    """The names of a service, with the address at which actions find this machine."""
    return ",".join(filter(None, [given, address]))


def _no_proxy(given: str | None, address: str) -> str:
    return ",".join(filter(None, [given, LOOPBACK, "localhost", address if address != LOOPBACK else ""]))


def _port(env: Mapping[str, str], variable: str, default: int) -> int:
    raw = env.get(variable) or str(default)
    if not raw.isdecimal() or not 1 <= int(raw) <= 65_535:
        raise LocalError(f"{variable} must be a port from 1 to 65535, not {raw!r}.")
    return int(raw)


def python() -> str:
    """The interpreter that runs the parts: the one that runs this."""
    return sys.executable
