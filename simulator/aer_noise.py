"""A device's noise for Aer, which simulates the circuits with control flow shot by shot."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp
from qiskit.quantum_info import Kraus
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, depolarizing_error

from .channels import NEGLIGIBLE, Channel, Depolarizing, NoiseKind, Relaxation
from .noise import DeviceNoise
from .timing import delay_seconds

#: Number of cached noise models per device.
KEPT_MODELS = 64


class AerNoise:
    """The noise of one device as Aer's noise models.

    Args:
        device: The device's noise.
    """

    def __init__(self, device: DeviceNoise) -> None:
        self._device = device
        self._model = lru_cache(maxsize=KEPT_MODELS)(self._build)
        self._error = lru_cache(maxsize=4096)(error_of)

    def model(self, kind: NoiseKind, uses: Iterable[tuple[str, tuple[int, ...]]]) -> NoiseModel:
        """Return the noise model of instructions; the same object for the same instructions."""
        return self._model(kind, frozenset(uses))

    def _build(self, kind: NoiseKind, uses: frozenset[tuple[str, tuple[int, ...]]]) -> NoiseModel:
        model = NoiseModel()
        measured: set[int] = set()
        for name, qubits in uses:
            if name == "measure":
                measured.update(qubits)
            elif channels := self._device.channels(name, qubits, kind):
                places = {qubit: place for place, qubit in enumerate(qubits)}
                local = tuple(
                    channel.on(tuple(places[qubit] for qubit in channel.qubits)) for channel in channels
                )
                error = self._error(local, len(qubits))
                model.add_quantum_error(error, name, list(qubits), warnings=False)
        for qubit in sorted(measured):
            up, down = self._device.readout_flips(qubit)
            if up or down:
                flips = [[1 - up, up], [down, 1 - down]]
                model.add_readout_error(ReadoutError(flips), [qubit], warnings=False)
        return model

    def with_delays(self, circuit: QuantumCircuit, kind: NoiseKind) -> QuantumCircuit:
        """Return a circuit in which delays are followed by the relaxation of their qubits, in all blocks."""
        indices = {bit: place for place, bit in enumerate(circuit.qubits)}
        return self._with_delays(circuit, indices, kind)

    def _with_delays(
        self, circuit: QuantumCircuit, indices: dict[object, int], kind: NoiseKind
    ) -> QuantumCircuit:
        result = circuit.copy_empty_like()
        for item in circuit.data:
            operation = item.operation
            if isinstance(operation, ControlFlowOp):
                qubits = [indices[bit] for bit in item.qubits]
                blocks = [
                    self._with_delays(block, dict(zip(block.qubits, qubits, strict=True)), kind)
                    for block in operation.blocks
                ]
                result._append(CircuitInstruction(operation.replace_blocks(blocks), item.qubits, item.clbits))
            elif item.name == "delay":
                seconds = delay_seconds(operation, self._device.dt)
                relaxation = self._device.waiting(indices[item.qubits[0]], seconds, kind)
                if relaxation is not None:
                    error = self._error((relaxation.on((0,)),), 1)
                    result.append(error.to_instruction(), item.qubits)
            else:
                result._append(item)
        return result


def error_of(channels: tuple[Channel, ...], num_qubits: int) -> QuantumError:
    """Return channels on the qubits 0 to `num_qubits` - 1, one after the other, as Aer's error."""
    nothing = QuantumError([(QuantumCircuit(num_qubits), 1.0)])
    single = QuantumError([(QuantumCircuit(1), 1.0)])
    error = nothing
    for channel in channels:
        if isinstance(channel, Depolarizing):
            error = error.compose(depolarizing_error(channel.probability, len(channel.qubits)))
            continue
        # The first qubit is the least significant one, so it is the right factor.
        factors = [single] * num_qubits
        factors[channel.qubits[0]] = QuantumError(_terms(channel))
        whole = factors[0]
        for factor in factors[1:]:
            whole = factor.tensor(whole)
        error = error.compose(whole)
    return error


def _terms(channel: Relaxation) -> list[tuple[QuantumCircuit | Kraus, float]]:
    """Return relaxation as circuits with probabilities if it is a mixture, else as one Kraus operation."""
    mixture = channel.mixture()
    if channel.kind == "full" and not mixture.exact:
        return [(Kraus(list(channel.kraus())), 1.0)]
    kept = 1 - mixture.x - mixture.y - mixture.z - mixture.reset
    weights = {"id": kept, "x": mixture.x, "y": mixture.y, "z": mixture.z, "reset": mixture.reset}
    terms: list[tuple[QuantumCircuit | Kraus, float]] = []
    for name, weight in weights.items():
        if weight > NEGLIGIBLE:
            circuit = QuantumCircuit(1)
            getattr(circuit, name)(0)
            terms.append((circuit, weight))
    return terms
