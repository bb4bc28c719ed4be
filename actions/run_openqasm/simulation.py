"""How the simulator ran a program, in the words of its job's metadata."""

from __future__ import annotations

from typing import Any

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


def simulation(result: PubResult) -> dict[str, Any] | None:
    """Return how a circuit was simulated; None if the result does not say so, as on hardware.

    Args:
        result: of the circuit.

    Returns:
        `{"method", "reason", "noise_model"?, "active_qubits"?}`.
    """
    found = result.metadata.get("simulator")
    # A job's metadata has an entry for each of its circuits.
    found = found[0] if isinstance(found, list) and found else found
    if not isinstance(found, dict):
        return None
    method = found.get("method")
    if not isinstance(method, str):
        return None
    known: dict[str, Any] = {"method": method[:_MAX_NAME]}
    if method in _METHODS:
        known["reason"] = _METHODS[method]
    if isinstance(noise := found.get("noise_model"), str) and noise != "none":
        known["noise_model"] = noise[:_MAX_NAME]
    if isinstance(active := found.get("active_qubits"), int):
        known["active_qubits"] = active
    return known


def sentence(known: dict[str, Any]) -> str:
    """Return a remark on how a circuit was simulated."""
    text = f"simulated by the method {known['method']}"
    if "reason" in known:
        text += f" ({known['reason']})"
    if "active_qubits" in known:
        active = known["active_qubits"]
        text += f" on {active} active qubit{'s' if active != 1 else ''}"
    if noise := known.get("noise_model"):
        text += f", with {_NOISE.get(noise, f'the noise model {noise}')}"
    return text
