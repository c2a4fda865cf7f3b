"""Modules that look at decoded pictures, in workers of their own."""
