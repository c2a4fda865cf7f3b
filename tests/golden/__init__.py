"""Samples made by generators, and the documents that they must give. `python -m tests.golden` writes the latter."""
