"""Correction of Bob's errors by comparing parities (Cascade; Brassard and Salvail, EUROCRYPT '93).

The blocks are long from the third pass on, and there are more passes than the original four: that leaves
fewer errors for hardly more parities (Martinez-Mateo et al., arXiv:1407.3257).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

#: Number of passes; each of the last eight halves the probability that a pair of errors is missed.
PASSES = 10
#: Block length of the first pass, times the error rate.
FIRST_BLOCK = 0.73


@dataclass
class Cascade:
    """Alice's and Bob's sifted bits, and the parities that they announce.

    Args:
        alice: Alice's bits.
        bob: Bob's bits, which are corrected in place.
    """

    alice: Sequence[int]
    bob: list[int]
    #: Number of announced parities, each of which is one bit that an eavesdropper learns.
    announced: int = 0
    corrected: int = 0
    #: The blocks of all previous passes.
    blocks: list[list[int]] = field(default_factory=list)

    def run(self, error_rate: float, random: Random) -> None:
        """Run the passes over shuffled bits; an error found in one reveals errors that earlier ones missed.

        Args:
            error_rate: the estimated error rate, which determines the block length.
            random: a public generator, the same for both.
        """
        size = len(self.alice)
        length = max(int(FIRST_BLOCK / error_rate), 2)
        for number in range(PASSES):
            order = list(range(size))
            if number:
                random.shuffle(order)
            half = max((size + 1) // 2, 1)
            step = min(length << number, half) if number < 2 else half
            new = [order[start : start + step] for start in range(0, size, step)]
            # After the first pass the parity of all bits is known, and therefore that of the last block.
            self.announced += len(new) - (1 if number and new else 0)
            self.blocks += new
            self._settle()

    def _settle(self) -> None:
        """Correct one bit of the shortest block with different parities, until there is no such block."""
        while odd := [block for block in self.blocks if self._differs(block)]:
            self._correct(min(odd, key=len))

    def _differs(self, block: Sequence[int]) -> bool:
        return bool(sum(self.alice[place] ^ self.bob[place] for place in block) % 2)

    def _correct(self, block: Sequence[int]) -> None:
        """Halve the block, always keeping the half whose parities differ, and flip the last bit left."""
        while len(block) > 1:
            half = block[: len(block) // 2]
            self.announced += 1
            block = half if self._differs(half) else block[len(block) // 2 :]
        self.bob[block[0]] ^= 1
        self.corrected += 1
