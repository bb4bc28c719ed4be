"""Ground states by the variational quantum eigensolver: Peruzzo et al. 2014, arXiv:1304.3061."""

from .algorithm import algorithm

main = algorithm.main
