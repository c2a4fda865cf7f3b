"""The client of the cache's ChunkService: the only door to the bytes that clients sent."""
