"""The compose file and the Kubernetes manifests against the code: images, variables, ports, paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import gateway.settings
import poller.settings
import simulator.settings_table
from core import large_results
from core.errors import SettingsError
from core.kafka.topics import JOBS
from gateway.settings import GatewaySettings
from poller.job_consumer import GROUP
from poller.settings import PollerSettings
from tests.images.compose import filled

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("gateway", "poller", "simulator")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
KUBERNETES: list[dict[str, Any]] = [
    document
    for document in yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "qwhisk.yaml").read_text())
    if document
]


#: The settings of each part.
TABLES = {
    "gateway": gateway.settings.TABLE,
    "poller": poller.settings.TABLE,
    "simulator": simulator.settings_table.TABLE,
}


def reads(part: str, variables: Mapping[str, str]) -> None:
    """Check that the part has all variables in its table, and that their values are permitted."""
    rows = {row.name: row for row in TABLES[part].rows}
    for name, value in variables.items():
        # Compose's references to variables without a default are placeholders for a user's value.
        text = re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value))
        if not text.startswith("${"):
            rows[name].read({name: text})
        assert name in rows


def exposed(part: str) -> int:
    """The port in a part's Dockerfile."""
    text = (ROOT / part / "Dockerfile").read_text()
    port = re.search(r"^EXPOSE (\d+)$", text, re.M)
    assert port
    assert f"{part.upper()}_PORT={port[1]}" in text
    assert f"{part.upper()}_HOST=0.0.0.0" in text
    reads(part, dict(re.findall(rf"({part.upper()}_[A-Z]+)=(\S+)", text)))
    return int(port[1])


def of_kind(kind: str, name: str) -> dict[str, Any]:
    """One of the Kubernetes documents."""
    (document,) = [item for item in KUBERNETES if item["kind"] == kind and item["metadata"]["name"] == name]
    return document


@pytest.mark.parametrize("part", PARTS)
def test_compose_builds_each_part_from_its_dockerfile(part: str) -> None:
    service = COMPOSE["services"][part]
    assert service["image"] == f"qwhisk/{part}"
    assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert f'python", "-m", "{part}' in (ROOT / part / "Dockerfile").read_text()
    reads(part, service["environment"])


#: Settings that the compose file decides: its own Kafka, database, store, ports and networks.
FIXED = {"gateway": {"GATEWAY_PORT"}, "poller": {"POLLER_PORT", "POLLER_HOSTS", "POLLER_ORIGINS"}}
OF_SERVICES = {
    *("KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"),
    *("CONFIG_FOLDER", "CLOUDANT_APIKEY", "RESULTS_S3_URL", "IBM_CLOUD_API_KEY"),
}


@pytest.mark.parametrize("part", FIXED)
def test_compose_ignores_no_common_setting(part: str) -> None:
    # One that is exported and ignored can leave the gateway open: GATEWAY_API_KEYS, GATEWAY_PERMISSIONS.
    common = {row.name for row in TABLES[part].rows if row.common} - FIXED[part] - OF_SERVICES
    given = COMPOSE["services"][part]["environment"]
    assert common <= given.keys()
    # A default of the file replaces the part's own, and no variable is passed on under another name.
    for name in common - {"CLOUDANT_PASSWORD"}:
        assert re.fullmatch(rf"\$\{{{name}:[-?].*\}}|[^$]*", given[name]), name


@pytest.mark.parametrize("part", ["gateway", "poller"])
def test_a_part_can_write_where_its_volumes_are(part: str) -> None:
    text = (ROOT / part / "Dockerfile").read_text()
    made = re.search(rf"install --directory --owner={part} --mode=0700 (.*)$", text, re.M)
    assert made
    # A volume of Docker gets the owner of the folder in the image.
    volumes = {volume.partition(":")[2] for volume in COMPOSE["services"][part]["volumes"]}
    assert volumes == set(made[1].split())


def test_compose_publishes_the_ports_that_the_parts_listen_on() -> None:
    for part in ("gateway", "simulator"):
        for published in COMPOSE["services"][part]["ports"]:
            assert published.rsplit(":", 1)[1] == str(exposed(part))
    for service in COMPOSE["services"].values():
        # Never on other interfaces: actions are on the network of the services.
        for published in service.get("ports", []):
            assert published.startswith("127.0.0.1:")


def test_compose_waits_until_dependencies_are_healthy() -> None:
    for name, service in COMPOSE["services"].items():
        for other in service.get("depends_on", {}):
            dockerfile = ROOT / other / "Dockerfile"
            has_check = dockerfile.is_file() and "HEALTHCHECK" in dockerfile.read_text()
            assert has_check or "healthcheck" in COMPOSE["services"][other], (name, other)


def test_compose_has_no_secret_and_no_default_for_one() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    for secret in ("COUCHDB_PASSWORD", "SIMULATOR_API_KEY", "WHISK_AUTH", "GATEWAY_SECRET"):
        assert set(re.findall(rf"\$\{{{secret}(..)", text)) == {":?"}


