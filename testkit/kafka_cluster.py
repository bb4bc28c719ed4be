"""Three brokers of Apache Kafka, each a process that can be killed and started again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.kafka.admin import Topics
from core.settings import KafkaSettings
from testkit import apache_kafka
from testkit.stack import free_ports, wait_for

NODES = 3
_CLUSTER = "4L6g3nShT-eMCtK--X86sw"
#: What a deployment with three brokers sets: an acknowledged message is on two of them.
_PROPERTIES = """
process.roles=broker,controller
node.id={node}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters={voters}
log.dirs={folder}/data
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
{groups}"""


class Cluster:
    """The brokers.

    Args:
        folder: for their data and logs.
    """

    def __init__(self, folder: Path) -> None:
        java = [apache_kafka.installed(), "-Xmx256m", "-cp", f"{apache_kafka.JARS}/*"]
        self._java, self._folder = java, folder
        ports = free_ports(2 * NODES)
        self.ports, controllers = ports[:NODES], ports[NODES:]
        self.settings = KafkaSettings(
            ",".join(f"127.0.0.1:{port}" for port in self.ports), replication_factor=NODES
        )
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers))
        for node, (port, controller) in enumerate(zip(self.ports, controllers, strict=True)):
            home = folder / str(node)
            home.mkdir(parents=True)
            properties = home / "server.properties"
            properties.write_text(
                _PROPERTIES.format(
                    node=node,
                    port=port,
                    controller=controller,
                    voters=voters,
                    folder=home,
                    groups=apache_kafka.GROUPS,
                )
            )
            format_ = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)]
            subprocess.run(format_, check=True, capture_output=True, timeout=120)

    def start(self, node: int) -> None:
        """Start a broker, without waiting for it."""
        home = self._folder / str(node)
        with (home / "log").open("ab") as log:
            self._processes[node] = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(home / "server.properties")], stdout=log, stderr=log
            )

    def wait(self, node: int) -> None:
        """Wait until a broker that was started answers."""
        alone = replace(self.settings, bootstrap_servers=f"127.0.0.1:{self.ports[node]}")
        wait_for(lambda: Topics(alone).reachable(), 120)

    def kill(self, node: int) -> None:
        """Kill a broker."""
        self._processes[node].kill()
        self._processes[node].wait(30)

    def close(self) -> None:
        """Kill all brokers."""
        for node in self._processes:
            self.kill(node)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start three brokers, and wait until they answer; skips if Kafka is not available."""
    made = Cluster(folder)
    try:
        for node in range(NODES):
            made.start(node)
        wait_for(lambda: Topics(made.settings).reachable(), 120)
        yield made
    finally:
        made.close()
