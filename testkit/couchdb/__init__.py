"""CouchDB's HTTP API for tests."""
