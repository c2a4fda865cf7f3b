"""Real failures of real processes. `make faults`, `make faults ONLY=name`."""
