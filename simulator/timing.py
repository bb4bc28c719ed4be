"""How long qubits wait: explicit delays, and idle time in the schedule of a circuit that has delays.

A circuit with delays is meant to have a schedule. Its instructions start as late as possible, as IBM's
compiler schedules them, with the durations that the device reports; a qubit waits between the end of an
instruction and the start of its next one. Before its first instruction a qubit is in its ground state, where
waiting changes nothing. A circuit without delays has no schedule, and its qubits do not wait.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression

from .errors import InvalidJob

#: Seconds of the units of delays; `dt` depends on the device.
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "ps": 1e-12}
#: Seconds of `dt` on a backend that has none, as for the noiseless simulator, where it has no effect.
DEFAULT_DT = 1e-9


class Durations(Protocol):
    """The durations of a device's instructions."""

    #: Seconds of the device's unit of time.
    dt: float

    def duration(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return an instruction's duration in seconds; 0 if it is not known."""
        ...


def has_parameters(operation: Any) -> bool:
    """Return whether the length of a delay has free parameters."""
    value = operation.duration
    return isinstance(value, ParameterExpression) and bool(value.parameters)


def delay_seconds(operation: Any, dt: float) -> float:
    """Return the length of a delay in seconds.

    Args:
        operation: The `Delay`.
        dt: Seconds of the device's unit of time.

    Raises:
        InvalidJob: If the length is not a number of seconds, or negative.
    """
    unit = operation.unit
    value = operation.duration
    scale = dt if unit == "dt" else UNITS.get(unit)
    if scale is None or has_parameters(operation):
        raise InvalidJob(
            "A delay must have a number as duration, in s, ms, us, ns, ps or dt; resolve stretches first."
        )
    try:
        seconds = float(value) * scale
    except (TypeError, ValueError) as error:
        raise InvalidJob("A delay must have a number as duration; resolve stretches first.") from error
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidJob(f"A delay's duration, {value} {unit}, must be finite and not negative.")
    return seconds


def scheduled(circuit: QuantumCircuit, durations: Durations) -> QuantumCircuit:
    """Return a circuit in which all waiting is explicit, as delays.

    Args:
        circuit: A circuit without control flow, whose delays have no free parameters.
        durations: The durations of the device.

    Returns:
        The same circuit if it has no delays.
    """
    waits = _waits(circuit, durations)
    if not waits:
        return circuit
    result = circuit.copy_empty_like()
    for place, item in enumerate(circuit.data):
        for qubit, seconds in waits.get(place, ()):
            result.delay(seconds, qubit, unit="s")
        result._append(item)
    return result


def _waits(circuit: QuantumCircuit, durations: Durations) -> dict[int, list[tuple[int, float]]]:
    """Return how long qubits wait before instructions, besides explicit delays, in seconds."""
    if not any(item.name == "delay" for item in circuit.data):
        return {}
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    # Times before the circuit's end, and each qubit's next instruction.
    ends: dict[int, float] = {}
    following: dict[int, int] = {}
    waits: dict[int, list[tuple[int, float]]] = {}
    for place in range(len(circuit.data) - 1, -1, -1):
        item = circuit.data[place]
        qubits = tuple([index[bit] for bit in item.qubits])
        end = max([ends.get(qubit, 0.0) for qubit in qubits], default=0.0)
        if item.name == "barrier":
            seconds = 0.0
        elif item.name == "delay":
            seconds = delay_seconds(item.operation, durations.dt)
        else:
            seconds = durations.duration(item.name, qubits)
        for qubit in qubits:
            idle = end - ends.get(qubit, 0.0)
            if idle > 0 and qubit in following:
                waits.setdefault(following[qubit], []).append((qubit, idle))
            following[qubit] = place
            ends[qubit] = end + seconds
    return waits
