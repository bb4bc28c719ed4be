"""Quantum key distribution (Bennett and Brassard, 1984; arXiv:2003.06557), with an optional eavesdropper."""

from .algorithm import algorithm

main = algorithm.main
