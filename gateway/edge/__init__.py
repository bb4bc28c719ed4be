"""WebSockets: the gunicorn worker that hands connections over, and the server that pushes events."""
