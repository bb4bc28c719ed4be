"""Maximum-likelihood amplitude estimation (Suzuki et al., arXiv:1904.10246)."""

from .algorithm import algorithm

main = algorithm.main
