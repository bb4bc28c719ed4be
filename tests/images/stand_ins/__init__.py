"""Images in the place of Kafka's, CouchDB's and OpenWhisk's, for a machine without a registry that has those.

Each is made of what this machine has: Kafka's jars and Java, pouchdb-server and Node, the local OpenWhisk and
the `docker` client. So building them downloads nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from testkit import apache_kafka
from testkit.couchdb import server as couchdb
from testkit.stack import ROOT

HERE = Path(__file__).parent
#: Seconds to build one, on a machine that is busy with others.
BUILD_TIMEOUT = 300.0


def build(folder: Path) -> dict[str, str]:
    """Build the images.

    Args:
        folder: an empty one, for what goes into them.

    Returns:
        The image of each service.
    """
    images = {}
    for service, fill in FILL.items():
        context = folder / service
        shutil.copytree(HERE / service, context)
        fill(context)
        images[service] = f"qwhisk-test/{service}"
        command = [
            "docker",
            "build",
            "--tag",
            images[service],
            "--build-arg",
            f"BASE={_base()}",
            str(context),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return images


def _base() -> str:
    """Return the image from which the project's own are built, so that it is on this machine already."""
    text = (ROOT / "poller" / "Dockerfile").read_text()
    given = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    return str(given["PYTHON_IMAGE"]).replace("${PYTHON}", given["PYTHON"])


def _fill_kafka(context: Path) -> None:
    java = Path(apache_kafka.installed()).resolve()
    shutil.copytree(apache_kafka.JARS, context / "libs")
    # A Java with the modules that the broker needs, instead of a whole one of five times the size.
    modules = (
        "java.base,java.logging,java.management,java.naming,java.sql,java.security.jgss,java.security.sasl"
    )
    modules += ",java.desktop,jdk.management,jdk.unsupported,jdk.crypto.ec"
    command = [str(java.with_name("jlink")), "--add-modules", modules, "--output", str(context / "jdk")]
    subprocess.run(
        [*command, "--strip-debug", "--no-header-files", "--no-man-pages"],
        check=True,
        capture_output=True,
        timeout=180,
    )


def _fill_couchdb(context: Path) -> None:
    couchdb.install()
    shutil.copytree(couchdb.HERE / "node_modules", context / "couchdb" / "node_modules", symlinks=True)
    _add_program(context, "node")
    _add_program(context, "curl")


def _fill_openwhisk(context: Path) -> None:
    for package in ("core", "local"):
        shutil.copytree(ROOT / package, context / package, ignore=shutil.ignore_patterns("__pycache__"))
    docker = shutil.which("docker")
    assert docker
    shutil.copy(docker, context / "docker")
    _add_program(context, "curl")


def _add_program(context: Path, name: str) -> None:
    """Put a program of this machine into a context, with its libraries: the image may have others."""
    program = shutil.which(name)
    assert program, f"{name} is not on PATH"
    libraries = context / "host"
    libraries.mkdir(exist_ok=True)
    shutil.copy(program, libraries / name)
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, timeout=30).stdout
    for library in re.findall(r"(/\S+) \(0x", listed):
        shutil.copy(library, libraries)
    [loader] = [path.name for path in libraries.glob("ld-*")]
    start = f"/opt/host/{loader} --library-path /opt/host /opt/host/{name}"
    (context / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')


#: What adds this machine's files to the folder of a service.
FILL: dict[str, Callable[[Path], None]] = {
    "kafka": _fill_kafka,
    "couchdb": _fill_couchdb,
    "openwhisk": _fill_openwhisk,
}
