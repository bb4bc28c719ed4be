"""Commands that developers and operators run; no part imports them."""
