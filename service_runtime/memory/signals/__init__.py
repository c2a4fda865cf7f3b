"""What is watched: one class a signal, and the one tuple that registers them."""
