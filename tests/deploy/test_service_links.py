"""Each part starts with the variables that Kubernetes gives it for the Services of its namespace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from core.settings import KafkaSettings
from core.settings.ports import GATEWAY_PORT, POLLER_PORT, SIMULATOR_PORT
from testkit.action_server import ActionServer
from testkit.replicas import broker, process
from testkit.stack import ROOT, free_ports
from tests.deploy.service_links import service_links
from tests.deploy.test_deploy import KUBERNETES
from tools.settings_tables import TABLES

LINKS = service_links(KUBERNETES)
#: The settings without which the parts do not start.
NEEDED = {
    "gateway": {"GATEWAY_SECRET": "x" * 32},
    "poller": {"SIMULATOR_URL": "http://127.0.0.1:1", "SIMULATOR_API_KEY": "k"},
    "simulator": {"SIMULATOR_API_KEY": "k", "SIMULATOR_COSTS": ":memory:"},
}
PORTS = {"gateway": GATEWAY_PORT, "poller": POLLER_PORT, "simulator": SIMULATOR_PORT}


def a_service(service: str, **port: Any) -> dict[str, Any]:
    """A Service's document."""
    return {"kind": "Service", "metadata": {"name": service}, "spec": {"ports": [{"port": 80, **port}]}}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with broker(tmp_path_factory.mktemp("broker")) as settings:
        yield settings


def test_a_service_has_the_variables_of_dockers_links() -> None:
    assert service_links([a_service("a-b", name="http")]) == {
        "A_B_SERVICE_HOST": "10.96.0.1",
        "A_B_SERVICE_PORT": "80",
        "A_B_SERVICE_PORT_HTTP": "80",
        "A_B_PORT": "tcp://10.96.0.1:80",
        "A_B_PORT_80_TCP": "tcp://10.96.0.1:80",
        "A_B_PORT_80_TCP_PROTO": "tcp",
        "A_B_PORT_80_TCP_PORT": "80",
        "A_B_PORT_80_TCP_ADDR": "10.96.0.1",
    }


def test_no_variable_of_a_service_is_a_setting() -> None:
    assert LINKS, "the manifests have Services"
    assert not set(LINKS) & {name for table in TABLES.values() for name in table.variables}


def test_no_pod_is_given_them() -> None:
    pods = [item["spec"]["template"]["spec"] for item in KUBERNETES if "template" in item.get("spec", {})]
    assert [pod.get("enableServiceLinks") for pod in pods] == [False] * len(NEEDED)


@pytest.mark.parametrize("part", NEEDED)
def test_a_part_starts_with_them(part: str, kafka: KafkaSettings, tmp_path: Path) -> None:
    [port] = free_ports(1)
    (tmp_path / "documents").mkdir()
    env = NEEDED[part] | {PORTS[part].name: str(port), "CONFIG_FOLDER": str(tmp_path / "documents")}
    env |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "KAFKA_FETCH_WAIT_MAX_MS": "10"}
    env |= {"SIMULATOR_DATABASE": ":memory:"} if part == "simulator" else {}
    url = f"http://127.0.0.1:{port}/healthz"
    with process([sys.executable, "-m", part], env | LINKS, tmp_path / "log", url):
        assert requests.get(url, timeout=20).status_code == 200


def test_an_action_server_starts_with_them(tmp_path: Path) -> None:
    server = ActionServer(tmp_path, LINKS | {"QWHISK_ACTION": "bell_state"})
    try:
        status, _ = server.init()
        assert status == 200
    finally:
        server.close()


@pytest.mark.parametrize("part", NEEDED)
def test_a_part_says_that_a_port_is_a_variable_of_kubernetes(part: str) -> None:
    env = NEEDED[part] | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "PATH": "/usr/bin"}
    # A Service that has the part's name, as anyone may create it in the same namespace.
    env |= service_links([a_service(part)])
    ended = subprocess.run(
        [sys.executable, "-m", part], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2, ended.stderr
    assert f"{part.upper()}_PORT must be" in ended.stderr.replace(")", "")
    assert f"a Service that is called {part}" in ended.stderr
    assert "enableServiceLinks: false" in ended.stderr
    assert "Traceback" not in ended.stderr
