"""The backends, with their configuration and properties in IBM Quantum's form."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from core.simulators import NOISELESS, noisy_name

from .errors import ApiError, BackendUnknown
from .timing import DEFAULT_DT

#: Qubits of the noiseless simulator. Only Clifford circuits can use as many.
NOISELESS_QUBITS = 128

#: Gates of the noiseless simulator, with their parameters. Without u, u2 and u3: the transpiler would merge
#: Clifford gates into them, and Aer would no longer recognise the circuit as Clifford.
NOISELESS_GATES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "t", "tdg"), ()),
    **dict.fromkeys(("rx", "ry", "rz", "p"), ("theta",)),
    **dict.fromkeys(("cx", "cy", "cz", "swap", "ecr", "csx", "ccx", "ccz", "cswap"), ()),
    **dict.fromkeys(("cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx"), ("theta",)),
}
#: Its instructions other than gates.
NON_GATES = ("measure", "reset", "delay", "if_else", "for_loop", "while_loop", "switch_case")


@dataclass(frozen=True)
class Backend:
    """One backend.

    Attributes:
        name: Its name.
        configuration: IBM's configuration document.
        properties: IBM's properties document (error rates, coherence times); None for the noiseless
            simulator.
        device: The name of the device with the same noise; None for a noiseless backend.
        queued: Whether jobs wait in a queue with those of other users.
    """

    name: str
    configuration: dict[str, Any] = field(repr=False)
    properties: dict[str, Any] | None = field(repr=False)
    device: str | None
    queued: bool

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return int(self.configuration["n_qubits"])

    @property
    def dt(self) -> float:
        """Seconds of the device's unit of time."""
        nanoseconds = self.configuration.get("dt")
        return DEFAULT_DT if nanoseconds is None else float(nanoseconds) * 1e-9

    @property
    def calibration_id(self) -> str | None:
        """The id of its calibration; None if it has none."""
        if self.properties is None:
            return None
        text = f"{self.name}/{self.properties['last_update_date']}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def calibrated_at(self) -> float:
        """When it was calibrated, in seconds since 1970."""
        if self.properties is None:
            return 0.0
        return datetime.fromisoformat(self.properties["last_update_date"]).timestamp()

    def check_calibration(self, calibration_id: str | None) -> None:
        """Check that it has a calibration; None is any.

        Raises:
            ApiError: If it does not have it.
        """
        if calibration_id is not None and calibration_id != self.calibration_id:
            raise ApiError(
                404,
                1217,
                f"{self.name} has no calibration {calibration_id[:64]!r}.",
                f"It has {self.calibration_id}." if self.calibration_id else "Leave out calibration_id.",
            )

    @property
    def simulator(self) -> bool:
        """Whether it is a simulator, which has no queue."""
        return not self.queued


def _provider_folder() -> Path:
    # find_spec does not import the package, which would take two seconds.
    spec = importlib.util.find_spec("qiskit_ibm_runtime")
    if spec is None or spec.origin is None:
        raise BackendUnknown("qiskit-ibm-runtime is not installed; it brings the device descriptions")
    return Path(spec.origin).parent / "fake_provider" / "backends"


def _noiseless() -> Backend:
    gates = [
        {"name": name, "parameters": list(parameters), "qasm_def": f"gate {name}"}
        for name, parameters in NOISELESS_GATES.items()
    ]
    configuration = {
        "backend_name": NOISELESS,
        "backend_version": "1.0.0",
        "n_qubits": NOISELESS_QUBITS,
        "basis_gates": list(NOISELESS_GATES),
        "gates": gates,
        "local": False,
        "simulator": True,
        "conditional": True,
        "open_pulse": False,
        "memory": True,
        "max_shots": 100_000,
        "max_experiments": 300,
        "coupling_map": None,
        "supported_instructions": [*NOISELESS_GATES, *NON_GATES],
        "supported_features": ["qasm3"],
        "dynamic_reprate_enabled": False,
        "credits_required": False,
        "online_date": "2025-01-01T00:00:00+00:00",
        "description": "Noiseless simulator, fully connected",
        "sample_name": "Aer",
        "processor_type": {"family": "Simulator", "revision": "1"},
        "meas_levels": [2],
    }
    return Backend(NOISELESS, configuration, None, None, queued=False)


#: Gates with a continuous angle, which the client offers on request, with their parameters. IBM's Heron
#: devices have them. The descriptions of fake_provider have their errors, but do not list them as gates.
FRACTIONAL_GATES = {"rx": ("theta",), "rzz": ("theta",)}


def _add_fractional_gates(configuration: dict[str, Any], properties: dict[str, Any]) -> None:
    """List the fractional gates of a device among its gates, if it reports their errors."""
    for name, parameters in FRACTIONAL_GATES.items():
        places = [gate["qubits"] for gate in properties["gates"] if gate["gate"] == name]
        if not places or name in configuration["basis_gates"]:
            continue
        configuration["basis_gates"] = sorted([*configuration["basis_gates"], name])
        configuration["gates"].append(
            {
                "name": name,
                "parameters": list(parameters),
                "qasm_def": f"gate {name}({', '.join(parameters)})",
                "coupling_map": places,
            }
        )
        if "supported_instructions" in configuration:
            configuration["supported_instructions"].append(name)


def _device(name: str) -> tuple[Backend, Backend]:
    short = name.removeprefix("fake_")
    folder = _provider_folder() / short
    try:
        configuration = orjson.loads((folder / f"conf_{short}.json").read_bytes())
        properties = orjson.loads((folder / f"props_{short}.json").read_bytes())
    except FileNotFoundError as error:
        raise BackendUnknown(f"fake_provider has no device {name!r}") from error
    properties["backend_name"] = configuration["backend_name"] = name
    _add_fractional_gates(configuration, properties)
    configuration["simulator"] = False
    noisy_backend = noisy_name(name)
    noisy = configuration | {
        "backend_name": noisy_backend,
        # The client does not read the properties of a simulator, and its transpiler could then not
        # distinguish good qubits from bad ones. As the value is neither true nor false,
        # `least_busy(simulator=False)` does not select the backend either.
        "simulator": None,
        "credits_required": False,
        "description": f"Simulator with the qubits, couplings and noise of {name}",
    }
    return (
        Backend(name, configuration, properties, name, queued=True),
        Backend(noisy_backend, noisy, properties | {"backend_name": noisy_backend}, name, queued=False),
    )


def catalog(devices: Sequence[str]) -> dict[str, Backend]:
    """Return the backends by name: the noiseless simulator, the devices, and their noisy simulators.

    Args:
        devices: Device names of fake_provider, such as ``fake_fez``.

    Raises:
        BackendUnknown: If fake_provider does not have one of the devices.
    """
    offered = [_noiseless()]
    for device in devices:
        offered.extend(_device(device))
    return {backend.name: backend for backend in offered}
