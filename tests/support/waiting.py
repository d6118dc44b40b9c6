"""Waiting for what an engine does in its own time."""

import time


def await_true(condition, seconds=20):
    """What the condition says once it is true of something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found
