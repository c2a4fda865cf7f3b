"""The stateless half of the pair: files in, typed documents out."""
