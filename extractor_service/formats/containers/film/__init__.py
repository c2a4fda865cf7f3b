"""Formats of films, beside the ISO base media family."""
