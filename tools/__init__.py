"""Commands for developers and operators; no part imports them."""
