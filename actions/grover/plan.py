"""How often to iterate, and by which phase, for a given share of marked elements."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Probability that a two-qubit gate, and what decays meanwhile, goes well on today's better devices. Measured
#: on the noise of a Heron processor with three to five qubits.
GATE_FIDELITY = 0.996
#: Two-qubit gates on a device's lattice for one where all qubits are neighbours, with three to five qubits.
ROUTING = 1.5


@dataclass(frozen=True)
class GroverPlan:
    """A search.

    Args:
        iterations: of the Grover operator; each asks the oracle once.
        angle: the phase, in radians, that marked elements get, and the even superposition in the reflection.
        success: the probability, without noise, that a marked element is measured.
    """

    iterations: int
    angle: float
    success: float


def plan(marked: int, elements: int, iterations: int | None = None, fidelity: float = 1.0) -> GroverPlan:
    """The search with the highest success, or the one with the iterations asked for.

    After k iterations a marked element is measured with probability sin^2((2k + 1) t), where sin^2(t) is the
    share of the marked ones (Boyer, Brassard, Hoyer, Tapp, arXiv:quant-ph/9605034). Where more than a quarter
    is marked even one iteration turns too far, and where half is marked it gains nothing: there one
    iteration with a smaller phase is certain to succeed (Long, arXiv:quant-ph/0106071).

    Args:
        marked: how many are marked, at least one.
        elements: how many there are.
        iterations: None for the best number.
        fidelity: the probability that noise spares an iteration; where it does not, the outcome is a guess.
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

        # At equal success the one with fewer questions.
        most = math.ceil(math.pi / 4 / turn)
        iterations = max(range(most + 1), key=lambda k: (round(expected(k), 12), -k))
    return GroverPlan(iterations, math.pi, _success(iterations, turn))


def fidelity(gates: int) -> float:
    """The probability that noise spares an iteration.

    Args:
        gates: its two-qubit gates, where every two qubits are neighbours.
    """
    return float(GATE_FIDELITY ** (gates * ROUTING))


def _success(iterations: int, turn: float) -> float:
    return math.sin((2 * iterations + 1) * turn) ** 2
