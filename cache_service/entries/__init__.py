"""What is stored, on its way: keys and entries, their records, compression and its dictionaries."""
