"""Layers of the cache, fastest first. A composite of tiers is itself a tier."""
