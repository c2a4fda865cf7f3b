"""Memory of this process's container: signals, samples, levels, and giving pages back."""
