"""The choice of a backend for a job. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import BackendNotFoundError, InputError
from core.protocol import BackendInfo, BackendType
from core.simulators import NOISELESS, NOISY_PREFIX, noisy_name


def backend_type_of(name: str) -> BackendType:
    """Return the type of a backend, from its name."""
    if name.startswith(NOISY_PREFIX):
        return "noisy_simulator"
    return "simulator" if name == NOISELESS else "hardware"


def choose(
    backends: Sequence[BackendInfo], backend_type: BackendType, qubits: int, name: str | None = None
) -> BackendInfo:
    """Return the backend to use.

    For `hardware`: the least busy operational device with enough qubits. One that the provider has paused,
    with a `reason`, is used only if there is no other. For `simulator`: the noiseless simulator. For
    `noisy_simulator`: the one with the noise of the least busy such device, or the smallest sufficient one if
    there is none for that device.

    Args:
        backends: all backends.
        backend_type: the type that the job needs.
        qubits: the number of qubits that the job needs.
        name: the backend that the caller chose; None for any.

    Raises:
        InputError: the chosen backend does not exist, has another type, is too small or is not operational.
        BackendNotFoundError: no backend fits.
    """
    offered = [backend for backend in backends if backend.backend_type == backend_type]
    if name is not None:
        return _named(backends, offered, backend_type, qubits, name)
    fitting = [b for b in offered if b.operational and b.qubits >= qubits]
    if not fitting:
        largest = max((b.qubits for b in offered if b.operational), default=0)
        raise BackendNotFoundError(
            f"No operational backend of type {backend_type} has {qubits} qubits"
            + (f"; the largest has {largest}. Make the input smaller." if largest else "."),
            field="backend_type",
            qubits=qubits,
        )
    if backend_type == "noisy_simulator":
        devices = [
            b for b in backends if b.backend_type == "hardware" and b.operational and b.qubits >= qubits
        ]
        for device in sorted(devices, key=lambda b: (b.queue_length, b.name)):
            for backend in fitting:
                if backend.name == noisy_name(device.name):
                    return backend
        return min(fitting, key=lambda b: (b.qubits, b.name))
    return min(fitting, key=lambda b: (b.reason is not None, b.queue_length, b.name))


def _named(
    backends: Sequence[BackendInfo], offered: Sequence[BackendInfo], backend_type: str, qubits: int, name: str
) -> BackendInfo:
    for backend in backends:
        if backend.name != name:
            continue
        if backend.backend_type != backend_type:
            raise InputError(
                f"backend {name} is of type {backend.backend_type}, not {backend_type}. "
                "Change backend_type, or leave backend out.",
                field="backend",
            )
        if backend.qubits < qubits:
            raise InputError(
                f"backend {name} has {backend.qubits} qubits; this input needs {qubits}.", field="backend"
            )
        if not backend.operational:
            why = f" ({backend.reason})" if backend.reason else ""
            raise InputError(f"backend {name} is not operational now{why}. Choose another.", field="backend")
        return backend
    names = ", ".join(sorted(b.name for b in offered)[:20]) or "none"
    raise InputError(
        f"backend: no backend of type {backend_type} has the name {name[:64]!r}. Available: {names}.",
        field="backend",
    )
