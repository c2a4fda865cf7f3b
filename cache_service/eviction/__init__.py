"""Who has to go: policies that know keys, sizes and costs, never values."""
