"""The number of iterations and their phase for a given share of marked elements."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Probability that a two-qubit gate has no error on today's better devices, with the decoherence during it.
#: Measured with the noise of a Heron processor and three to five qubits.
GATE_FIDELITY = 0.996
#: Two-qubit gates on a device's lattice for one between connected qubits, with three to five qubits.
ROUTING = 1.5


@dataclass(frozen=True)
class GroverPlan:
    """The parameters of a search.

    Args:
        iterations: number of Grover iterations; each queries the oracle once.
        angle: the phase of the marked elements and of the reflection, in radians.
        success: the probability of measuring a marked element without noise.
    """

    iterations: int
    angle: float
    success: float


def plan(marked: int, elements: int, iterations: int | None = None, fidelity: float = 1.0) -> GroverPlan:
    """Return the search with the highest success, or the one with the given number of iterations.

    After k iterations a marked element is measured with probability sin^2((2k + 1) t), where sin^2(t) is the
    share of the marked ones (Boyer, Brassard, Hoyer, Tapp, arXiv:quant-ph/9605034). Where more than a quarter
    is marked even one iteration turns too far, and where half is marked it gains nothing: there one
    iteration with a smaller phase is certain to succeed (Long, arXiv:quant-ph/0106071).

    Args:
        marked: number of marked elements, at least one.
        elements: number of elements.
        iterations: number of iterations; None for the optimum.
        fidelity: the probability that an iteration has no error; with an error the outcome is random.
            The less there is, the fewer iterations are best.
    """
    turn = math.asin(math.sqrt(marked / elements))
    if iterations is None:
        if marked == elements:
            return GroverPlan(0, math.pi, 1.0)
        if 4 * marked > elements:
            return GroverPlan(1, 2 * math.asin(0.5 / math.sin(turn)), 1.0)
        guess = marked / elements

        def expected(k: int) -> float:
            return guess + fidelity**k * (_success(k, turn) - guess)

        # Of equal successes, the one with fewer queries.
        most = math.ceil(math.pi / 4 / turn)
        iterations = max(range(most + 1), key=lambda k: (round(expected(k), 12), -k))
    return GroverPlan(iterations, math.pi, _success(iterations, turn))


def fidelity(gates: int) -> float:
    """Return the probability that an iteration has no error.

    Args:
        gates: its number of two-qubit gates if all qubits are connected.
    """
    return float(GATE_FIDELITY ** (gates * ROUTING))


def _success(iterations: int, turn: float) -> float:
    return math.sin((2 * iterations + 1) * turn) ** 2
