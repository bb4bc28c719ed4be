"""The OpenWhisk that the clients are tested on, and the programs that run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.openwhisk import KEY, OpenWhisk
from testkit.programs import path_of
from tests.conftest import IN_CI

HERE = Path(__file__).parent
#: Seconds for installing a client.
INSTALL = 600
#: Options for a Java program that ends after seconds. By default Java takes two to three times as much
#: processor time for it, most of it to optimize the program.
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
#: The same for programs that start Java themselves.
SHORT_LIVED_JAVA = {"JAVA_TOOL_OPTIONS": " ".join(SHORT_LIVED)}


@dataclass(frozen=True)
class Target:
    """An OpenWhisk, and the environment in which tools find it."""

    host: str
    auth: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "WHISK_APIHOST": self.host, "WHISK_AUTH": self.auth, "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Return the local one, or that of WHISK_APIHOST and WHISK_AUTH."""
    given = os.environ.get("WHISK_APIHOST")
    if given:
        yield Target(given if "://" in given else f"https://{given}", os.environ["WHISK_AUTH"])
        return
    server = OpenWhisk(tmp_path_factory.mktemp("clients"))
    try:
        yield Target(server.url.removesuffix("/api/v1"), KEY)
    finally:
        server.close()


def missing(what: str) -> None:
    """Skip on a laptop, fail in CI."""
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)


def node_with_packages(folder: Path, what: str) -> str:
    """Return Node, with the packages of a folder installed according to its package-lock.json.

    Args:
        folder: the folder.
        what: what the packages are, for the message if they cannot be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing(f"no Node.js on PATH: install it to try {what}")
    assert node
    assert npm
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL)
        if ended.returncode:
            missing(f"npm could not install {what}: {ended.stderr[-500:]}")
        installed.touch()
    return node


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node, with the clients installed according to package-lock.json."""
    return node_with_packages(HERE, "the JavaScript clients")


@dataclass(frozen=True)
class Java:
    """A Java compiler, openapi-generator, and the jars that the client it generates needs."""

    generator: Path
    classpath: str


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Java:
    """Return Java with the jars of generated/java.pom.xml; skips in one line if they are not available."""
    path_of("javac", "default-jdk-headless")
    maven = path_of("mvn", "maven")
    folder = tmp_path_factory.mktemp("jars")
    pom = str(HERE / "generated" / "java.pom.xml")
    # Maven keeps what it has downloaded, so only the first run on a machine takes long.
    fetch = [maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    try:
        ended = subprocess.run(
            fetch, env={**os.environ, **SHORT_LIVED_JAVA}, capture_output=True, text=True, timeout=INSTALL
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"Maven Central gave no openapi-generator within {INSTALL} s")
    if ended.returncode:
        pytest.skip(
            f"Maven could not fetch openapi-generator: {(ended.stdout + ended.stderr).strip()[-300:]}"
        )
    [generator] = folder.glob("openapi-generator-cli-*.jar")
    return Java(generator, os.pathsep.join(str(jar) for jar in folder.glob("*.jar") if jar != generator))


@pytest.fixture(scope="session")
def wskdeploy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return wskdeploy, the system's or one that Go installs; skips in one line if neither is available."""
    path = shutil.which("wskdeploy")
    if path:
        return path
    go = shutil.which("go")
    if go is None:
        pytest.skip("wskdeploy is not on PATH, and there is no Go to install it with")
    folder = tmp_path_factory.mktemp("go")
    ended = subprocess.run(
        [go, "install", "github.com/apache/openwhisk-wskdeploy@latest"],
        env={**os.environ, "GOBIN": str(folder)},
        capture_output=True,
        text=True,
        timeout=INSTALL,
    )
    if ended.returncode:
        pytest.skip(f"wskdeploy is out of reach of Go here: {ended.stderr.strip().splitlines()[-1].strip()}")
    return str(folder / "openwhisk-wskdeploy")
