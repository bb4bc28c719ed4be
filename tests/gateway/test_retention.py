"""The settings of retention reach the topics of gateway and poller; a wrong one is named at the start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from confluent_kafka.admin import AdminClient, ConfigResource

from core.errors import SettingsError
from core.kafka.client import client_config
from core.kafka.topics import SESSIONS, shared
from core.settings import KafkaSettings
from core.settings.kafka import RETENTION_SECONDS
from core.settings.setting import Setting
from core.settings.stores import RESULTS_RETENTION_SECONDS
from gateway.inbox.session_notices import CONFIG
from gateway.settings import CLIENT_RETENTION
from testkit.replicas import BROKERS, FREE, broker, documents, process, replica, session, topic_of
from testkit.serving import served
from testkit.slow_action import SlowAction
from testkit.stack import ROOT, free_ports

DAY = 86_400
#: Seconds for one answer; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 120
#: What is set, and neither is a default.
OF_CLIENTS, OF_ALL = 3 * DAY + 40, 11 * DAY + 8


@pytest.fixture(params=BROKERS)
def kafka(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KafkaSettings]:
    with broker(tmp_path, request.param) as settings:
        yield settings


def kept(kafka: KafkaSettings) -> dict[str, dict[str, str]]:
    """Return the settings of each topic that decide when its messages are deleted."""
    admin = AdminClient(client_config(kafka))
    # The topics whose names begin with underscores are the broker's own.
    names = [name for name in admin.list_topics(timeout=PATIENCE).topics if not name.startswith("__")]
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    found = {}
    for resource, described in admin.describe_configs(resources, request_timeout=PATIENCE).items():
        values = described.result(PATIENCE)
        relevant = ("retention.ms", "segment.ms", "cleanup.policy")
        found[resource.name] = {name: values[name].value for name in relevant if name in values}
    return found


def quarters(seconds: int) -> dict[str, str]:
    return {"retention.ms": str(seconds * 1_000), "segment.ms": str(seconds * 250)}


def test_the_gateways_settings_become_those_of_every_topic(kafka: KafkaSettings, tmp_path: Path) -> None:
    more = {"GATEWAY_RETENTION_SECONDS": str(OF_CLIENTS), "KAFKA_RETENTION_SECONDS": str(OF_ALL)}
    path = tmp_path / "documents"
    with ExitStack() as ends:
        action = ends.enter_context(served(SlowAction()))
        more |= FREE | ends.enter_context(documents(path, {"_id": "noop", "functionBackendUrl": action.url}))
        gateway = ends.enter_context(replica(tmp_path, kafka, path, **more))
        token = session(gateway)
        url, headers = f"{gateway.url}/api/v1/functions/noop/jobs", {"Authorization": f"Bearer {token}"}
        assert requests.post(url, json={}, headers=headers, timeout=PATIENCE).status_code == 202
        found = kept(kafka)
    expected = {topic_of(token): quarters(OF_CLIENTS), SESSIONS: CONFIG}
    expected |= dict.fromkeys(shared(1), quarters(OF_ALL))
    assert found.keys() == expected.keys()
    for name, settings in expected.items():
        assert settings.items() <= found[name].items(), name


def test_the_pollers_setting_becomes_that_of_the_topics_it_makes(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    (tmp_path / "documents").mkdir()
    env = {
        "SIMULATOR_URL": "http://127.0.0.1:1",
        "SIMULATOR_API_KEY": "k",
        "POLLER_PORT": str(port),
        "CONFIG_FOLDER": str(tmp_path / "documents"),
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_RETENTION_SECONDS": str(OF_ALL),
    }
    with process([sys.executable, "-m", "poller"], env, tmp_path / "log", f"http://127.0.0.1:{port}/healthz"):
        found = kept(kafka)
    assert set(shared(1)) <= found.keys()
    for name in shared(1):
        assert quarters(OF_ALL).items() <= found[name].items(), name


#: The least and the most seconds of each setting, and the parts that read it.
BOUNDS = {
    CLIENT_RETENTION.name: (60 + 3_600, 10 * 366 * DAY, ("gateway",)),
    RETENTION_SECONDS.name: (DAY, 10 * 366 * DAY, ("gateway", "poller")),
    RESULTS_RETENTION_SECONDS.name: (60, 10 * 366 * DAY, ("gateway", "poller")),
}
SETTINGS: tuple[Setting[Any], ...] = (CLIENT_RETENTION, RETENTION_SECONDS, RESULTS_RETENTION_SECONDS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_time_has_bounds(setting: Setting[Any]) -> None:
    least, most, _ = BOUNDS[setting.name]
    assert [setting.read({setting.name: str(value)}) for value in (least, most)] == [least, most]
    for value in (least - 1, most + 1, 0, -least, "a week", "1e9", f"{least}.5"):
        with pytest.raises(SettingsError, match=f"from {least} to {most}"):
            setting.read({setting.name: str(value)})


@pytest.mark.parametrize(("part", "name"), [(part, name) for name in BOUNDS for part in BOUNDS[name][2]])
def test_a_time_out_of_bounds_is_named_at_the_start(part: str, name: str, tmp_path: Path) -> None:
    least, most, _ = BOUNDS[name]
    printed = start(part, tmp_path, **{name: str(least - 1)})
    assert f"{name} must be a whole number from {least} to {most}" in printed
    assert str(least - 1) in printed


def test_events_that_would_go_before_their_session_are_refused_at_the_start(tmp_path: Path) -> None:
    printed = start("gateway", tmp_path, GATEWAY_SESSION_SECONDS="7200", GATEWAY_RETENTION_SECONDS="10799")
    assert "GATEWAY_RETENTION_SECONDS must be at least an hour (3600) more" in printed
    assert "GATEWAY_SESSION_SECONDS, which is 7200. Lower GATEWAY_SESSION_SECONDS, or raise it." in printed


def start(part: str, folder: Path, **settings: str) -> str:
    """Start a part that must end because of its settings, and return what it prints."""
    env = {
        "PATH": os.environ["PATH"],
        "GATEWAY_SECRET": "x" * 32,
        "SIMULATOR_URL": "http://127.0.0.1:1",
        "SIMULATOR_API_KEY": "k",
        # Nothing listens there: what is wrong is found before.
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CONFIG_FOLDER": str(folder),
    }
    ended = subprocess.run(
        [sys.executable, "-m", part],
        cwd=ROOT,
        env=env | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr
