"""A quantum kernel matrix (Havlicek et al., Nature 567, 209, 2019; arXiv:1804.11326)."""

from .algorithm import algorithm

main = algorithm.main
