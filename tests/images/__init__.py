"""The action images as containers. Not part of `make test`: they need what `make images` has built."""
