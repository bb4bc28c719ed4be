"""From a finished job to the published result."""
