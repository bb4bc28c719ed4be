"""Apache OpenWhisk's REST API on one machine, with processes in place of containers."""
