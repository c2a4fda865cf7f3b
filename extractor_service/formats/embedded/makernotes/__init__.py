"""Maker notes: what camera makers keep in EXIF, each in its own way."""
