"""MaxCut by the quantum approximate optimization algorithm: Farhi, Goldstone, Gutmann, arXiv:1411.4028."""

from .algorithm import algorithm

main = algorithm.main
