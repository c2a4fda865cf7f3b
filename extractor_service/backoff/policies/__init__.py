"""What pressure does to the work that is accepted; one file per policy."""
