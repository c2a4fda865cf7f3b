"""The stateful half of the pair: results in tiers, and the pressure broadcast."""
