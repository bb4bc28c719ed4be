"""The HTTP endpoint: healthy while the loop runs, metrics, and no answer to other sites' pages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from core.origin import Allowed
from poller import health
from tests.poller.harness import Rig


@pytest.fixture
def url(rig: Rig) -> Iterator[str]:
    allowed = Allowed.read({}, "127.0.0.1", "POLLER_HOSTS", "POLLER_ORIGINS")
    server = health.serve(rig.poller, "127.0.0.1", 0, allowed)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_is_healthy_once_the_groups_are_joined_and_while_the_loop_runs(rig: Rig, url: str) -> None:
    rig.poller.step(time.monotonic())
    rig.poller.job_consumer.joined.clear()
    assert requests.get(f"{url}/healthz", timeout=60).status_code == 503
    rig.poller.job_consumer.joined.set()
    assert requests.get(f"{url}/healthz", timeout=60).status_code == 200
    rig.poller.last_step -= health.STUCK + 1
    assert requests.get(f"{url}/healthz", timeout=60).status_code == 503


def test_it_serves_the_metrics(url: str) -> None:
    answer = requests.get(f"{url}/metrics", timeout=60)
    assert answer.status_code == 200
    assert "qwhisk_poller_started_seconds" in answer.text


@pytest.mark.parametrize("header", [{"Host": "attacker.example"}, {"Origin": "https://attacker.example"}])
def test_a_page_of_another_site_gets_no_answer(url: str, header: dict[str, str]) -> None:
    answer = requests.get(f"{url}/metrics", headers=header, timeout=60)
    assert answer.status_code in (403, 421)
    assert "qwhisk_poller" not in answer.text
