"""What Alice and Bob choose at random, before a qubit is sent."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Secrets:
    """Strings of 0 and 1, one character a qubit; a basis 0 is Z and 1 is X.

    Args:
        bits: what Alice sends.
        alice: her bases.
        bob: Bob's bases.
        eve: Eve's bases; None without her.
        sample: whether a bit, if the bases agree, is sacrificed to find the error rate.
        mixing: two characters a qubit, for the hash that shortens the key.
    """

    bits: str
    alice: str
    bob: str
    eve: str | None
    sample: str
    mixing: str

    @classmethod
    def drawn(cls, qubits: int, eavesdropper: bool) -> Secrets:
        """All of them at random, as good as the operating system's."""
        return cls(
            bits=_coins(qubits),
            alice=_coins(qubits),
            bob=_coins(qubits),
            eve=_coins(qubits) if eavesdropper else None,
            sample=_coins(qubits),
            mixing=_coins(2 * qubits),
        )

    @classmethod
    def of(cls, state: dict[str, Any]) -> Secrets:
        """As they travelled with the job."""
        return cls(**state)

    @property
    def state(self) -> dict[str, Any]:
        """To travel with the job."""
        return asdict(self)


def _coins(count: int) -> str:
    return f"{secrets.randbits(count):0{count}b}"
