"""Input, circuits and answer of quantum key distribution."""

from __future__ import annotations

from pydantic import Field

from actions.bb84.answer import Bb84Answer
from actions.bb84.circuit import BATCH, angles, channel
from actions.bb84.exchange import THRESHOLD, Exchange, run_exchange
from actions.bb84.secrecy import Secrets
from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.toolkit.outcomes import percent, times

MAX_QUBITS = 1024


class Bb84Input(ActionInput):
    """The number of qubits, and whether there is an eavesdropper."""

    qubits: int = Field(
        default=256,
        ge=4 * BATCH,
        le=MAX_QUBITS,
        multiple_of=BATCH,
        title="Qubits",
        description=f"Number of qubits that Alice sends, a multiple of {BATCH}. A quarter makes the key.",
    )
    eavesdropper: bool = Field(
        default=False,
        title="Eavesdropper",
        description="Whether Eve intercepts every qubit, measures it, and resends the result.",
    )
    shots: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Shots",
        description="Always 1: each qubit is sent and measured only once.",
    )


class Bb84(Algorithm[Bb84Input]):
    """Two parties agree on a secret key and detect an eavesdropper."""

    name = "bb84"
    title = "Quantum key distribution (BB84)"
    description = (
        "Alice sends Bob random bits as qubits, each in one of two bases. Bob measures each in a random "
        "basis. The bits with equal bases make a secret key. An eavesdropper causes errors and is detected. "
        "This is a demonstration: one service plays all parts, so it knows the key."
    )
    use_case = (
        "Showing how two parties notice an eavesdropper, and how correcting errors and removing what she may "
        "know shorten the key."
    )
    classical_alternative = (
        "Never use the key: one service plays all parts and knows it. TLS with a post-quantum method such "
        "as ML-KEM agrees on secret keys over any network. Real quantum key distribution needs an optical "
        "line between the parties, not a quantum computer."
    )
    category = "Communication"
    input = Bb84Input
    output = Bb84Answer

    def start(self, params: Bb84Input) -> Job:
        secrets = Secrets.draw(params.qubits, params.eavesdropper)
        circuit = channel(BATCH, params.eavesdropper)
        pubs = []
        for first in range(0, params.qubits, BATCH):
            sent = slice(first, first + BATCH)
            eve = secrets.eve[sent] if secrets.eve is not None else None
            pubs.append(Pub(circuit, angles(secrets.bits[sent], secrets.alice[sent], eve, secrets.bob[sent])))
        return Job(pubs, shots=1, state=secrets.state, key="channel")

    def proceed(self, params: Bb84Input, step: Step) -> Bb84Answer:
        secrets = Secrets.of(step.state or {})
        bob = _received_bits(step, "meas")
        eve = _received_bits(step, "eve") if params.eavesdropper else None
        exchange = run_exchange(secrets, bob, eve)
        return Bb84Answer(
            summary=_summary(exchange),
            aborted=exchange.aborted,
            error_rate=exchange.error_rate,
            qubits=params.qubits,
            sifted=exchange.sifted,
            compared=exchange.sampled,
            corrected=exchange.corrected,
            disclosed=exchange.announced,
            key=exchange.alice,
            key_bits=len(exchange.alice),
            keys_match=bool(exchange.alice) and exchange.alice == exchange.bob,
            eve_knew=exchange.known,
            note=_note(params, exchange),
        )


def _received_bits(step: Step, register: str) -> str:
    """The bits of a register in all PUBs, the first qubit first."""
    batches = []
    for number in range(len(step.pubs)):
        counts = step.counts(register, number)
        batches.append(max(counts, key=counts.__getitem__)[::-1])
    return "".join(batches)


def _summary(exchange: Exchange) -> str:
    if not exchange.sampled:
        return "Alice and Bob had no bits to compare and aborted."
    differed = f"{percent(exchange.error_rate)} differed"
    compared = f"Of {times(exchange.sampled, 'bit')} that Alice and Bob compared, {differed}"
    limit = f"the {percent(THRESHOLD)} allowed"
    if exchange.aborted:
        return f"{compared}, more than {limit}: there may be an eavesdropper. They discarded the key."
    if not exchange.alice:
        return f"{compared}, but no secret key was left of the rest."
    if exchange.alice != exchange.bob:
        return f"{compared}, but not all errors in the rest were found: their keys differ."
    return f"{compared}, within {limit}. They share a secret key of {times(len(exchange.alice), 'bit')}."


def _note(params: Bb84Input, exchange: Exchange) -> str | None:
    if exchange.aborted and not params.eavesdropper:
        return "There was no eavesdropper: noise caused the errors."
    if params.eavesdropper and not exchange.aborted:
        return "By chance, Eve was not detected: she causes 25 % errors on average. Send more qubits."
    if not exchange.aborted and not exchange.alice:
        return "Finding the errors disclosed too many bits. Send more qubits."
    if exchange.alice != exchange.bob:
        return "Too many errors for their number of bits. Send more qubits, or try again."
    return None


algorithm = Bb84()
