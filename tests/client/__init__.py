"""The Python client and its command line (`clients/python`)."""
