"""Each client's events: its topic read, kept within bounds, and given to who waits."""
