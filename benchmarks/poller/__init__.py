"""The poller's estimator and scheduler beside others, on the same arrivals, in virtual time."""
