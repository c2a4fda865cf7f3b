"""Bodies, drawings and maps: what their headers say of size, parts and makers."""
