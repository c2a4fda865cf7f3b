"""Bytes in flight: chunks by content, and what is made of them: uploads, blobs, sparse blobs."""
