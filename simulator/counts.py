"""From Aer's counts to the bits of each classical register, shot by shot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

Bits = NDArray[np.uint8]


def registers(circuit: QuantumCircuit) -> dict[str, list[int]]:
    """Return, for each classical register, the places of its bits among the circuit's classical bits."""
    places = {bit: index for index, bit in enumerate(circuit.clbits)}
    return {register.name: [places[bit] for bit in register] for register in circuit.cregs}


def shots(counts: Mapping[str, int], num_bits: int, total: int, rng: np.random.Generator) -> Bits:
    """Return the outcomes of all shots.

    Aer returns how often each outcome occurred. The order of the shots must be random, since a client may
    read only the first ones.

    Args:
        counts: Outcomes, in hexadecimal, and how often each occurred.
        num_bits: Number of classical bits.
        total: Number of shots.
        rng: Draws the order.

    Returns:
        Array of shape (shots, bits) of zeros and ones; bit 0 is classical bit 0.
    """
    if not counts:  # Nothing was measured, and all bits have their initial value.
        return np.zeros((total, num_bits), dtype=np.uint8)
    num_bytes = (num_bits + 7) // 8
    # There may be further bits, which are not needed.
    most = (1 << num_bits) - 1
    packed = b"".join((int(outcome, 16) & most).to_bytes(num_bytes, "little") for outcome in counts)
    table = np.frombuffer(packed, dtype=np.uint8).reshape(len(counts), num_bytes)
    outcomes = np.unpackbits(table, axis=1, count=num_bits, bitorder="little")
    which = np.repeat(np.arange(len(counts)), np.fromiter(counts.values(), dtype=np.int64, count=len(counts)))
    rng.shuffle(which)
    return outcomes[which]


def draw(probabilities: NDArray[np.float64], num_bits: int, total: int, rng: np.random.Generator) -> Bits:
    """Draw the outcomes of all shots.

    Args:
        probabilities: Of each outcome; bit 0 of an outcome's index is its first bit.
        num_bits: Number of bits.
        total: Number of shots.
        rng: Draws the outcomes.

    Returns:
        Array of shape (shots, bits) of zeros and ones.
    """
    cumulative = np.cumsum(np.maximum(probabilities, 0.0))
    # Rounding makes the sum slightly more or less than one. An outcome of probability zero must not occur.
    outcomes = np.searchsorted(cumulative, rng.random(total) * cumulative[-1], side="right")
    bits: Bits = ((outcomes[:, np.newaxis] >> np.arange(num_bits)) & 1).astype(np.uint8)
    return bits


def big_endian_bytes(bits: Bits) -> Bits:
    """Pack the last axis, bit 0 first, as `qiskit.primitives.BitArray` does: bit 0 becomes the lowest."""
    num_bits = bits.shape[-1]
    padding = -num_bits % 8
    if padding:
        bits = np.concatenate([bits, np.zeros((*bits.shape[:-1], padding), dtype=np.uint8)], axis=-1)
    return np.packbits(bits[..., ::-1], axis=-1)
