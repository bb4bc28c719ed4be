"""What every action shares: the action server, the input, the submit path, the algorithm's frame."""
