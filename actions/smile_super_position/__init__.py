"""Two emoticons in superposition: the example of Grossi et al., section 3."""

from .algorithm import algorithm

main = algorithm.main
