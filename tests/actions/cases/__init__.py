"""A module for each algorithm: `VALUES`, a small input, and `check(answer, noisy)` of its answer."""
