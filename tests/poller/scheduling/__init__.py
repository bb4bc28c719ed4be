"""Unit tests of the poller's scheduling: no broker, no provider."""
