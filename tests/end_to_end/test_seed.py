"""`seed` makes the simulators repeat their counts; hardware refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from testkit.stack import Client, Stack


@pytest.fixture
def client(stack: Stack) -> Client:
    return Client(stack)


def counts(client: Client, backend_type: str, **values: Any) -> Any:
    answer = client.submit(
        function="ghz_state", wait=60, qubits=5, shots=2000, backend_type=backend_type, **values
    )
    assert answer.status_code == 200, answer.text
    event = answer.json()
    assert event["status"] == "DONE", event
    return event["result"]["counts"] or [pub["counts"] for pub in event["result"]["pubs"]]


@pytest.mark.parametrize("backend_type", ["simulator", "noisy_simulator"])
def test_the_same_seed_gives_the_same_counts(client: Client, backend_type: str) -> None:
    first = counts(client, backend_type, seed=7)
    assert counts(client, backend_type, seed=7) == first
    assert counts(client, backend_type, seed=8) != first
    # Without a seed, that two runs agree in every count is less likely than 1 in 100,000.
    assert counts(client, backend_type) != counts(client, backend_type)


def test_hardware_refuses_a_seed_and_names_it(client: Client) -> None:
    answer = client.submit(function="ghz_state", qubits=3, backend_type="hardware", seed=7)
    assert answer.status_code == 422, answer.text
    assert "seed: takes effect on simulators only." in answer.text
