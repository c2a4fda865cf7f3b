"""ExifTool as the reader of last resort, where it is installed."""
