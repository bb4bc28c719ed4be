"""The public discussion of Alice and Bob after the qubits are measured."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from actions.bb84.amplification import hash_key, secret_bits
from actions.bb84.reconciliation import Cascade
from actions.bb84.secrecy import Secrets

#: Error rate above which no secret key is possible: 1 - 2 h(e) is zero (Shor and Preskill,
#: arXiv:quant-ph/0003004). An eavesdropper who measures every qubit causes 25 %.
THRESHOLD = 0.11


@dataclass(frozen=True)
class Exchange:
    """The result of the discussion.

    Args:
        sifted: number of bits whose bases agreed.
        sampled: number of those that were compared in public.
        wrong: number of compared bits that differed.
        known: share of the sifted bits that Eve measured correctly; None without Eve.
        corrected: number of errors corrected in the rest.
        announced: number of parities announced to find them.
        alice: Alice's key; empty if the exchange was aborted.
        bob: Bob's key.
    """

    sifted: int
    sampled: int
    wrong: int
    known: float | None
    corrected: int = 0
    announced: int = 0
    alice: str = ""
    bob: str = ""

    @property
    def error_rate(self) -> float:
        """The error rate of the compared bits."""
        return self.wrong / self.sampled if self.sampled else 0.0

    @property
    def aborted(self) -> bool:
        """Whether the key was discarded, because of errors or because no bits could be compared."""
        return not self.sampled or self.error_rate > THRESHOLD


def run_exchange(secrets: Secrets, bob: str, eve: str | None) -> Exchange:
    """Sift the bits, compare a sample, and unless it has too many errors, correct them and shorten the key.

    Args:
        secrets: the random choices.
        bob: the bits that Bob measured, one character for each qubit.
        eve: the bits that Eve measured; None without Eve.
    """
    agreed = [place for place, basis in enumerate(secrets.alice) if basis == secrets.bob[place]]
    sample = [place for place in agreed if secrets.sample[place] == "1"]
    rest = [place for place in agreed if secrets.sample[place] == "0"]
    wrong = sum(secrets.bits[place] != bob[place] for place in sample)
    known = None
    if eve is not None:
        known = sum(secrets.bits[place] == eve[place] for place in agreed) / len(agreed) if agreed else 0.0
    compared = Exchange(len(agreed), len(sample), wrong, known)
    if compared.aborted:
        return compared
    hers, his = ([int(bits[place]) for place in rest] for bits in (secrets.bits, bob))
    cascade = Cascade(hers, his)
    # One error more than measured: a sample without errors does not mean that the rest has none.
    cascade.run((wrong + 1) / (len(sample) + 1), Random(secrets.mixing))
    error_rate = (wrong + cascade.corrected) / (len(sample) + len(rest))
    length = secret_bits(len(rest), error_rate, cascade.announced)
    keys = [hash_key(key, length, secrets.mixing) for key in (hers, cascade.bob)]
    return Exchange(
        len(agreed), len(sample), wrong, known, cascade.corrected, cascade.announced, keys[0], keys[1]
    )
