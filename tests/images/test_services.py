"""The images of gateway, poller and simulator: as the compose file runs them, and with wrong settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from core.shipped_documents import shipped_documents
from testkit.stack import Stack, wait_for
from tests.images import compose
from tests.images.engine import docker, inspect
from tests.images.pod import PARTS, Pod

VALUES = {
    "COUCHDB_PASSWORD": "a-password",
    "SIMULATOR_API_KEY": "a-key-of-the-simulator",
    "GATEWAY_SECRET": "x" * 32,
    "WHISK_AUTH": "user:password",
}


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nsenter"), reason="wants root and nsenter")
def test_the_composed_services_run_a_job_from_end_to_end(tmp_path: Path) -> None:
    with Pod(tmp_path) as pod:
        pod.start_kafka()
        pod.start_couchdb()
        pod.start_openwhisk()
        names = [pod.start_part(part) for part in PARTS]
        # The next step of docs/deploy.md.
        whisk = {"WHISK_AUTH": pod.values["WHISK_AUTH"], "WHISK_APIHOST": "http://127.0.0.1:3233"}
        reached = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092", "SIMULATOR_URL": "http://127.0.0.1:8090"}
        key = {"SIMULATOR_API_KEY": pod.values["SIMULATOR_API_KEY"]}
        assert "actions deployed to" in pod.run("local.deploy", **whisk, **reached, **key)
        database = {"CLOUDANT_URL": "http://127.0.0.1:5984", "CLOUDANT_USERNAME": "qwhisk"}
        database |= {"CLOUDANT_PASSWORD": pod.values["COUCHDB_PASSWORD"]}
        pod.run("tools.load_config_documents", **database, WHISK_APIHOST="http://openwhisk:3233")

        client = Composed(pod).client()
        try:
            # It started before there were documents, and follows them.
            wait_for(
                lambda: len(client.get("/functions").json()["functions"]) == len(shipped_documents("")), 60
            )
            event = client.smile()
            assert (event["status"], event["error"]) == ("DONE", None)
            assert sum(entry["count"] for entry in event["answer"]["emoticons"]) == 1024
            logs = "".join(docker("logs", name) for name in names)
        finally:
            client.http.close()
        assert not [value for value in pod.values.values() if len(value) > 20 and value in logs], (
            "a secret was logged"
        )
        for name in reversed(names):
            docker(
                "stop",
                "--time",
                compose.SERVICES[name.rpartition("-")[2]]["stop_grace_period"].rstrip("s"),
                name,
            )
            assert docker("inspect", "--format", "{{.State.ExitCode}}", name).strip() == "0", name


class Composed(Stack):
    """The pod, as a client sees it."""

    def __init__(self, pod: Pod) -> None:
        self._url = pod.url("gateway")
        self.clients = []

    @property
    def gateway(self) -> str:
        return self._url


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("gateway", {"GATEWAY_SECRET": ""}),
        ("gateway", {"GATEWAY_SECRET": "short"}),
        ("gateway", {"KAFKA_BOOTSTRAP_SERVERS": ""}),
        ("poller", {"KAFKA_BOOTSTRAP_SERVERS": ""}),
        ("poller", {"POLLER_WORKERS": "many"}),
        ("simulator", {"SIMULATOR_API_KEY": ""}),
    ],
)
def test_a_wrong_setting_ends_it_and_is_named(part: str, wrong: dict[str, str]) -> None:
    (name,) = wrong
    env = compose.environment(part, VALUES) | wrong
    variables = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
    container = f"qwhisk-test-{uuid.uuid4().hex[:12]}"
    # Not `--rm`: with some engines that loses the status of the container.
    command = ["docker", "run", "--name", container, *variables, compose.SERVICES[part]["image"]]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=90)
    finally:
        docker("rm", "--force", container)
    assert ended.returncode == 2, ended.stderr
    assert name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not [value for value in VALUES.values() if value in ended.stdout + ended.stderr]


@pytest.mark.parametrize("part", PARTS)
def test_it_runs_as_an_unprivileged_user_and_has_no_secret(part: str) -> None:
    config = inspect(compose.SERVICES[part]["image"])["Config"]
    assert config["User"] == part
    given = {line.partition("=")[0] for line in config["Env"]}
    assert given.isdisjoint({"GATEWAY_SECRET", "SIMULATOR_API_KEY", "WHISK_AUTH", "CLOUDANT_PASSWORD"})


def test_the_gateways_image_has_the_documents_that_the_helm_chart_loads() -> None:
    code = (
        "from core.shipped_documents import shipped_documents as found; print(len(found('http://openwhisk')))"
    )
    # As the chart runs it.
    restricted = [
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
    ]
    image = compose.SERVICES["gateway"]["image"]
    shown = docker("run", "--rm", *restricted, image, "python", "-c", code)
    assert int(shown) == len(shipped_documents(""))
    sources = docker("run", "--rm", *restricted, image, "find", "actions", "-name", "*.py")
    assert not sources.strip(), "the gateway needs no action's code"
