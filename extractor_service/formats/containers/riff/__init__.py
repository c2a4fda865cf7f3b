"""Formats of RIFF: chunks of a four-letter name and a length."""
