"""deploy/compose.yaml as Docker Compose brings it up, with other images, ports and names, else unchanged."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import yaml

from testkit import docker_compose
from testkit.stack import ROOT, Stack, free_ports
from tests.images import stand_ins
from tests.images.engine import docker
from tests.images.health import checks_run
from tests.images.pod import clean

FILE = ROOT / "deploy" / "compose.yaml"
#: The published key of OpenWhisk standalone, as in docs/deploy.md.
GUEST = (
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)
#: The variables of published ports.
PORTS = ("KAFKA_PORT", "COUCHDB_PORT", "OPENWHISK_PORT", "SIMULATOR_PORT", "GATEWAY_PORT")
#: Seconds until all services are healthy, on a machine that is busy with others.
START_TIMEOUT = 400


class Composition(Stack):
    """The composed services, as an operator and a client see them.

    Args:
        folder: an empty one, for the images' contents and the file of their names.
    """

    def __init__(self, folder: Path) -> None:
        self.project = f"qwhisk-test-{uuid.uuid4().hex[:12]}"
        self.network = self.project.replace("-", "_")
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self.values = {name: secrets.token_hex(24) for name in ("COUCHDB_PASSWORD", "SIMULATOR_API_KEY")}
        self.values |= {"GATEWAY_SECRET": secrets.token_hex(32), "WHISK_AUTH": GUEST}
        self.values |= {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
        self.values |= {"QWHISK_NETWORK": self.network, "DOCKER_SOCKET": socket}
        self.env = self.values
        self.folder = folder
        self.clients = []
        self._images = folder / "images.yaml"

    def __enter__(self) -> Composition:
        self._compose = docker_compose.installed()
        images = stand_ins.build(self.folder / "images")
        services = {service: {"image": image} for service, image in images.items()}
        self._images.write_text(yaml.safe_dump({"services": services}))
        try:
            with checks_run(f"com.docker.compose.project={self.project}"):
                up = ("up", "--detach", "--wait", "--no-build", "--pull", "never")
                done = self._run(*self._command(*up), timeout=START_TIMEOUT)
                assert done.returncode == 0, done.stderr + self._health() + self.logs()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close_clients()
        try:
            self._run(*self._command("down", "--volumes", "--timeout", "5"), timeout=180)
        finally:
            # The actions' containers, if OpenWhisk could not remove them.
            for name in docker("ps", "--all", "--quiet", "--filter", f"network={self.network}").split():
                self._run("docker", "rm", "--force", name, timeout=60)
            self._run("docker", "network", "rm", self.network, timeout=60)

    def deploy_as_documented(self) -> None:
        """Deploy the actions and load the config documents with the commands of docs/deploy.md."""
        actions = {name: self.values[name] for name in ("WHISK_AUTH", "SIMULATOR_API_KEY")}
        actions |= {"WHISK_APIHOST": f"http://127.0.0.1:{self.values['OPENWHISK_PORT']}"}
        actions |= {"KAFKA_BOOTSTRAP_SERVERS": "kafka:29092", "SIMULATOR_URL": "http://simulator:8090"}
        assert "actions deployed to" in self._python("local.deploy", actions)
        documents = {"CLOUDANT_URL": f"http://127.0.0.1:{self.values['COUCHDB_PORT']}"}
        documents |= {"CLOUDANT_USERNAME": "qwhisk", "CLOUDANT_PASSWORD": self.values["COUCHDB_PASSWORD"]}
        self._python("tools.load_config_documents", documents | {"WHISK_APIHOST": "http://openwhisk:3233"})

    def logs(self) -> str:
        """Return what all services have printed."""
        return self._run(*self._command("logs", "--no-color"), timeout=60).stdout

    def networks_of_actions(self) -> set[str]:
        """Return the networks of the actions' containers."""
        names = docker(
            "ps", "--quiet", "--filter", "label=qwhisk.openwhisk", "--filter", f"network={self.network}"
        )
        template = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
        return {
            network for name in names.split() for network in docker("inspect", "-f", template, name).split()
        }

    def exit_codes_after_stop(self) -> dict[str, int]:
        """Stop all services as `docker compose stop` does; return how each of the project's own ended."""
        done = self._run(*self._command("stop"), timeout=180)
        assert done.returncode == 0, done.stderr
        codes = {}
        for part in ("gateway", "poller", "simulator"):
            [name] = self._run(*self._command("ps", "--all", "--quiet", part), timeout=60).stdout.split()
            codes[part] = int(docker("inspect", "--format", "{{.State.ExitCode}}", name))
        return codes

    def _health(self) -> str:
        """Return what the health checks of all services have given."""
        names = self._run(*self._command("ps", "--all", "--quiet"), timeout=60).stdout.split()
        return "".join(docker("inspect", "--format", "{{.Name}} {{json .State}}", name) for name in names)

    def _command(self, *words: str) -> list[str]:
        files = ["--file", str(FILE), "--file", str(self._images)]
        return [*self._compose, "--project-name", self.project, *files, *words]

    def _run(self, *command: str, timeout: float) -> subprocess.CompletedProcess[str]:
        env = clean(self.values)
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)

    def _python(self, module: str, env: Mapping[str, str]) -> str:
        command = [sys.executable, "-m", module]
        done = subprocess.run(command, cwd=ROOT, env=clean(env), capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
