"""One file per format: walkers of our own, and adapters of libraries."""
