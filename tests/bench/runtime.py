"""The part `runtime` of `run`: berth-runtime beside every runc there is, and crun where it runs, on one bundle."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from measuring import BERTH, call, medians
from support.engine import BIN, CLIENTS

OURS = BIN / "berth-runtime"


class Bundle:
    """runc's own default bundle with a busybox, without a terminal."""

    def __init__(self, folder, state, runc):
        self.folder, self.state = folder, state
        binaries = folder / "rootfs/bin"
        binaries.mkdir(parents=True)
        shutil.copy("/bin/busybox", binaries / "busybox")
        for name in ("true", "sleep"):
            (binaries / name).symlink_to("busybox")
        subprocess.run([runc, "spec", "--bundle", folder], check=True)
        self.spec = json.loads((folder / "config.json").read_text())
        self.spec["process"]["terminal"] = False
        # Where nothing is inheritable nothing can be ambient, and runc from 1.1 on asks for it all the same.
        self.spec["process"]["capabilities"]["ambient"] = []
        self.spec["linux"]["cgroupsPath"] = "/" + folder.name
        self.write(["true"])

    def write(self, args, seccomp=None):
        self.spec["process"]["args"] = args
        self.spec["linux"]["seccomp"] = seccomp
        (self.folder / "config.json").write_text(json.dumps(self.spec))

    def root_of(self, program):
        return self.state / str(program).replace("/", "-")

    def call(self, program, *words, **options):
        root = self.root_of(program)
        return subprocess.run([program, "--root", root, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, **options)

    def timed(self, program, *words):
        start = time.monotonic()
        self.call(program, *words)
        return (time.monotonic() - start) * 1000

    def run(self, program):
        # The kernel takes the namespaces of the one before away a while after it has ended.
        time.sleep(0.05)
        return self.timed(program, "run", "--bundle", self.folder, "benched")

    def forget_filters(self):
        shutil.rmtree(self.root_of(OURS) / ".filters", ignore_errors=True)


def default_profile(engine):
    """The seccomp section that the engine gives its containers."""
    call(BERTH, engine.host, "run", "-d", "--name", "profiled", "busybox", "sleep", "1000")
    found = next(engine.directory.glob("**/tasks/*/config.json"))
    profile = json.loads(found.read_text())["linux"]["seccomp"]
    call(BERTH, engine.host, "rm", "-f", "profiled")
    return profile


def peak(pid):
    """Peak of what a process has had in memory, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def peaks(bundle, program):
    """Of the runtime that stays with a container, and of its init before it becomes the program."""
    bundle.write(["sleep", "1000"])
    root = bundle.root_of(program)
    words = [program, "--root", root, "run", "--bundle", bundle.folder, "--pid-file", bundle.folder / "pid", "benched"]
    stays = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (bundle.folder / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    runtime = peak(stays.pid)
    bundle.call(program, "kill", "benched", "KILL")
    stays.wait()
    (bundle.folder / "pid").unlink()
    bundle.call(program, "create", "--bundle", bundle.folder, "--pid-file", bundle.folder / "pid", "benched", stderr=subprocess.DEVNULL)
    init = peak((bundle.folder / "pid").read_text())
    bundle.call(program, "delete", "--force", "benched")
    (bundle.folder / "pid").unlink()
    return runtime, init


def exec_times(bundle, others, rounds):
    programs = [OURS, *others]
    bundle.write(["sleep", "1000"])
    for i, program in enumerate(programs):
        bundle.spec["linux"]["cgroupsPath"] = f"/{bundle.folder.name}-{i}"
        bundle.write(["sleep", "1000"])
        bundle.call(program, "run", "--detach", "--bundle", bundle.folder, "benched", stderr=subprocess.DEVNULL)
    times = medians(rounds, *(lambda program=program: bundle.timed(program, "exec", "benched", "true") for program in programs))
    for program in programs:
        bundle.call(program, "delete", "--force", "benched")
    bundle.spec["linux"]["cgroupsPath"] = "/" + bundle.folder.name
    return times


def others():
    """Names with versions, and programs: $BENCH_RUNC (a newer one than the system's), the peer's, the system's, and crun on pure version 2."""
    found = {}
    for program in (os.environ.get("BENCH_RUNC"), CLIENTS / "usr/sbin/runc", shutil.which("runc"), shutil.which("crun")):
        if not program or not Path(program).exists():
            continue
        if Path(program).name == "crun" and not Path("/sys/fs/cgroup/cgroup.procs").exists():
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True)  # the peer's may want a newer libc
        if said.returncode == 0:
            found.setdefault(said.stdout.splitlines()[0].replace(" version", ""), str(program))
    return list(found), list(found.values())


def bench(engine, rounds, row):
    names, programs = others()
    folder = Path(tempfile.mkdtemp(prefix="berth-bench-", dir="/var/tmp"))
    state = Path(tempfile.mkdtemp(prefix="berth-bench-", dir="/dev/shm"))  # of every runtime's --root: /run, which is a tmpfs on most hosts
    try:
        bundle = Bundle(folder, state, shutil.which("runc"))
        ours, *theirs = medians(rounds, *(lambda program=program: bundle.run(program) for program in (OURS, *programs)))
        for name, one in zip(names, theirs):
            row(f"runtime: run true, berth-runtime : {name}", ours, one, "ms")
        floor = subprocess.run([BIN.parent / "tests/bench_floor", "60", "50"], capture_output=True, text=True, check=True).stdout
        bare = next(int(line[41:].split()[0]) / 1000 for line in floor.splitlines() if line.startswith("all without"))
        row("runtime: run true : the bare system calls", ours, bare, "ms")

        bundle.write(["true"], default_profile(engine))
        cold = statistics.median((bundle.forget_filters(), bundle.run(OURS))[1] for _ in range(rounds))
        warm, their = medians(rounds, lambda: bundle.run(OURS), lambda: bundle.run(programs[0]))
        row(f"runtime: run with seccomp, cold : {names[0]}", cold, their, "ms")
        row(f"runtime: run with seccomp, warm : {names[0]}", warm, their, "ms")

        ours, *theirs = exec_times(bundle, programs, rounds)
        for name, one in zip(names, theirs):
            row(f"runtime: exec true, berth-runtime : {name}", ours, one, "ms")
        for what, ours, their in zip(("run", "its init"), peaks(bundle, OURS), peaks(bundle, programs[0])):
            row(f"runtime: peak memory of {what} : {names[0]}", ours, their, "kB")
        row("runtime: size of the binary", os.path.getsize(OURS) / 1000, os.path.getsize(programs[0]) / 1000, "kB")
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(state)
