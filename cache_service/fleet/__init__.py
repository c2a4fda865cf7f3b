"""What cache replicas share through Redis or Valkey: the invalidation log, leases, dictionaries."""
