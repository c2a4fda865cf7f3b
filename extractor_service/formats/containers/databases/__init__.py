"""Databases and tables in files: what they hold by name and type, and no rows."""
