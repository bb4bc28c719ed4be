"""Ports, folders and the environment that the parts get."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingsError
from local.environments import environment
from local.errors import LocalError
from local.settings import LocalSettings
from local.stack import parts


def test_no_proxy_is_used_between_the_parts(tmp_path: Path) -> None:
    settings = LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), "NO_PROXY": "example.com"})
    env = environment(settings, "gateway")
    assert env["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert env["no_proxy"] == "127.0.0.1,localhost"


def test_the_gateways_secret_is_new_for_each_run_and_no_secret_is_shown(tmp_path: Path) -> None:
    first, second = (LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path)}) for _ in range(2))
    assert first.gateway_secret != second.gateway_secret
    assert first.api_key == second.api_key
    assert first.gateway_secret not in repr(first)
    assert first.api_key not in repr(first)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80a"])
def test_a_wrong_port_is_named(tmp_path: Path, port: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_PORT"):
        LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), "GATEWAY_PORT": port})


def test_a_given_openwhisk_replaces_the_local_one(tmp_path: Path) -> None:
    given = {
        "LOCAL_FOLDER": str(tmp_path),
        "LOCAL_WHISK_APIHOST": "whisk.example.com/",
        "LOCAL_WHISK_AUTH": "me:secret",
        "LOCAL_ADDRESS": "127.0.0.2",
    }
    settings = LocalSettings.from_env(given)
    env = environment(settings, "poller")
    assert (settings.url("openwhisk"), env["WHISK_AUTH"]) == ("https://whisk.example.com", "me:secret")
    assert env["KAFKA_BOOTSTRAP_SERVERS"].startswith("127.0.0.2:")
    assert env["SIMULATOR_URL"].startswith("http://127.0.0.2:")
    assert "openwhisk" not in [part.name for part in parts(settings)]
    assert "me:secret" not in repr(settings)
    assert [name for name, value in env.items() if value == "me:secret"] == ["WHISK_AUTH"]


def test_a_given_openwhisk_gets_the_images_of_another_manifest(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("packages: {}\n")
    given = {"LOCAL_FOLDER": str(tmp_path), "MANIFEST": str(mine), "IMAGE_TAG": "0.1.0"}
    settings = LocalSettings.from_env(given)
    assert (settings.manifest, settings.image_tag) == (mine, "0.1.0")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"MANIFEST": "/nowhere/mine.yaml"}, "MANIFEST"),
        ({"IMAGE_TAG": "a b"}, "IMAGE_TAG"),
        ({"LOCAL_WHISK_APIHOST": "ftp://x", "LOCAL_WHISK_AUTH": "a:b"}, "LOCAL_WHISK_APIHOST"),
        ({"LOCAL_WHISK_APIHOST": "https://x"}, "LOCAL_WHISK_AUTH"),
    ],
)
def test_an_error_in_a_given_openwhisk_is_named(tmp_path: Path, wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), **wrong})


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    given = {"LOCAL_FOLDER": str(tmp_path), "LOCAL_ADDRESS": "192.0.2.1"}
    with pytest.raises(LocalError, match="LOCAL_ADDRESS"):
        LocalSettings.from_env(given).check_ports()
