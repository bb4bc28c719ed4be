"""Common inputs are declared in `ActionInput`; submission and page find them there."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework import submission as module
from actions.framework.input import ActionInput, SimulatorOption, validated
from actions.framework.job import Job, Pub
from actions.framework.submission import Run, Submission
from core.errors import InputError
from tests.actions.fakes import Provider, Publisher
from tests.actions.test_submission import ENVELOPE
from tools import common_inputs
from tools.documents import ACTIONS


class OptionInput(ActionInput):
    """An input with an option of the simulators."""

    precision: Annotated[Annotated[int, Field(ge=1, le=9)] | None, SimulatorOption("angle_decimals")] = Field(
        default=None, title="Precision", description="Decimals."
    )


def submitted(values: dict[str, Any], kind: type[ActionInput] = OptionInput) -> Provider:
    """Return the provider after a submission with this input."""
    provider = Provider()
    fakes: Any = (provider, Publisher(), (0.0,), 0.0)
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    Submission(*fakes).submit(Run("f", kind(**values), values, ENVELOPE), Job([Pub(circuit)]))
    return provider


@pytest.mark.parametrize("backend_type", ["simulator", "noisy_simulator"])
def test_an_option_of_the_simulators_is_submitted_under_its_name(backend_type: str) -> None:
    provider = submitted({"precision": 3, "backend_type": backend_type})
    assert provider.simulator_options == [{"angle_decimals": 3}]
    assert submitted({"backend_type": backend_type}).simulator_options == [{}]
    assert submitted({"backend_type": "hardware"}).simulator_options == [{}]


def test_an_option_of_the_simulators_is_refused_for_hardware_by_its_name() -> None:
    with pytest.raises(
        InputError, match=r"precision: takes effect on simulators only\. Leave it out, or"
    ) as caught:
        validated(OptionInput, {"precision": 3, "backend_type": "hardware"})
    assert [item["field"] for item in caught.value.details["errors"]] == ["precision"]
    assert validated(OptionInput, {"precision": None, "backend_type": "hardware"})


def test_a_seed_is_for_simulators_and_changes_no_circuit() -> None:
    seeded = submitted({"seed": 7, "backend_type": "noisy_simulator"}, ActionInput)
    assert seeded.simulator_options == [{"seed_simulator": 7}]
    assert seeded.ready.keys == submitted({}, ActionInput).ready.keys
    with pytest.raises(InputError, match="seed: takes effect on simulators only"):
        validated(ActionInput, {"seed": 7, "backend_type": "hardware"})
    for wrong in (-1, 2**31, "7", 7.5, True):
        with pytest.raises(InputError, match="seed: "):
            validated(ActionInput, {"seed": wrong})


def test_a_common_input_does_not_change_the_key_of_a_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert submitted({"precision": 3}).ready.keys != submitted({"precision": 4}).ready.keys
    monkeypatch.setattr(module, "COMMON_INPUTS", frozenset({*ActionInput.model_fields, "precision"}))
    [plain] = submitted({}).ready.keys
    assert submitted({"precision": 3, "shots": 5, "backend": "aer_simulator"}).ready.keys == [plain]


def test_the_pages_list_of_common_inputs_is_the_models() -> None:
    text = common_inputs.text()
    assert [name for name in ActionInput.model_fields if f'"{name}"' not in text] == []
    kept = (ACTIONS.parent / common_inputs.PATH).read_text()
    assert kept == text, "stale: run `make documents`"
