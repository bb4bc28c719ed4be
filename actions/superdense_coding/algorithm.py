"""Input, circuit and answer of superdense coding."""

from __future__ import annotations

from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.superdense_coding.answer import SuperdenseAnswer
from actions.superdense_coding.circuit import superdense_coding
from actions.toolkit.outcomes import percent, times

MAX_BITS = 16
#: The values of two bits.
PAIRS = ("00", "01", "10", "11")


class SuperdenseInput(ActionInput):
    """The bits to send."""

    message: str = Field(
        min_length=2,
        max_length=MAX_BITS,
        pattern=r"^([01]{2})+$",
        title="Message",
        description=f"An even number of bits, 2 to {MAX_BITS}; each qubit carries two of them.",
        examples=["10110001"],
    )


class SuperdenseCoding(CircuitAlgorithm[SuperdenseInput]):
    """Sends two bits with one qubit and measures how reliably they arrive."""

    name = "superdense_coding"
    title = "Superdense coding"
    description = (
        "Sends two bits with one qubit that is entangled with a qubit of the receiver. The answer has the "
        "received message, and how often each part of it was correct."
    )
    use_case = "Learning how entanglement lets one qubit carry two bits, and testing a backend."
    classical_alternative = (
        "To send bits, use a network. All qubits are on one chip here, so nothing travels, and each needs "
        "a partner that the receiver must have before."
    )
    category = "Communication"
    input = SuperdenseInput
    output = SuperdenseAnswer

    def build(self, params: SuperdenseInput) -> QuantumCircuit:
        return superdense_coding(params.message)

    def answer(self, params: SuperdenseInput, step: Step) -> SuperdenseAnswer:
        """Read each pair of bits by itself: this tolerates more noise than the most frequent message."""
        message, counts = params.message, step.counts()
        shots = sum(counts.values())
        starts = range(0, len(message), 2)
        read = [_tally(counts, start) for start in starts]
        received = "".join(max(PAIRS, key=tally.__getitem__) for tally in read)
        success = counts.get(message, 0) / shots
        pairs = [tally[message[start : start + 2]] / shots for start, tally in zip(starts, read, strict=True)]
        sent = times(len(message) // 2, "qubit")
        note = None
        if received == message:
            rate = f"the whole message was read right in {percent(success)} of {times(shots, 'transmission')}"
            summary = f"All {len(message)} bits arrived by sending {sent}: {received}; {rate}."
            if min(pairs) <= 0.5:
                note = "Noise was strong: only the many repetitions made the message readable."
        else:
            summary = f"{message} was sent by {sent}, but {received} was received."
            note = "The noise was too strong for this message, or there were too few shots."
        return SuperdenseAnswer(
            message=message,
            received=received,
            qubits_sent=len(message) // 2,
            success=success,
            pairs=pairs,
            ideal={message: 1.0},
            summary=summary,
            note=note,
        )


def _tally(counts: dict[str, int], start: int) -> dict[str, int]:
    """The counts of the two bits from `start`."""
    result = dict.fromkeys(PAIRS, 0)
    for outcome, count in counts.items():
        result[outcome[start : start + 2]] += count
    return result


algorithm = SuperdenseCoding()
