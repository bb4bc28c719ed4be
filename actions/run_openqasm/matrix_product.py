"""The exact distribution of the outcomes of many qubits with little entanglement, from matrix products.

The state is a chain of tensors, one for each qubit, with an index to each neighbour (Vidal,
Phys. Rev. Lett. 91, 147902). Nothing but rounding is cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actions.run_openqasm.costs import Seconds, TooCostlyError
from actions.run_openqasm.dependencies import Part

#: Size of an index between neighbours at most.
MAX_BOND = 64
#: Weight of a state below which a part of it is rounding, and probabilities that are.
_ROUNDING = 1e-20
_NOTHING = 1e-11
#: Seconds that a gate on two qubits takes, and each element that it has to do with.
_GATE = 1.2e-4
_ELEMENT = 1e-7
#: Seconds of a step of the outcomes, and of each multiplication in it.
_STEP = 5e-5
_PRODUCT = 3e-9

Tensor = NDArray[np.complex128]


def distribution(part: Part, seconds: Seconds) -> dict[int, float]:
    """Return the probabilities of a part's outcomes.

    Args:
        part: gates, and one measurement of each bit at the end.
        seconds: what is left of the time.

    Returns:
        The probabilities; the lowest bit of an outcome is the first bit of the part.

    Raises:
        TooCostlyError: they would take too long.
    """
    chain = _Chain(part.width, seconds)
    places = {qubit: place for place, qubit in enumerate(part.qubits)}
    sources: dict[int, list[int]] = {}
    bits = {bit: place for place, bit in enumerate(part.bits)}
    for item in part.items:
        on = [places[qubit] for qubit in item.qubits]
        if item.operation.name != "measure":
            chain.apply(item.operation, on)
        elif item.clbits[0] in bits:
            sources.setdefault(on[0], []).append(bits[item.clbits[0]])
    return chain.outcomes({qubit: sum(1 << place for place in read) for qubit, read in sources.items()})


class _Chain:
    def __init__(self, width: int, seconds: Seconds) -> None:
        zero = np.array([1, 0], dtype=complex).reshape(1, 2, 1)
        self._tensors: list[Tensor] = [zero] * width
        #: Where each qubit is in the chain, and the qubit that is there.
        self._sites = list(range(width))
        self._qubits = list(range(width))
        #: The site around which the others are isometries.
        self._center = 0
        self._seconds = seconds

    def apply(self, operation: Any, on: list[int]) -> None:
        """Apply a gate to qubits."""
        if operation.name == "barrier":
            return
        standard = getattr(operation, "_standard_gate", None) is not None
        definition = getattr(operation, "definition", None) if len(on) > 2 or not standard else None
        if definition is not None and operation.name != "unitary":
            for item in definition.data:
                inner = [on[definition.find_bit(bit).index] for bit in item.qubits]
                self.apply(item.operation, inner)
            return
        if len(on) > 2:
            raise TooCostlyError
        matrix = np.asarray(operation.to_matrix(), dtype=complex)
        if len(on) == 1:
            self._seconds.spend(_GATE / 4)
            site = self._sites[on[0]]
            self._tensors[site] = np.einsum("ab,lbr->lar", matrix, self._tensors[site])
        elif len(on) == 2:
            self._pair(matrix.reshape(2, 2, 2, 2), *on)

    def _pair(self, matrix: Tensor, first: int, second: int) -> None:
        """Apply a gate to two qubits; the first is in the lower bit of the matrix's index."""
        swap = np.eye(4, dtype=complex).reshape(2, 2, 2, 2).transpose(1, 0, 2, 3)
        while abs(self._sites[first] - self._sites[second]) > 1:
            step = 1 if self._sites[first] < self._sites[second] else -1
            site = min(self._sites[first], self._sites[first] + step)
            self._merge(swap, site)
            self._exchange(site)
        if self._sites[first] < self._sites[second]:
            # The left one of a pair has the higher bit here.
            matrix = matrix.transpose(1, 0, 3, 2)
        self._merge(matrix, min(self._sites[first], self._sites[second]))

    def _exchange(self, site: int) -> None:
        left, right = self._qubits[site : site + 2]
        self._qubits[site : site + 2] = right, left
        self._sites[left], self._sites[right] = site + 1, site

    def _merge(self, matrix: Tensor, site: int) -> None:
        """Apply a matrix to two neighbours."""
        self._move(site if self._center <= site else site + 1)
        left, right = self._tensors[site], self._tensors[site + 1]
        rows, columns = left.shape[0] * 2, right.shape[2] * 2
        self._seconds.spend(_GATE + rows * columns * min(rows, columns) * _ELEMENT)
        both = np.einsum("abcd,lcm,mdr->labr", matrix, left, right, optimize=True)
        u, weights, v = np.linalg.svd(both.reshape(rows, columns), full_matrices=False)
        total = np.cumsum(weights[::-1] ** 2)[::-1]
        kept = max(1, int((total > _ROUNDING).sum()))
        if kept > MAX_BOND:
            raise TooCostlyError
        self._tensors[site] = u[:, :kept].reshape(-1, 2, kept)
        self._tensors[site + 1] = (weights[:kept, None] * v[:kept]).reshape(kept, 2, -1)
        self._center = site + 1

    def _move(self, site: int) -> None:
        """Move the center to a site."""
        while self._center < site:
            tensor = self._tensors[self._center]
            self._seconds.spend(_GATE / 2 + tensor.size * tensor.shape[2] * _ELEMENT)
            q, r = np.linalg.qr(tensor.reshape(-1, tensor.shape[2]))
            self._tensors[self._center] = q.reshape(*tensor.shape[:2], -1)
            self._center += 1
            self._tensors[self._center] = np.tensordot(r, self._tensors[self._center], 1)
        while self._center > site:
            tensor = self._tensors[self._center]
            self._seconds.spend(_GATE / 2 + tensor.size * tensor.shape[0] * _ELEMENT)
            q, r = np.linalg.qr(tensor.reshape(tensor.shape[0], -1).T)
            self._tensors[self._center] = q.T.reshape(-1, *tensor.shape[1:])
            self._center -= 1
            self._tensors[self._center] = np.tensordot(self._tensors[self._center], r.T, 1)

    def outcomes(self, masks: dict[int, int]) -> dict[int, float]:
        """Return the probabilities of the outcomes.

        Args:
            masks: for each measured qubit, the bits that are set if it is 1.
        """
        self._move(0)
        found = [0]
        states = np.ones((1, 1, 1), dtype=complex)
        for site, tensor in enumerate(self._tensors):
            mask = masks.get(self._qubits[site])
            inner, outer = tensor.shape[0], tensor.shape[2]
            self._seconds.spend(_STEP + len(found) * (1e-6 + 4 * inner * outer * (inner + outer) * _PRODUCT))
            after = [
                np.matmul(np.matmul(tensor[:, value].T, states), tensor[:, value].conj()) for value in (0, 1)
            ]
            if mask is None:
                states = after[0] + after[1]
                continue
            states = np.concatenate(after)
            found += [outcome | mask for outcome in found]
            likely = np.flatnonzero(np.einsum("pii->p", states).real > _NOTHING)
            states = states[likely]
            found = [found[place] for place in likely]
        shares = np.einsum("pii->p", states).real
        return dict(zip(found, shares.tolist(), strict=True))
