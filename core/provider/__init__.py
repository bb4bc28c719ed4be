"""IBM Quantum, or the simulator that speaks its API: connect, choose a backend, submit, look, cancel.

The client is qiskit-ibm-runtime, unmodified. Importing this package costs two seconds; only the actions and
the poller do.
"""

import os

# Read when the client is imported and at every request: without it, each request walks the whole call stack
# to report which packages use the client, at several milliseconds a request.
os.environ.setdefault("USAGE_DATA_OPT_OUT", "True")

from core.provider.ibm.account import LOOK_PAGE, Account
from core.provider.ibm.jobs import JobView, run_tag, step_tag
from core.provider.ibm.program import Primitive
from core.provider.ibm.target import Target
from core.provider.ibm.transport import seconds_left, within
from core.provider.provider import Provider

__all__ = [
    "LOOK_PAGE",
    "Account",
    "JobView",
    "Primitive",
    "Provider",
    "Target",
    "run_tag",
    "seconds_left",
    "step_tag",
    "within",
]
