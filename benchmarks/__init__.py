"""What `make bench` runs: our figures compared with the fastest direct way, as ratios within one run."""
