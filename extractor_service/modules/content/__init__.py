"""What a file is about, without what is said of it: the same content under other metadata is the same."""
