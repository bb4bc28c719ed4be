"""What `make bench` runs: our figures beside the fastest direct way, as ratios of the same run."""
