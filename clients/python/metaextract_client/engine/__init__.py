"""Very many files, by Dask: shared out in chunks, each described once, whoever dies meanwhile."""
