"""Fonts: names, weights, axes, scripts and rights out of their tables; no outlines are read."""
