"""What an algorithm is written with: its base classes, input models, jobs and steps."""
