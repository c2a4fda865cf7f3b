"""Formats of the ISO base media family (ISO/IEC 14496-12): boxes."""
