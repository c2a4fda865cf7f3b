"""Scientific data."""
