"""The Python client and the command at a gateway that a reverse proxy serves below a path prefix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qwhisk_client import Client
from qwhisk_client.cli.main import main
from testkit.replicas import beside
from testkit.reverse_proxy import ReverseProxy
from testkit.stack import Stack

PREFIX = "/quantum/qwhisk"


@pytest.fixture(scope="module")
def proxy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReverseProxy]:
    """A proxy that keeps the prefix in the paths, which the gateway's setting names."""
    with (
        beside(stack, tmp_path_factory.mktemp("prefix"), GATEWAY_PREFIX=PREFIX) as gateway,
        ReverseProxy(gateway.port, PREFIX, strips=False, says=False) as proxy,
    ):
        yield proxy
        assert proxy.outside == []


@pytest.mark.parametrize("end", ["", "/"])
def test_a_function_is_run_and_its_events_arrive_below_the_prefix(proxy: ReverseProxy, end: str) -> None:
    with Client(proxy.url + end) as client:
        job = client.submit("bell_state", shots=64)
        assert [event.final for event in job.events(timeout=120)][-1]
        assert job.result().summary
        assert [each.id for each in client.jobs()] == [job.id]
        assert client.function("bell_state").output_schema


def test_the_command_runs_a_function_below_the_prefix(
    proxy: ReverseProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    assert main(["run", "bell_state", "--shots", "64", "--url", proxy.url]) == 0
    assert "the same bit" in capsys.readouterr().out
