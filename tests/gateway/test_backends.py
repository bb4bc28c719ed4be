"""`/backends`: what clients learn of each backend, and whether it is a quantum processor."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from core.kafka.publisher import Publisher
from core.kafka.topics import BACKENDS
from core.protocol import BackendInfo, BackendList, encode
from core.protocol.events import BackendType
from testkit.replicas import FREE, broker, replica, session
from testkit.waiting import until

PATIENCE = 60


def backend(name: str, backend_type: BackendType, **more: Any) -> BackendInfo:
    seen_at = datetime(2026, 1, 1, tzinfo=UTC)
    state = {"qubits": 5, "operational": True, "queue_length": 3, "seen_at": seen_at} | more
    return BackendInfo(name=name, backend_type=backend_type, **state)


def test_a_simulated_device_is_told_from_a_quantum_processor(tmp_path: Path) -> None:
    listed = [
        backend("ibm_fez", "hardware"),
        backend("fake_fez", "hardware", operational=False, reason="being calibrated"),
        backend("aer_simulator", "simulator"),
        backend("aer_simulator_noisy_fez", "noisy_simulator"),
    ]
    with broker(tmp_path) as kafka, replica(tmp_path, kafka, tmp_path, **FREE) as gateway:
        publisher = Publisher(kafka)
        try:
            publisher.publish(BACKENDS, BACKENDS, encode(BackendList(backends=listed)))
        finally:
            publisher.close()
        headers = {"Authorization": f"Bearer {session(gateway)}"}

        def shown() -> list[dict[str, Any]]:
            answer = requests.get(f"{gateway.url}/api/v1/backends", headers=headers, timeout=PATIENCE)
            found: list[dict[str, Any]] = answer.json()["backends"]
            return found

        until(shown, PATIENCE)
        backends = shown()
    assert {each["name"]: each["simulated"] for each in backends} == {
        "ibm_fez": False,
        "fake_fez": True,
        "aer_simulator": True,
        "aer_simulator_noisy_fez": True,
    }
    for each, known in zip(backends, listed, strict=True):
        assert {name: value for name, value in each.items() if name != "simulated"} == known.model_dump(
            mode="json"
        )
