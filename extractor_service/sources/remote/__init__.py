"""Files behind URIs: `http(s)://` by ranges, other stores through fsspec. None unless the operator allows it."""
