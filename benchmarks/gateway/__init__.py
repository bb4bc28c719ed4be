"""The gateway by itself: what it accepts, what it adds, how it pushes, what a client costs."""
