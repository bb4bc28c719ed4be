"""Sockets: the server's worker and the WebSockets."""
