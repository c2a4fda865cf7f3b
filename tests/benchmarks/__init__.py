"""Measurements against references in the same run. `make bench`, `make bench ONLY=name`."""
