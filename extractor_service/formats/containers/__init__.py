"""File formats by kind, one file each."""
