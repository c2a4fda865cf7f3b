"""A name for every file: which format its bytes have, whether or not a reader exists for it."""
