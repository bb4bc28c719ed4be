"""BackEnd 1: config documents in, actions out, each result to the one client that asked."""
