"""Ports, folders and the environment that the parts get."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.errors import LocalError
from local.settings import LocalSettings


def test_no_account_of_the_person_at_the_terminal_reaches_the_parts(tmp_path: Path) -> None:
    own = {
        "LOCAL_FOLDER": str(tmp_path),
        "QISKIT_IBM_TOKEN": "s3cret",
        "KAFKA_SASL_PASSWORD": "s3cret",
        "CLOUDANT_APIKEY": "s3cret",
        "GATEWAY_SECRET": "s3cret",
        "PATH": "/bin",
    }
    env = LocalSettings.from_env(own).part_env()
    assert "s3cret" not in env.values()
    assert env["PATH"] == "/bin"


def test_no_proxy_lies_between_the_parts(tmp_path: Path) -> None:
    env = LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), "NO_PROXY": "example.com"}).part_env()
    assert env["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert env["no_proxy"] == "127.0.0.1,localhost"


def test_secrets_are_new_for_each_run_and_not_shown(tmp_path: Path) -> None:
    one, two = (LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path)}) for _ in range(2))
    assert one.gateway_secret != two.gateway_secret
    assert one.api_key != two.api_key
    assert one.gateway_secret not in repr(one)
    assert one.api_key not in repr(one)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80a"])
def test_a_wrong_port_is_named(tmp_path: Path, port: str) -> None:
    with pytest.raises(LocalError, match="GATEWAY_PORT"):
        LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), "GATEWAY_PORT": port})