def test_compose_persists_what_must_survive() -> None:
    named = {
        volume.partition(":")[0]
        for service in COMPOSE["services"].values()
        for volume in (filled(text, {}) for text in service.get("volumes", []))
        if not volume.startswith("/")
    }
    assert named == set(COMPOSE["volumes"]) == {"kafka", "couchdb", "simulator", "results", "audit"}


@pytest.mark.parametrize(
    "document", KUBERNETES, ids=[f"{item['kind']}-{item['metadata']['name']}" for item in KUBERNETES]
)
def test_kubernetes_documents_match_its_api(document: dict[str, Any]) -> None:
    if document["apiVersion"].startswith("keda.sh/"):
        # This is not one of Kubernetes' own resources; its fields are checked against the code below.
        assert document["kind"] == "ScaledObject"
        return
    # Strict: a field that the API does not have is an error too.
    kubernetes_validate.validate(document, "1.37", strict=True)


@pytest.mark.parametrize(
    ("part", "kind"), [("gateway", "Deployment"), ("poller", "Deployment"), ("simulator", "StatefulSet")]
)
def test_kubernetes_runs_each_part_as_its_image_does(part: str, kind: str) -> None:
    spec = of_kind(kind, f"qwhisk-{part}")["spec"]
    labels = spec["selector"]["matchLabels"]
    assert labels.items() <= spec["template"]["metadata"]["labels"].items()
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].startswith(f"qwhisk/{part}:")
    assert container["ports"] == [{"name": "http", "containerPort": exposed(part)}]
    assert f"--uid {pod['securityContext']['runAsUser']}" in (ROOT / part / "Dockerfile").read_text()
    code = "\n".join(path.read_text() for path in (ROOT / part).rglob("*.py"))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert f'"{container[probe]["httpGet"]["path"]}"' in code
        assert container[probe]["httpGet"]["port"] == "http"
    assert {item["name"] for item in container.get("env", [])} <= TABLES[part].variables


def test_gateway_and_poller_accept_the_kubernetes_settings() -> None:
    data = {part: of_kind("ConfigMap", f"qwhisk-{part}")["data"] for part in ("gateway", "poller")}
    hosts = GatewaySettings.from_env(data["gateway"] | {"GATEWAY_SECRET": "x" * 32}).allowed.hosts
    assert hosts == {data["gateway"]["GATEWAY_HOSTS"]}
    settings = PollerSettings.from_env(data["poller"] | {"SIMULATOR_API_KEY": "k"}, page=50)
    assert settings.kafka.partitions == int(data["poller"]["KAFKA_PARTITIONS"])
    keys = {"RESULTS_S3_ACCESS_KEY": "a", "RESULTS_S3_SECRET_KEY": "b"}
    for part, variables in data.items():
        reads(part, variables)
        # Both must have the same.
        assert isinstance(large_results.from_env(variables | keys), large_results.Bucket)


@pytest.mark.parametrize(
    ("part", "variables"),
    [
        ("gateway", {"GATEWAY_THREAD": "8"}),
        ("gateway", {"GATEWAY_THREADS": "none"}),
        ("gateway", {"GATEWAY_THREADS": "${GATEWAY_THREADS:-none}"}),
        ("poller", {"SIMULATOR_PORT": "8090"}),
    ],
)
def test_a_wrong_variable_or_value_is_noticed(part: str, variables: dict[str, str]) -> None:
    with pytest.raises((KeyError, SettingsError)):
        reads(part, variables)


@pytest.mark.parametrize("part", ["gateway", "simulator"])
def test_kubernetes_services_lead_to_their_part(part: str) -> None:
    service = of_kind("Service", f"qwhisk-{part}")["spec"]
    kind = "StatefulSet" if part == "simulator" else "Deployment"
    assert service["selector"] == of_kind(kind, f"qwhisk-{part}")["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] == "http"
    if part == "simulator":
        assert of_kind("StatefulSet", f"qwhisk-{part}")["spec"]["serviceName"] == f"qwhisk-{part}"
        url = of_kind("ConfigMap", "qwhisk-poller")["data"]["SIMULATOR_URL"]
        assert url == f"http://qwhisk-simulator:{service['ports'][0]['port']}"


def test_pollers_are_scaled_on_the_lag_of_their_group() -> None:
    spec = of_kind("ScaledObject", "qwhisk-poller")["spec"]
    assert spec["scaleTargetRef"]["name"] == "qwhisk-poller"
    (trigger,) = spec["triggers"]
    assert (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"]) == (GROUP, JOBS)
    data = of_kind("ConfigMap", "qwhisk-poller")["data"]
    # More pollers than partitions would have no work.
    assert spec["maxReplicaCount"] == int(data["KAFKA_PARTITIONS"])
    assert trigger["metadata"]["bootstrapServers"] == data["KAFKA_BOOTSTRAP_SERVERS"]
