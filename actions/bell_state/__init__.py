"""The four Bell states, and how well a backend prepares them (Gühne and Tóth, arXiv:0811.2803, section 6)."""

from .algorithm import algorithm

main = algorithm.main
