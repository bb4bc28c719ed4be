"""The action images as containers. Not part of `make test`: they want what `make images` has built."""
