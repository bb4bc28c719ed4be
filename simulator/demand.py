"""What the simulation of a circuit has to do, as the cost model needs it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit

from .channels import Channel, Depolarizing, Relaxation
from .circuits import Shape
from .costs import MAX_BOND
from .histories import kraus_of
from .noise import DeviceNoise
from .operations import ends_with_measurements, program
from .simulation_plan import SMALL_QUBITS, Demand

#: Instructions that do nothing to a state without noise.
IDLE = frozenset({"barrier", "delay"})
#: Gates whose Schmidt rank is two.
RANK_TWO = frozenset(
    {"cx", "cy", "cz", "ecr", "cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx", "csx", "ch"}
)


def demand_of(
    circuit: QuantumCircuit, shape: Shape, noise: DeviceNoise | None, num_shots: int, seeded: bool
) -> Demand:
    """Return what the simulation of a circuit has to do.

    Args:
        circuit: A circuit without free parameters.
        shape: Its instructions.
        noise: The device's noise; None for no noise.
        num_shots: Number of shots.
        seeded: Whether the client has set a seed for Aer.
    """
    qubits = len(shape.qubits)
    demand = Demand(
        qubits=qubits,
        gates=max(shape.gates, 1),
        shots=num_shots,
        noisy=noise is not None,
        clifford=shape.clifford,
        control_flow=shape.control_flow,
        assigns=any(name == "store" for name, _ in shape.uses),
        seeded=seeded,
    )
    if noise is None:
        midway = not shape.control_flow and not ends_with_measurements(circuit)
        if shape.clifford or shape.control_flow or qubits <= SMALL_QUBITS:
            return replace(demand, midway=midway)
        return replace(demand, midway=midway, bonds=bonds(circuit))
    if shape.control_flow:
        possible = [channel for name, where in shape.uses for channel in noise.channels(name, where)]
        return replace(demand, mixture=_exact(possible))
    prepared = program(circuit, noise)
    # Gates share their channels, and each is examined once.
    channels = Counter(each for each in prepared.operations if isinstance(each, Depolarizing | Relaxation))
    return replace(
        demand,
        midway=prepared.measures_midway,
        errors=sum(times * _errors(each) for each, times in channels.items()),
        resets=sum(
            times * each.mixture().reset for each, times in channels.items() if isinstance(each, Relaxation)
        ),
        mixture=_exact(channels),
    )


def _exact(channels: Iterable[Channel]) -> bool:
    return all(channel.mixture().exact for channel in channels if isinstance(channel, Relaxation))


def _errors(channel: Channel) -> float:
    """Return the probability of an error, for the completely mixed state."""
    kept = kraus_of(channel)[0]
    return 1 - float((abs(kept) ** 2).sum()) / len(kept)


def bonds(circuit: QuantumCircuit) -> float:
    """Return a bound of the sum of cubed bond dimensions over the gates of a matrix product state.

    Qubits are in a row. A gate on two of them multiplies the bond dimension of each cut between them by at
    most its Schmidt rank, which is two for gates with one control or one angle, and at most four (Vidal, PRL
    91, 147902, 2003). A bond dimension is at most that of the smaller part.

    Returns:
        The bound; infinite if a bond dimension may exceed `MAX_BOND`.
    """
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    used = sorted({index[bit] for item in circuit.data if item.name not in IDLE for bit in item.qubits})
    places = {qubit: place for place, qubit in enumerate(used)}
    cuts = np.arange(1, len(used))
    most = np.minimum(cuts, len(used) - cuts).astype(float)
    exponents = np.zeros(len(cuts))
    total = 0.0
    for item in circuit.data:
        if len(item.qubits) < 2 or item.name in IDLE:
            continue
        where = [places[index[bit]] for bit in item.qubits]
        crossed = slice(min(where), max(where))
        rank = 1 if item.name in RANK_TWO else 2
        exponents[crossed] = np.minimum(exponents[crossed] + rank, most[crossed])
        if 2.0 ** exponents[crossed].max() > MAX_BOND:
            return math.inf
        total += float((8.0 ** exponents[crossed]).sum())
    return total
