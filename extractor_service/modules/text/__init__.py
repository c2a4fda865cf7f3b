"""What the words of a document tell: their language and number."""
