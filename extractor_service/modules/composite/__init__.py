"""Values calculated from others, by subject; ExifTool's group Composite."""
