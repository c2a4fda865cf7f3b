"""What headers and tags tell of how loud sound is and where it begins."""
