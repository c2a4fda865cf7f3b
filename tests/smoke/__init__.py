"""Instructions of the hot paths against the committed baseline. `make bench-smoke`."""
