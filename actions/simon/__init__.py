"""A hidden period of bits, found with exponentially fewer queries: the algorithm of Simon (1994)."""

from .algorithm import algorithm

main = algorithm.main
