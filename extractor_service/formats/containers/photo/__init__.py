"""Photographs and other images."""
