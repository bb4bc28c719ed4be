"""The names of the simulators and the simulated devices that `simulator/` offers. Pure."""

from __future__ import annotations

import re

#: The noiseless simulator.
NOISELESS = "aer_simulator"
#: The prefix of a simulator with the noise of a device.
NOISY_PREFIX = "aer_simulator_noisy_"
#: The prefix of a simulated device, after Qiskit's own `fake_provider`.
SIMULATED_PREFIX = "fake_"


def noisy_name(device: str) -> str:
    """Return the name of the simulator with a device's noise.

    Args:
        device: the device's name. `fake_fez` and `ibm_fez` both give `aer_simulator_noisy_fez`.
    """
    return NOISY_PREFIX + re.sub(r"^(fake|ibm)_", "", device)


def is_simulated(device: str) -> bool:
    """Return whether a backend of the type `hardware` is a simulated device.

    Args:
        device: the device's name.
    """
    return device.startswith(SIMULATED_PREFIX)
