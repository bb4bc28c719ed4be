"""The gateway alone: what it accepts, what it adds, how it pushes, what a client costs."""
