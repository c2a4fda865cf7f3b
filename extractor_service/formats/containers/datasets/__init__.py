"""Tables and arrays on disk: Parquet, Arrow, ORC, Avro, NumPy, MATLAB, Zarr."""
