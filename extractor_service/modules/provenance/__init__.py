"""What a file says of its own past, and what in it speaks for or against that. Observations, never a verdict."""
