"""HDF5 and netCDF-4: the file, its tree, types and values; through h5py."""
