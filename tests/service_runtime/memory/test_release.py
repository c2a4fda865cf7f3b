from service_runtime.memory.release import TrimLimiter, trim


def test_trim_is_limited_in_rate_unless_urgent():
    limiter = TrimLimiter(10, action=lambda: True)
    assert limiter.due(0) and not limiter.due(9) and limiter.due(9, urgent=True) and limiter.due(19)
    assert isinstance(trim(), bool)
