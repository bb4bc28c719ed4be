"""Unit tests of the poller: no broker, no provider."""
