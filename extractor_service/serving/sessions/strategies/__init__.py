"""Ways to come by the bytes of an offered file, tried in the order of what they cost."""
