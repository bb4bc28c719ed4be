"""Many kinds of failures at once, on the real stack."""
