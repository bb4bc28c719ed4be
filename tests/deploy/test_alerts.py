"""Alerts, dashboards and the runbook hold together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from poller.metrics import Metrics
from testkit.promtool import (
    DASHBOARDS,
    ROOT,
    RULES,
    alerts,
    dashboard_expressions,
    measured,
    run,
    samples,
    unanswered,
    with_values,
)
from testkit.replicas import FREE, broker, documents, replica
from testkit.stack import free_ports, wait_for

RUNBOOK = (ROOT / "docs" / "operations.md").read_text()


def test_prometheus_reads_the_rules() -> None:
    done = run("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_the_scrape_configuration() -> None:
    path = str(RULES.with_name("prometheus.yaml"))
    done = run("check", "config", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_section_in_the_runbook_and_each_section_an_alert() -> None:
    assert re.findall(r"^### (Qwhisk\w+)$", RUNBOOK, re.M) == [alert["alert"] for alert in alerts()]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_has_a_severity_and_says_what_is_wrong(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"]
    assert measured(alert)


def test_dashboards_have_panels_and_an_id_of_their_own() -> None:
    dashboards = [json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))]
    assert len({dashboard["uid"] for dashboard in dashboards}) == len(dashboards) >= 4
    for dashboard in dashboards:
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) > 0
    assert len(dashboard_expressions()) > 30


def test_an_expression_of_a_metric_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    good, bad = "sum(rate(known_total[5m]))", "sum(rate(unknown_total[5m]))"
    assert unanswered([good, bad], ["known_total{}"], tmp_path) == [bad]
    assert unanswered([good], ["known_total{}"], tmp_path) == []
    assert unanswered(['known_total{reason="x"}'], ['known_total{reason="y"}'], tmp_path)


def served(url: str, expected: str = "") -> str:
    """Return the metrics at an address, once they have a text."""

    def read() -> str | None:
        text = requests.get(url, timeout=60).text
        return text if expected in text else None

    found = wait_for(read, 60)
    assert found is not None
    return found


def never_counted(registry: Any, text: str) -> list[str]:
    """Return a series for each metric that has none yet, with its own labels."""
    series = []
    for metric in registry._collector_to_names:
        name, labels = getattr(metric, "_name", ""), getattr(metric, "_labelnames", ())
        if labels and not re.search(rf"^{name}\w*{{", text, re.M):
            kind, inner = metric._type, [f'{label}="none"' for label in labels]
            if kind == "histogram":
                inner.append('le="+Inf"')
            ending = {"counter": "_total", "histogram": "_bucket"}.get(kind, "")
            series.append(f"{name}{ending}{{{','.join(inner)}}}")
    return series


def test_every_alert_and_panel_is_answered_by_the_metrics_of_gateway_and_poller(tmp_path: Path) -> None:
    [port] = free_ports(1)
    own = {"GATEWAY_METRICS_PORT": str(port)}
    with (
        documents(tmp_path / "documents") as settings,
        broker(tmp_path) as kafka,
        replica(tmp_path, kafka, tmp_path / "documents", **settings, **FREE, **own) as replica_,
    ):
        url = f"http://127.0.0.1:{port}"
        forged = {"Authorization": "Bearer forged"}
        assert requests.get(f"{replica_.url}/api/v1/functions", headers=forged, timeout=60).status_code == 401
        gateway = served(f"{url}/metrics", "qwhisk_gateway_refused_total{")
        # It is not on the public port too, and only for its own hosts.
        assert "qwhisk_" not in requests.get(f"{replica_.url}/metrics", timeout=60).text
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 404
        evil = {"Host": "evil.example"}
        assert requests.get(f"{url}/metrics", headers=evil, timeout=60).status_code == 421
    metrics = Metrics()
    poller = metrics.text(lambda: {"queued": 1}).decode()
    series = never_counted(metrics._registry, poller)
    for part, text in (("gateway", gateway), ("poller", poller)):
        job = f"qwhisk-{part}"
        series += [*samples(text, job=job, instance=part), f'up{{job="{job}",instance="{part}"}}']
        assert f'qwhisk_build_info{{part="{part}"' in text
    # Counted at a job of a client, and at a webhook.
    for name, label in (("jobs", "function"), ("tenant_jobs", "tenant"), ("webhooks", "outcome")):
        assert f"# TYPE qwhisk_gateway_{name}_total counter" in gateway
        series.append(f'qwhisk_gateway_{name}_total{{{label}="none"}}')
    expressions = [measured(alert) for alert in alerts()] + dashboard_expressions()
    assert unanswered(expressions, with_values(series, expressions), tmp_path) == []
