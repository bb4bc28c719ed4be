"""The REST API: routes, what they read from requests, and what they answer."""
