"""The simulator's backends as its client knows them."""

from __future__ import annotations

import types

from qiskit_ibm_runtime.models import BackendProperties, QasmBackendConfiguration
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target

from core.provider.ibm.target import IBMTarget
from simulator.backends import Backend


def client_target(backend: Backend) -> IBMTarget:
    """Return the target that circuits for the backend are transpiled for."""
    configuration = QasmBackendConfiguration.from_dict(dict(backend.configuration))
    properties = BackendProperties.from_dict(backend.properties) if backend.properties else None
    made = convert_to_target(configuration, properties)
    return IBMTarget(types.SimpleNamespace(name=backend.name, target=made))
