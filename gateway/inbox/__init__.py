"""The events of each client: its topic is read, kept within bounds, and passed to those that wait for it."""
