"""GHZ states with their fidelity (Gühne et al., arXiv:0706.2432; Flammia and Liu, arXiv:1104.4695)."""

from .algorithm import algorithm

main = algorithm.main
