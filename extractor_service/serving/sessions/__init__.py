"""Sessions: a client offers a file, the server asks for the bytes that it needs."""
