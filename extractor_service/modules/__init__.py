"""Steps of an extraction, each cached by itself."""
