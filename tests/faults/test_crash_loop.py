"""kill -9 of the daemon, again and again, at random moments of create, start, stop, exec, kill, rename, update and rm, with
heartbeat containers running: nothing is lost, nothing is left, and nothing that runs takes notice.

`crash` does the same by hand, for longer or against dockerd. $BERTH_CRASH_SEED repeats a run."""

import os
import random

from support.crash_loop import Loop, report

KILLS, SECONDS = 60, 60


def test_nothing_is_lost_and_nothing_is_left(new_engine):
    seed = int(os.environ.get("BERTH_CRASH_SEED", random.randrange(1 << 30)))
    print(f"BERTH_CRASH_SEED={seed}")
    result = Loop(new_engine("--live-restore"), KILLS, SECONDS, seed).run()
    print(report(result))
    assert result["findings"] == []
