"""The port of the metrics alone: slow connections, other sites' pages, and ports that are taken."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import pytest
import requests
from prometheus_client import CollectorRegistry

from core import metrics
from core.errors import SettingsError
from core.origin import Allowed

ALLOWED = Allowed.read({}, "127.0.0.1", "POLLER_HOSTS", "POLLER_ORIGINS")


def serve(host: str = "127.0.0.1", port: int = 0) -> WSGIServer:
    return metrics.serve(host, port, ALLOWED, lambda: b"qwhisk_x 1\n", "POLLER_METRICS_PORT")


@pytest.fixture
def server() -> Iterator[WSGIServer]:
    started = serve()
    yield started
    started.shutdown()
    started.server_close()


def test_connections_that_send_nothing_delay_no_scrape(server: WSGIServer) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), 60))
            for _ in range(3 * metrics.MAX_CONNECTIONS)
        ]
        for each in slow[::2]:
            each.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127")
        answer = requests.get(f"http://127.0.0.1:{server.server_port}/metrics", timeout=60)
        assert answer.text == "qwhisk_x 1\n"
        # The oldest ones were closed.
        assert slow[1].recv(1) == b""


def test_a_failed_connection_prints_nothing(
    server: WSGIServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics.QuietHandler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.server_port), 60) as slow:
        slow.sendall(b"GET /metrics")
        assert slow.recv(1) == b""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Host": "attacker.example"}, 421),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_page_of_another_site_gets_no_metrics(
    server: WSGIServer, header: dict[str, str], status: int
) -> None:
    answer = requests.get(f"http://127.0.0.1:{server.server_port}/metrics", headers=header, timeout=60)
    assert answer.status_code == status
    assert "qwhisk_x" not in answer.text


def test_it_listens_where_it_is_told_and_nowhere_else(server: WSGIServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", server.server_port), 60)


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    registry = CollectorRegistry()
    metrics.add_common(registry, "poller")
    [labels] = [
        sample.labels for each in registry.collect() for sample in each.samples if "version" in sample.labels
    ]
    assert labels["version"] == project["version"]


def test_a_port_that_is_taken_is_an_error_with_its_setting(server: WSGIServer) -> None:
    with pytest.raises(SettingsError, match="POLLER_METRICS_PORT"):
        serve(port=server.server_port)


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_it_listens_on_ipv6_addresses(host: str) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    started = serve(host)
    try:
        answer = requests.get(f"http://[::1]:{started.server_port}/metrics", timeout=60)
        assert answer.status_code == 200
    finally:
        started.shutdown()
        started.server_close()
