"""The HTTP port for operators: metrics, probes, status as JSON."""
