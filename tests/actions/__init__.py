"""Unit tests of the algorithms and of what they share: no broker, no provider."""
