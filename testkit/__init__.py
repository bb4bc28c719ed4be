"""What tests and benchmarks share: stacks, processes, receivers."""
