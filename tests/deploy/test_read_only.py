"""Each part runs as in the Helm chart: only its temporary folder and its volumes can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from core.settings import KafkaSettings
from testkit.replicas import broker, process
from testkit.stack import free_ports
from tests.deploy.test_service_links import NEEDED, PORTS

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"),
    reason="wants root, unshare and setpriv",
)

#: Runs a command in its own mount namespace, without capabilities and with one folder that can be written.
RESTRICTED = """
mount --make-rprivate / && mount -t tmpfs none "$HOME" && mount -o remount,bind,ro / || exit 99
cd "$PWD" && exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""


def restricted(*command: str) -> list[str]:
    """Return the command that runs another one so. The folder is `HOME`, as /tmp is in the images."""
    return ["unshare", "--mount", "sh", "-c", RESTRICTED, "sh", *command]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with broker(tmp_path_factory.mktemp("broker")) as settings:
        yield settings


def test_nothing_else_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    for folder, status in ((tmp_path, 1), (tmp_path / "home", 0)):
        done = subprocess.run(restricted("touch", f"{folder}/file"), env=env, capture_output=True, timeout=60)
        assert done.returncode == status, done.stderr


@pytest.mark.parametrize("part", NEEDED)
def test_a_part_writes_only_to_its_temporary_folder(part: str, kafka: KafkaSettings, tmp_path: Path) -> None:
    [port] = free_ports(1)
    for name in ("documents", "home"):
        (tmp_path / name).mkdir()
    home = str(tmp_path / "home")
    env = NEEDED[part] | {PORTS[part].name: str(port), "CONFIG_FOLDER": str(tmp_path / "documents")}
    env |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "KAFKA_FETCH_WAIT_MAX_MS": "10"}
    env |= {"HOME": home, "TMPDIR": home}
    if part == "simulator":
        # The volume. It measures the machine, and writes that to its home.
        env |= {"SIMULATOR_DATABASE": f"{home}/simulator.db", "SIMULATOR_COSTS": ""}
    url = f"http://127.0.0.1:{port}/healthz"
    with process(restricted(sys.executable, "-m", part), env, tmp_path / "log", url):
        assert requests.get(url, timeout=20).status_code == 200
    assert "Read-only file system" not in (tmp_path / "log").read_text()
