"""OpenWhisk of the compose file: it reaches its actions, and has room for all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.images.compose import environment, filled

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
#: The operator's own values.
VALUES = dict.fromkeys(
    ("COUCHDB_PASSWORD", "SIMULATOR_API_KEY", "GATEWAY_SECRET", "WHISK_AUTH"), "x:" + "y" * 32
)


def properties(**values: str) -> dict[str, str]:
    """OpenWhisk's settings, as its image passes them to Java: words that the shell separates at blanks."""
    words = environment("openwhisk", VALUES | values)["JVM_EXTRA_ARGS"].split()
    assert all(re.fullmatch(r"-D[\w.-]+=[\w.]+", word) for word in words), words
    return dict(word.removeprefix("-D").split("=") for word in words)


def actions() -> list[dict[str, Any]]:
    """The actions of the manifest."""
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text())
    (package,) = manifest["packages"].values()
    return list(package["actions"].values())


def test_actions_are_on_the_network_of_the_services() -> None:
    given = COMPOSE["networks"]["default"]["name"]
    for values in ({}, {"QWHISK_NETWORK": "another"}):
        name = filled(given, values)
        assert properties(**values)["whisk.container-factory.container-args.network"] == name
    # `docker inspect --format {{.NetworkSettings.Networks.NAME.IPAddress}}` must find it.
    assert re.fullmatch(r"[A-Za-z_]\w*", name)
    for service in COMPOSE["services"].values():
        assert not {"networks", "network_mode"} & set(service)


def test_a_container_of_each_action_fits() -> None:
    sizes = [action["limits"]["memorySize"] for action in actions()]
    memory = int(properties()["whisk.container-pool.user-memory"].removesuffix("m"))
    assert len(sizes) >= 19
    assert memory >= sum(sizes)


def test_the_limits_of_a_stock_server_are_named_and_can_be_changed() -> None:
    more = properties(OPENWHISK_INVOCATIONS_PER_MINUTE="6000", OPENWHISK_INVOCATIONS_AT_ONCE="7")
    assert more["whisk.config.limits-actions-invokes-perMinute"] == "6000"
    assert more["whisk.config.limits-actions-invokes-concurrent"] == "7"
    assert int(properties()["whisk.config.limits-actions-invokes-perMinute"]) > 60


def test_no_listener_is_for_another_network() -> None:
    given = environment("kafka", VALUES)
    advertised = dict(entry.split("://") for entry in given["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised == {"INSIDE": "kafka:29092", "HOST": "127.0.0.1:9092"}
    # The port of the second one is the published one, whatever it is.
    other = environment("kafka", VALUES | {"KAFKA_PORT": "19092"})["KAFKA_ADVERTISED_LISTENERS"]
    assert other.endswith("HOST://127.0.0.1:19092")
    assert filled(COMPOSE["services"]["kafka"]["ports"][0], {"KAFKA_PORT": "19092"}) == "127.0.0.1:19092:9092"


def test_poller_and_gateway_share_the_store_of_large_results() -> None:
    for part in ("poller", "gateway"):
        folder = environment(part, VALUES)["RESULTS_FOLDER"]
        assert f"results:{folder}" in COMPOSE["services"][part]["volumes"]
        # Else the volume would belong to root.
        created = f"install --directory --owner={part} --mode=0700 {folder}"
        assert created in (ROOT / part / "Dockerfile").read_text()


def test_gateway_and_poller_get_the_settings_of_traces_and_metrics() -> None:
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
    ports = {"gateway": {"GATEWAY_METRICS_PORT": "9080"}, "poller": {"POLLER_METRICS_PORT": "9081"}}
    for part, port in ports.items():
        values = traces | port
        assert environment(part, VALUES | values).items() >= values.items()
        # An empty variable counts as not set.
        assert {environment(part, VALUES)[name] for name in values} == {""}
