"""The commands for operators in the images: what a Dockerfile copies is enough for them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_BROKER = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("part", "command", "broker", "shown"),
    [
        ("poller", ["tools.dead_letters", "list", "--help"], NO_BROKER, "--limit"),
        (
            "poller",
            ["tools.doctor", "--part", "gateway"],
            NO_BROKER,
            "This environment has no gateway to check.",
        ),
        ("poller", ["tools.doctor", "--part", "poller"], NO_BROKER, "poller   simulators"),
        ("gateway", ["tools.doctor"], NO_BROKER, "gateway  OpenWhisk"),
        ("gateway", ["tools.load_config_documents"], NO_BROKER, "WHISK_APIHOST is not set"),
        ("gateway", ["tools.doctor"], "", "Kafka          KAFKA_BOOTSTRAP_SERVERS is not set"),
    ],
)
def test_the_image_has_what_the_command_needs(
    tmp_path: Path, part: str, command: list[str], broker: str, shown: str
) -> None:
    text, ignored = (
        (ROOT / part / "Dockerfile").read_text(),
        (ROOT / ".dockerignore").read_text().splitlines(),
    )
    copied = re.findall(
        r"^COPY ((?:core|poller|gateway|tools)/.*) ((?:core|poller|gateway|tools)/\S*)$", text, re.M
    )
    for sources, target in copied:
        for source in sources.split():
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (tmp_path / target).mkdir(exist_ok=True)
                shutil.copy(path, tmp_path / target)
            if source.startswith("tools/"):
                assert ignored.index(f"!{source.rstrip('/')}") > ignored.index("tools/*")
    env = {"PATH": "/usr/bin", "KAFKA_BOOTSTRAP_SERVERS": broker}
    # Not the packages of this folder, which the virtual environment could know.
    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert shown in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
