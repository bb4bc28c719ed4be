"""Unit tests of the algorithms and of the code that they share: no broker, no provider."""
