"""A secret bitstring, found with one query: the algorithm of Bernstein and Vazirani (1993)."""

from .algorithm import algorithm

main = algorithm.main
