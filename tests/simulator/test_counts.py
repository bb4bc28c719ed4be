"""Bits of the classical registers from Aer's counts."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.primitives import BitArray

from simulator.counts import big_endian_bytes, shots


def test_counts_become_shots_in_random_order() -> None:
    bits = shots({"0x0": 300, "0x205": 700}, 10, 1000, np.random.default_rng(1))
    assert bits.shape == (1000, 10)
    assert bits.sum(axis=0).tolist() == [700, 0, 700, 0, 0, 0, 0, 0, 0, 700]
    assert 50 < bits[:100, 0].sum() < 90
    assert shots({}, 3, 5, np.random.default_rng(1)).sum() == 0


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 16, 17])
def test_bytes_are_those_of_bit_arrays(num_bits: int) -> None:
    bits = np.random.default_rng(num_bits).integers(2, size=(50, num_bits), dtype=np.uint8)
    expected = BitArray.from_bool_array(bits.astype(bool), order="little").array
    assert np.array_equal(big_endian_bytes(bits), expected)
