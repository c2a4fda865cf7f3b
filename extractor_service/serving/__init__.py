"""The edge: servicers and what they are made of; decode, delegate, encode."""
