"""What the exit code says."""

OK = 0
"""Everything was read, at least in part; unknown formats count as read."""
FAILED = 1
"""At least one file couldn't be read, or the call was refused."""
NOTHING = 2
"""Wrong usage, or nothing to do (argparse uses the same)."""
UNREACHABLE = 3
"""The service can't be reached."""
UNWRITTEN = 4
"""The output can't be written: a full disk, a closed stream."""
INTERRUPTED = 130
"""Ctrl-C."""
