"""Pooling: one provider job carries the circuits of several clients."""
