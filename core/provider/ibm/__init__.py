"""IBM Quantum's client, and the simulator that speaks its API."""
