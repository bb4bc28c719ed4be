"""Unit tests of the gateway: no broker, no server."""
