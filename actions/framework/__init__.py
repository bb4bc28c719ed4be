"""The framework for algorithms: base classes, input models, jobs, steps and their submission."""
