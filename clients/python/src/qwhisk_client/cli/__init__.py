"""The command `qwhisk`."""
