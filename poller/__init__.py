"""The poller: consumes job events, polls the provider and delivers each result to its client."""
