"""The REST API: routes, requests and responses."""
