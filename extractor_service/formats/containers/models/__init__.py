"""Trained models: headers only, and nothing of them is ever run."""
