"""Quantum algorithms, each a separate OpenWhisk action in its own folder."""
