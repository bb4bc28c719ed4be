"""From a final job to its published result."""
