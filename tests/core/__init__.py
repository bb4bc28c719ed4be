"""Unit tests of core: events, config documents, settings, invocation, the provider's pure parts."""
