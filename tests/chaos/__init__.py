"""Everything that can go wrong at once, on the real stack."""
