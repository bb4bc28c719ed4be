"""The circuit that finds the order of a number modulo another number.

The modular multiplications are made from their tables: x goes to b x mod N for every x that can occur at that
place, and nothing that is known of the order or of the factors goes in. Making the table takes as many steps
as it has numbers, which for a large N is as much work as finding the order by hand. There one would take
arithmetic circuits (Beauregard, quant-ph/0205095), whose thousands of gates no device of today bears.
"""

from __future__ import annotations

from functools import lru_cache

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from actions.shor.synthesis import SynthesisPlan, plan
from actions.toolkit.semiclassical import read_phase
from core.errors import InputError

#: The classical register of the phase.
REGISTER = "phase"


@lru_cache(maxsize=64)
def order_finding(number: int, base: int, bits: int) -> QuantumCircuit:
    """Build the phase estimation of the multiplication by `base` modulo `number`.

    With one control qubit that is used again for each bit (Parker and Plenio, quant-ph/0001066; done for 15
    by Monz et al., arXiv:1507.08852).

    Args:
        number: N, the work register has as many qubits as it has bits.
        base: a number without a common factor with N.
        bits: of the phase; the register read as a number, over 2**bits, is near s / r for a random s, where
            r is the order.
    """
    control = QuantumRegister(1, "control")
    work = QuantumRegister(number.bit_length(), "work")
    outcome = ClassicalRegister(bits, REGISTER)
    circuit = QuantumCircuit(control, work, outcome)
    circuit.x(work[0])
    steps = multiplications(number, base, bits)

    def apply(power: int) -> None:
        step = steps[bits - 1 - power]
        if step is not None:
            _append(circuit, step, control, work)

    read_phase(circuit, control, outcome, apply)
    return circuit


def multiplications(number: int, base: int, bits: int) -> list[SynthesisPlan | None]:
    """Return the plans to multiply by base**(2**k) modulo `number`, from k = bits - 1 to 0; None for 1.

    The work register begins with 1, so that at first few numbers can occur in it.
    """
    occurring = {1}
    result: list[SynthesisPlan | None] = []
    for power in reversed(range(bits)):
        factor = pow(base, 2**power, number)
        if factor == 1:
            result.append(None)
            continue
        step = plan(tuple(sorted((x, x * factor % number) for x in occurring)), number.bit_length())
        if step is None:
            raise InputError(f"base: there is no circuit for base {base} yet. Choose another.", field="base")
        result.append(step)
        occurring |= {x * factor % number for x in occurring}
    return result


def _append(
    circuit: QuantumCircuit, step: SynthesisPlan, control: QuantumRegister, work: QuantumRegister
) -> None:
    if step.change:
        circuit.cx(work[step.change[0]], work[step.change[1]])
    for flip in step.flips:
        factors = [work[bit] for bit in range(len(work)) if flip.product >> bit & 1]
        circuit.mcx([control[0], *factors], work[flip.target])
    if step.change:
        circuit.cx(work[step.change[0]], work[step.change[1]])
