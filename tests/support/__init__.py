"""What tests, benchmarks, fault runs and the demo share."""
