"""Formats of sound."""
