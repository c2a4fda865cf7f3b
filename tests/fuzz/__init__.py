"""Coverage-guided fuzzing: `make fuzz FOR=60` (seconds in all), `ONLY=words of target names`.

A target takes bytes and raises what mustn't happen. The driver mutates seeds, keeps what reaches new lines, and writes findings
into build/fuzz. It needs nothing but Python: coverage is sys.monitoring's from 3.12 on, sys.settrace's before (which is slower).
"""
