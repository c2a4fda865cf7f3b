"""Memory pressure: sample, classify, adapt the memory tier, broadcast."""
