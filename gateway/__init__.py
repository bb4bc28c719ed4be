"""The HTTP API: invokes actions by their config documents, and sends each result to its client only."""
