"""Services of the compose file with one common network; Kafka, CouchDB and OpenWhisk run outside containers.

A registry with the images of those three may be unavailable: real Kafka runs from its jars, CouchDB's API is
served by `pouchdb-server`, OpenWhisk's by the local one. All have the addresses of the compose file.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import requests

from testkit import apache_kafka
from testkit.couchdb import server as couchdb
from testkit.processes import end
from testkit.stack import ROOT, wait_for
from tests.images import compose
from tests.images.engine import docker

#: The settings that an operator makes, as in docs/deploy.md.
SECRETS = ("COUCHDB_PASSWORD", "SIMULATOR_API_KEY", "GATEWAY_SECRET")
PARTS = {"simulator": 8090, "poller": 8081, "gateway": 8080}
#: Seconds for a service to start, on a machine that is busy with others.
START_TIMEOUT = 120.0


class Pod:
    """A container that only has a network, which all the others share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values = {name: secrets.token_hex(24) for name in SECRETS}
        self.values |= {"WHISK_AUTH": f"{secrets.token_hex(8)}:{secrets.token_hex(16)}"}
        self.name = f"qwhisk-test-{uuid.uuid4().hex[:12]}"
        self._cleanup = ExitStack()
        self._ports: dict[int, int] = {}

    def __enter__(self) -> Pod:
        names = [part for name in compose.SERVICES for part in ("--add-host", f"{name}:127.0.0.1")]
        ports = [part for port in PARTS.values() for part in ("--publish", f"127.0.0.1::{port}")]
        docker(
            "run",
            "--detach",
            "--name",
            self.name,
            *names,
            *ports,
            "--entrypoint",
            "sleep",
            "qwhisk/base",
            "600",
        )
        self._cleanup.callback(docker, "rm", "--force", self.name)
        self._pid = docker("inspect", "--format", "{{.State.Pid}}", self.name).strip()
        for port in PARTS.values():
            self._ports[port] = int(docker("port", self.name, str(port)).split()[0].rpartition(":")[2])
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def url(self, part: str) -> str:
        """Return the address at which this machine reaches a part."""
        return f"http://127.0.0.1:{self._ports[PARTS[part]]}"

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return a command of this machine that runs in the pod's network."""
        return ["nsenter", f"--net=/proc/{self._pid}/ns/net", *command]

    def run(self, module: str, **env: str) -> str:
        """Return what `python -m MODULE` prints in the pod's network."""
        command = self.inside([sys.executable, "-m", *module.split()])
        done = subprocess.run(command, cwd=ROOT, env=clean(env), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], url: str) -> None:
        """Start a process of this machine; return once `url` answers in the pod's network."""
        log = self.folder / f"{name}.log"
        with log.open("w") as sink:
            process = subprocess.Popen(
                self.inside(command),
                cwd=self.folder,
                env=clean(env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        self._cleanup.callback(end, process, 10)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            look = f"import socket; socket.create_connection({tuple(url.split(':'))!r}, 1)"
            return (
                subprocess.run(self.inside([sys.executable, "-c", look]), capture_output=True).returncode == 0
            )

        wait_for(answers, START_TIMEOUT)

    def start_kafka(self) -> None:
        """Start Apache Kafka, set up like the compose file's service."""
        java = apache_kafka.installed()
        env = compose.environment("kafka", self.values)
        # This machine does not know the hosts that the pod's containers know by name.
        env |= {"KAFKA_LOG_DIRS": str(self.folder / "kafka"), "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0"}
        properties = self.folder / "server.properties"
        properties.write_text(compose.kafka_properties(env))
        jars = ["-Xmx512m", "-cp", f"{apache_kafka.JARS}/*"]
        cluster = "4L6g3nShT-eMCtK--X86sw"
        format_ = [java, *jars, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        subprocess.run(self.inside(format_), check=True, capture_output=True, timeout=120)
        self.start("kafka", [java, *jars, "kafka.Kafka", str(properties)], {}, "127.0.0.1:29092")

    def start_couchdb(self) -> None:
        """Start CouchDB's API, with the compose file's user."""
        couchdb.install()
        given = compose.environment("couchdb", self.values)
        config = self.folder / "couchdb.json"
        config.write_text(json.dumps({"admins": {given["COUCHDB_USER"]: given["COUCHDB_PASSWORD"]}}))
        command = ["node", str(couchdb.SERVER), "--in-memory", "--host", "127.0.0.1", "--port", "5984"]
        self.start(
            "couchdb", [*command, "--dir", str(self.folder), "--config", str(config)], {}, "127.0.0.1:5984"
        )

    def start_openwhisk(self) -> None:
        """Start OpenWhisk's API, with actions as processes."""
        command = [sys.executable, "-m", "local.openwhisk", "--port", "3233"]
        # The gateway reaches it by its name in the compose file.
        env = {
            "WHISK_AUTH": self.values["WHISK_AUTH"],
            "OPENWHISK_HOSTS": "openwhisk",
            "PYTHONPATH": str(ROOT),
        }
        self.start("openwhisk", command, env, "127.0.0.1:3233")

    def start_part(self, part: str) -> str:
        """Start the container of a part and return its name once its own health check succeeds."""
        name = f"{self.name}-{part}"
        env = compose.environment(part, self.values)
        variables = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
        image = compose.SERVICES[part]["image"]
        docker("run", "--detach", "--name", name, "--network", f"container:{self.name}", *variables, image)
        self._cleanup.callback(docker, "rm", "--force", name)

        def healthy() -> bool:
            state = docker("inspect", "--format", "{{.State.Status}}", name).strip()
            assert state == "running", f"{part}: {state}: {_logs(name)}"
            return (
                subprocess.run(["docker", "exec", name, *health_check(part)], capture_output=True).returncode
                == 0
            )

        wait_for(healthy, START_TIMEOUT)
        assert requests.get(f"{self.url(part)}/healthz", timeout=20).status_code == 200
        return name


def health_check(part: str) -> list[str]:
    """Return the health check of the part's image."""
    text = (ROOT / part / "Dockerfile").read_text()
    command: list[str] = json.loads(text.partition("HEALTHCHECK")[2].partition("CMD ")[2].partition("\n")[0])
    return command


def _logs(name: str) -> str:
    done = subprocess.run(
        ["docker", "logs", "--tail", "30", name], capture_output=True, text=True, timeout=30
    )
    return done.stdout + done.stderr


def clean(env: Mapping[str, str]) -> dict[str, str]:
    """Return this machine's environment, without variables that point to other services."""
    ours = ("KAFKA_", "CLOUDANT_", "SIMULATOR_", "WHISK_", "QISKIT_IBM_", "OPENWHISK_", "GATEWAY_", "POLLER_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return kept | {"NO_PROXY": "127.0.0.1,localhost"} | dict(env)
