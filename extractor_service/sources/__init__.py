"""Where bytes come from. Parsers see only a `ByteSource`."""
