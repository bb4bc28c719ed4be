"""The whole stack on one machine: broker, OpenWhisk API, config documents, supervisor.

It starts every part as a process, and imports `core` only.
"""
