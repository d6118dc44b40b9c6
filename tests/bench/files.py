"""What `run files` measures: files into containers and out of them, and what containers have changed."""

import os
import statistics
import subprocess
import time

from support.engine import BIN, CLIENTS

DOCKER, BERTH = CLIENTS / "usr/bin/docker", BIN / "berth"
BIG, MANY, FOLDERS = 1_000_000_000, 50_000, 100


def timed(program, side, *arguments):
    start = time.monotonic()
    subprocess.run([program, "-H", side.host, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=True)
    return (time.monotonic() - start) * 1000


def make_sources(folder):
    with (folder / "big").open("wb") as out:
        for _ in range(BIG // 10_000_000):
            out.write(os.urandom(10_000_000))
    for number in range(FOLDERS):
        (folder / "many" / str(number)).mkdir(parents=True)
        for name in range(MANY // FOLDERS):
            (folder / "many" / str(number) / str(name)).write_text("x" * 100)


def bench(engine, peer, arguments, row):
    sources = engine.directory / "sources"
    sources.mkdir()
    make_sources(sources)
    sides = [("berth", BERTH, engine), ("docker", DOCKER, engine), ("peer", DOCKER, peer)]
    taken = {}
    # Nothing is deleted in between: ext4 looks at every inode freed of late before it takes another, for minutes.
    for round in range(max(2, arguments.runs // 5)):
        for who, program, side in sides:
            def note(what, *command, who=who, program=program, side=side):
                os.sync()
                taken.setdefault(what, {}).setdefault(who, []).append(timed(program, side, *command))

            name = f"files-{who}-{round}"
            back = side.directory / f"back-{who}-{round}"
            timed(program, side, "run", "-d", "--name", name, "busybox", "sleep", "1000")
            note("cp 1 GB in", "cp", sources / "big", f"{name}:/tmp/big")
            note("cp 1 GB out", "cp", f"{name}:/tmp/big", back)
            back.unlink()
            timed(program, side, "exec", name, "rm", "/tmp/big")
            note("cp 50 000 files in", "cp", sources / "many", f"{name}:/tmp/many")
            note("cp 50 000 files out", "cp", f"{name}:/tmp/many", back)
            timed(program, side, "exec", name, "cp", "-r", "/tmp/many", "/tmp/again")
            note("diff, 100 000 files", "diff", name)
            note("export, 100 000 files", "export", "-o", f"{back}.tar", name)
            os.unlink(f"{back}.tar")
            timed(program, side, "kill", name)
    for what, by in taken.items():
        ours, same, theirs = (statistics.median(by[who]) for who in ("berth", "docker", "peer"))
        row(f"{what}, berth : docker", ours, theirs, "ms")
        row(f"{what}, docker CLI on each", same, theirs, "ms")
