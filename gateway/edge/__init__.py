"""The HTTP server in front of the Flask views: connections, bodies, waits, probes and WebSockets."""
