"""The random choices before a qubit is sent."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Secrets:
    """Strings of 0 and 1, one character for each qubit; basis 0 is Z and 1 is X.

    Args:
        bits: the bits that Alice sends.
        alice: Alice's bases.
        bob: Bob's bases.
        eve: Eve's bases; None without Eve.
        sample: 1 for each bit that is compared in public, if the bases agree.
        mixing: two characters for each qubit, for the hash that shortens the key.
    """

    bits: str
    alice: str
    bob: str
    eve: str | None
    sample: str
    mixing: str

    @classmethod
    def draw(cls, qubits: int, eavesdropper: bool) -> Secrets:
        """Draw all strings with the operating system's random generator."""
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
        """Read the strings from the state of a job."""
        return cls(**state)

    @property
    def state(self) -> dict[str, Any]:
        """The strings as the state of a job."""
        return asdict(self)


def _coins(count: int) -> str:
    return f"{secrets.randbits(count):0{count}b}"
