"""A secret string of bits, found by one question: the algorithm of Bernstein and Vazirani (1993)."""

from .algorithm import algorithm

main = algorithm.main
