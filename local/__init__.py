"""The whole stack on one machine: broker, OpenWhisk API, config documents, supervisor.

May start every part, and imports the insides of none.
"""
