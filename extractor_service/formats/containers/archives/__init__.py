"""Archives and compressed files: what they say of themselves and of their members, without unpacking."""
