"""The action images as containers. Not part of `make test`: `make test-images` builds them first."""
