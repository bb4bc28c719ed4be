"""The poller's estimator and scheduler compared with others, on the same arrivals, in virtual time."""
