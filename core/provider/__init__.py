"""Quantum providers: what an account can do, the choice of a backend, and IBM Quantum's client.

The client is qiskit-ibm-runtime, unmodified; the simulator has the same API. Importing this package takes two
seconds; only the actions and the poller do.
"""

import os

# Read when the client is imported and at every request: without it, each request walks the whole call stack
# to report which packages use the client, at several milliseconds a request.
os.environ.setdefault("USAGE_DATA_OPT_OUT", "True")

from core.provider.connect import connect
from core.provider.deadline import seconds_left, within
from core.provider.port import LOOK_PAGE, CircuitTarget, JobView, Primitive, QuantumAccount
from core.provider.provider import Provider
from core.provider.tags import run_tag, step_tag

__all__ = [
    "LOOK_PAGE",
    "CircuitTarget",
    "JobView",
    "Primitive",
    "Provider",
    "QuantumAccount",
    "connect",
    "run_tag",
    "seconds_left",
    "step_tag",
    "within",
]
