"""Lets signals and other threads in, from within compiled loops. This module is never compiled.

CPython looks for both when a Python function begins; compiled code has none. What every reader does again and again (adding a field, reading
a range) breathes now and then, so that time limits and signs of life work as they do in plain Python.
"""

EVERY = 64
"""Times that something is done between two breaths: a call of nothing costs 30 ns."""


def breathe() -> None:
    """Nothing; see the module."""
