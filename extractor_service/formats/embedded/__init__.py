"""Structures inside files: EXIF, XMP, IPTC, ICC, Photoshop resources, maker notes."""
