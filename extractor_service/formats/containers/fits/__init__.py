"""FITS: files, cards, tables, coordinates."""
