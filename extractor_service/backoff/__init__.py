"""How much work is accepted: pressure from the cache and from our own memory, a policy, a limiter."""
