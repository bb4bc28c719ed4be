"""What two or more parts of qwhisk share, and nothing else."""
