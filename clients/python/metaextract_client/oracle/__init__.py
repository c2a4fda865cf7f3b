"""Compares our documents with what ExifTool says of the same files."""
