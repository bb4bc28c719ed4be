"""The measurement settings that estimate a GHZ state's coherence.

The coherence C = 2 Re <0...0|rho|1...1> is the mean of 2^(n-1) products of Pauli operators: for each even
set of qubits, Y on the set and X elsewhere, with sign (-1)^(size/2). Each is a parity on the GHZ state's
parity oscillation (Gühne et al., arXiv:0706.2432), and each is a Clifford measurement. If there are too
many, a random sample of them estimates the mean without bias (Flammia and Liu, arXiv:1104.4695).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from actions.toolkit.pauli import parity, shots, standard_error

#: Maximum number of measured settings; with up to 4 qubits, all of them.
MAX_SETTINGS = 8

#: The qubits that are measured in Y: bit i is qubit i. The weight is even.
Setting = int


def choose(qubits: int) -> list[Setting]:
    """Return all settings, or a random sample of `MAX_SETTINGS` if there are more."""
    count = 2 ** (qubits - 1)
    picked = (
        range(count) if count <= MAX_SETTINGS else secrets.SystemRandom().sample(range(count), MAX_SETTINGS)
    )
    # The lowest bit makes the weight of the others even.
    return [2 * part + part.bit_count() % 2 for part in picked]


def angles(setting: Setting, qubits: int) -> list[float]:
    """Return the values of the circuit's parameters for a setting."""
    return [math.pi / 2 if setting >> qubit & 1 else 0.0 for qubit in range(qubits)]


def sign(setting: Setting) -> int:
    """Return the parity of the ideal state in this setting."""
    return -1 if setting.bit_count() % 4 else 1


def coherence(
    settings: Sequence[Setting], measured: Sequence[Mapping[str, int]], qubits: int
) -> tuple[float, float]:
    """Return the estimated coherence, from -1 to 1, and its standard error.

    Args:
        settings: the measured settings.
        measured: the counts of each setting.
        qubits: number of qubits of the state.
    """
    parities = [parity(counts) for counts in measured]
    signed = [sign(setting) * value for setting, value in zip(settings, parities, strict=True)]
    errors = [standard_error(value, shots(counts)) for value, counts in zip(parities, measured, strict=True)]
    deviation = math.hypot(*errors) / len(errors)
    if len(settings) < 2 ** (qubits - 1):
        # The spread between the settings includes the shot noise of each.
        deviation = max(deviation, stdev(signed) / math.sqrt(len(signed)))
    return mean(signed), deviation
