"""What Alice and Bob do in public once the qubits have been measured."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from actions.bb84.amplification import secret_bits, shortened
from actions.bb84.reconciliation import Cascade
from actions.bb84.secrecy import Secrets

#: Above this error rate no key can be made secret: there 1 - 2 h(e) is zero (Shor and Preskill,
#: arXiv:quant-ph/0003004). An eavesdropper who measures every qubit causes 25 %.
THRESHOLD = 0.11


@dataclass(frozen=True)
class Exchange:
    """How it went.

    Args:
        sifted: bits whose bases agreed.
        sampled: how many of them were compared in public.
        wrong: how many of those differed.
        known: the share of the sifted bits that Eve read right; None without her.
        corrected: errors mended in the rest.
        told: parities told in public to find them.
        alice: Alice's key; empty if the exchange was given up.
        bob: Bob's.
    """

    sifted: int
    sampled: int
    wrong: int
    known: float | None
    corrected: int = 0
    told: int = 0
    alice: str = ""
    bob: str = ""

    @property
    def error_rate(self) -> float:
        """Of the bits compared."""
        return self.wrong / self.sampled if self.sampled else 0.0

    @property
    def aborted(self) -> bool:
        """Whether the key was given up; also where nothing could be compared."""
        return not self.sampled or self.error_rate > THRESHOLD


def carried_out(drawn: Secrets, bob: str, eve: str | None) -> Exchange:
    """Sift, compare a sample, and if that is good enough, mend the errors and shorten the key.

    Args:
        drawn: what was chosen beforehand.
        bob: what Bob measured, one character a qubit.
        eve: what Eve measured.
    """
    agreed = [place for place, basis in enumerate(drawn.alice) if basis == drawn.bob[place]]
    sample = [place for place in agreed if drawn.sample[place] == "1"]
    rest = [place for place in agreed if drawn.sample[place] == "0"]
    wrong = sum(drawn.bits[place] != bob[place] for place in sample)
    known = None
    if eve is not None:
        known = sum(drawn.bits[place] == eve[place] for place in agreed) / len(agreed) if agreed else 0.0
    compared = Exchange(len(agreed), len(sample), wrong, known)
    if compared.aborted:
        return compared
    hers, his = ([int(bits[place]) for place in rest] for bits in (drawn.bits, bob))
    cascade = Cascade(hers, his)
    # One error more than was seen: none in the sample does not mean none in the rest.
    cascade.run((wrong + 1) / (len(sample) + 1), Random(drawn.mixing))
    error_rate = (wrong + cascade.corrected) / (len(sample) + len(rest))
    length = secret_bits(len(rest), error_rate, cascade.told)
    keys = [shortened(key, length, drawn.mixing) for key in (hers, cascade.bob)]
    return Exchange(len(agreed), len(sample), wrong, known, cascade.corrected, cascade.told, keys[0], keys[1])
