"""Scheduling in virtual time: a world of devices and jobs, and schedulers in it: the poller's and others."""
