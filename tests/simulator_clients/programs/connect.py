"""The connection of a client to the service that is tested."""

from __future__ import annotations

import os
from typing import Any

from qiskit_ibm_runtime import QiskitRuntimeService

INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:local::"


def url() -> str:
    """Return the address of the service."""
    return os.environ["SIMULATOR_URL"]


def key() -> str:
    """Return the API key."""
    return os.environ["SIMULATOR_API_KEY"]


def service() -> Any:
    """Return IBM's client."""
    os.environ |= {"IAM_URL": url(), "QISKIT_FUNCTIONS_EXPERIMENTAL": "1", "USAGE_DATA_OPT_OUT": "True"}
    return QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=key(),
        url=url(),
        instance=INSTANCE,
        url_resolver=lambda address, *_: address,
    )
