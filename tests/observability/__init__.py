"""What an operator sees of a running stack: traces, metrics and logs."""
