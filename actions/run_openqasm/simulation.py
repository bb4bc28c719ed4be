"""How the simulator ran a program, in the words of its job's metadata."""

from __future__ import annotations

from actions.run_openqasm.answer import Simulation
from core.protocol import PubResult

#: What each of the simulator's methods is for.
_METHODS = {
    "stabilizer": "for circuits of Clifford gates, of any width",
    "statevector": "the whole state, for any gates on few qubits",
    "density_matrix": "the whole mixed state, for exact noise on few qubits",
    "matrix_product_state": "for many qubits with little entanglement",
    "bloch": "for qubits that no gate joins",
}
#: What each of the noise models is.
_NOISE = {
    "full": "the device's full noise",
    "reset_mixture": "noise whose decay is approximated by Pauli errors and resets",
    "pauli_twirled": "noise approximated by Pauli errors",
}
#: Longest name of a method.
_MAX_NAME = 40


def simulation(result: PubResult) -> Simulation | None:
    """Return how a circuit was simulated; None if the result does not say so, as on hardware.

    Args:
        result: of the circuit.
    """
    found = result.metadata.get("simulator")
    # A job's metadata has an entry for each of its circuits.
    found = found[0] if isinstance(found, list) and found else found
    if not isinstance(found, dict):
        return None
    method, noise, active = (found.get(name) for name in ("method", "noise_model", "active_qubits"))
    if not isinstance(method, str):
        return None
    return Simulation(
        method=method[:_MAX_NAME],
        reason=_METHODS.get(method),
        noise_model=noise[:_MAX_NAME] if isinstance(noise, str) and noise != "none" else None,
        active_qubits=active if type(active) is int else None,
    )


def sentence(known: Simulation) -> str:
    """Return a remark on how a circuit was simulated."""
    text = f"simulated by the method {known.method}"
    if known.reason is not None:
        text += f" ({known.reason})"
    if known.active_qubits is not None:
        text += f" on {known.active_qubits} active qubit{'s' if known.active_qubits != 1 else ''}"
    if noise := known.noise_model:
        text += f", with {_NOISE.get(noise, f'the noise model {noise}')}"
    return text
