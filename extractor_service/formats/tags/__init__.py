"""Tables of facts: numbers and their names."""
