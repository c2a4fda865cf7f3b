"""The client of the cache's ResultService: the only door to cached results."""
