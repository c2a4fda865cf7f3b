"""From an open input to a document: what runs, in which worker, and how it is put together."""
