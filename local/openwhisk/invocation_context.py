"""The place of an activation among those that one request causes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from local.openwhisk.entities.action import MAX_COMPONENTS

#: Conductor activations of a composition, including those of compositions in it. As in OpenWhisk, a
#: composition of as many components as a sequence may have fits.
MAX_CONDUCTORS = 2 * MAX_COMPONENTS + 1

#: Activations that one request may cause. A sequence of compositions that each reach their limits fits.
#: OpenWhisk has no such limit: there, a composition that runs itself through a sequence does not end.
MAX_ACTIVATIONS = MAX_COMPONENTS * (MAX_COMPONENTS + MAX_CONDUCTORS + 1) + 1

#: Sequences and compositions around an activation.
MAX_DEPTH = MAX_CONDUCTORS


@dataclass(slots=True)
class Counts:
    """The activations so far. Sequences and compositions have limits of their own."""

    #: Actions that sequences have run.
    in_sequences: int = 0
    #: Actions that compositions have run, and activations of their conductors.
    components: int = 0
    conductors: int = 0


@dataclass(slots=True)
class Total:
    """All activations of a request so far."""

    activations: int = 0


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """The place of an activation among those that a request causes."""

    transaction: str
    #: The id of the activation that caused it, or "".
    cause: str = ""
    id: str = field(default_factory=lambda: os.urandom(16).hex())
    #: Number of sequences and compositions around it.
    depth: int = 0
    #: Whether it is a conductor's own activation, and not the composition that the conductor runs.
    conducts: bool = False
    counts: Counts = field(default_factory=Counts)
    total: Total = field(default_factory=Total)

    @property
    def in_sequence(self) -> bool:
        """Whether a sequence or a composition has caused it."""
        return self.depth > 0

    @property
    def exceeds(self) -> bool:
        """Whether the request has caused too many activations, or has nested them too deeply."""
        return self.total.activations > MAX_ACTIVATIONS or self.depth > MAX_DEPTH

    def part(self, *, conducts: bool = False, counts: Counts | None = None) -> InvocationContext:
        """Return the call of an action that this sequence or composition runs.

        Args:
            conducts: whether it is the conductor's own activation.
            counts: those of another sequence or composition; None to share this one's.
        """
        return replace(
            self,
            cause=self.id,
            id=os.urandom(16).hex(),
            depth=self.depth + 1,
            conducts=conducts,
            counts=self.counts if counts is None else counts,
        )
