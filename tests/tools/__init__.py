"""Tools of the project: `make help` is their index."""
