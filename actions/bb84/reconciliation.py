"""Bob's errors found and mended by comparing parities (Cascade; Brassard and Salvail, EUROCRYPT '93).

With long blocks from the third pass on, and more passes than the original four, which leaves fewer errors
for hardly more parities (Martinez-Mateo et al., arXiv:1407.3257).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

#: Passes; each of the last eight halves the chance that a pair of errors is missed.
PASSES = 10
#: The first pass's block length times the error rate.
FIRST_BLOCK = 0.73


@dataclass
class Cascade:
    """Alice's and Bob's sifted bits, and the parities that they tell each other.

    Args:
        alice: her bits.
        bob: his, which are corrected in place.
    """

    alice: Sequence[int]
    bob: list[int]
    #: Parities told in public, each of which is a bit that an eavesdropper learns.
    told: int = 0
    corrected: int = 0
    #: The blocks of all passes so far.
    blocks: list[list[int]] = field(default_factory=list)

    def run(self, error_rate: float, random: Random) -> None:
        """Passes over shuffled bits; an error found in one shows errors that earlier passes missed.

        Args:
            error_rate: as far as it is known; the block length follows from it.
            random: public, the same for both.
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
            # After the first pass the parity of all bits is known, and with it that of the last block.
            self.told += len(new) - (1 if number and new else 0)
            self.blocks += new
            self._settle()

    def _settle(self) -> None:
        """Until every block's parities agree, take the shortest that does not and mend one bit of it."""
        while odd := [block for block in self.blocks if self._differs(block)]:
            self._mend(min(odd, key=len))

    def _differs(self, block: Sequence[int]) -> bool:
        return bool(sum(self.alice[place] ^ self.bob[place] for place in block) % 2)

    def _mend(self, block: Sequence[int]) -> None:
        """Halve the block until one bit is left, following the half whose parities differ."""
        while len(block) > 1:
            half = block[: len(block) // 2]
            self.told += 1
            block = half if self._differs(half) else block[len(block) // 2 :]
        self.bob[block[0]] ^= 1
        self.corrected += 1
