"""Apache Kafka in KRaft mode instead of the local broker: its jars from Maven Central, one process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.programs import path_of
from testkit.stack import ROOT, free_ports

#: The folder in which the jars are kept between runs.
JARS = ROOT / ".local" / "kafka"
#: Seconds that fetching them may take.
TIMEOUT = 420

#: Groups with `KAFKA_GROUP_PROTOCOL=consumer` as docs/deploy.md recommends them: the broker decides when a
#: member has failed. Without these lines it waits 45 s.
GROUPS = """group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=1000
"""
#: What the local stack starts as its broker; LISTENER_URL has its own address.
_SCRIPT = """#!{python}
import os, subprocess
port = os.environ["LISTENER_URL"].rpartition(":")[2]
folder = {folder!r}
properties = os.path.join(folder, "server.properties")
with open(properties, "w") as file:
    file.write(f'''
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
{groups}''')
cluster = "4L6g3nShT-eMCtK--X86sw"
java = [{java!r}, "-Xmx512m", "-cp", {jars!r} + "/*"]
subprocess.run(
    [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", properties],
    check=True,
)
os.execv(java[0], [*java, "kafka.Kafka", properties])
"""


def environment(folder: Path) -> dict[str, str]:
    """Return what makes the local stack run Apache Kafka; skips with one line if it is not available.

    Args:
        folder: the folder for Kafka's data.
    """
    java = installed()
    [controller] = free_ports(1)
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "broker"
    script.write_text(
        _SCRIPT.format(
            python=sys.executable,
            folder=str(folder),
            controller=controller,
            java=java,
            jars=str(JARS),
            groups=GROUPS,
        )
    )
    script.chmod(0o755)
    # The stack uses this program as its broker.
    return {"CALF_TANSU_BIN": str(script)}


def installed() -> str:
    """Return the Java that runs Kafka, once its jars are in `JARS`; skips with one line if not available."""
    java, maven = path_of("java", "default-jdk-headless"), path_of("mvn", "maven")
    if not list(JARS.glob("kafka-tools-4*.jar")):
        _fetch(maven)
    return java


def _fetch(maven: str) -> None:
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(Path(__file__).with_name("apache_kafka.pom.xml")),
        "dependency:copy-dependencies",
    ]
    command.append(f"-DoutputDirectory={JARS}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=os.environ)
    except subprocess.TimeoutExpired:
        _without(f"Maven Central gave no jars within {TIMEOUT} s")
        return
    if done.returncode != 0:
        _without(f"Maven could not fetch Kafka's jars: {(done.stdout + done.stderr).strip()[-300:]}")


def _without(reason: str) -> None:
    pytest.skip(f"no Apache Kafka here: {reason}")
