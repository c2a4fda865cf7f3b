"""The servicers: decode, delegate, encode."""
