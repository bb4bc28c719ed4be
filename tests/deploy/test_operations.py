"""docs/operations.md against the code: every metric that it names exists, and it names every metric."""

from __future__ import annotations

import re
from pathlib import Path

import requests

from core.kafka.topics import SESSIONS, shared
from poller.metrics import Metrics
from testkit.replicas import FREE, broker, documents, replica
from testkit.stack import free_ports

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()


def names(metrics: str) -> set[str]:
    """Return the names of metrics in the text format, as their definitions have them."""
    return {
        name.removesuffix("_total").removesuffix("_created")
        for name in re.findall(r"^# HELP (qwhisk_\w+) ", metrics, re.M)
    }


def test_the_runbook_names_every_metric_and_no_other(tmp_path: Path) -> None:
    known = names(Metrics().text(dict).decode())
    # Only the port for metrics has those of tenants.
    [port] = free_ports(1)
    own = {"GATEWAY_METRICS_PORT": str(port)}
    with (
        documents(tmp_path / "documents") as settings,
        broker(tmp_path) as kafka,
        replica(tmp_path, kafka, tmp_path / "documents", **settings, **FREE, **own),
    ):
        known |= names(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text)
    known.remove("qwhisk_build_info")
    assert len(known) > 20
    assert set(re.findall(r"\bqwhisk_(?:poller|gateway)_\w+", TEXT)) == known


def test_the_number_of_partitions_is_right() -> None:
    for partitions in (1, 6):
        assert sum((shared(partitions) | {SESSIONS: 1}).values()) == 6 * partitions + 10
    assert "`6 * KAFKA_PARTITIONS + 10` partitions" in TEXT
