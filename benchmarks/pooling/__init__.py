"""Pooling in virtual time: the policy as shipped, and other ways to submit the same circuits."""
