"""Documents and drawings."""
