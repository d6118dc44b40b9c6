"""The daemon's flags and daemon.json against what dockerd 28.5.2 says of them.

dockerd_validate.json is a record of `dockerd --validate`: flags, the file, and what was printed; "berth" is there only
where berthd says something else, which is where it refuses what it cannot do, or refuses at once what dockerd refuses
only when it starts, or what dockerd reads and does not use.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.engine import BIN

CASES = json.loads((Path(__file__).parent / "dockerd_validate.json").read_text())


def validate(path, flags, file, program=BIN / "berthd"):
    path.write_text(file)
    done = subprocess.run([program, "--validate", "--config-file", path, *flags], capture_output=True, text=True,
                          env={**os.environ, "HOME": "/nonexistent", "DOCKER_CERT_PATH": "", "DOCKER_CONFIG": ""})
    text = re.sub(r"\nSee '.* --help'.*", "", done.stdout + done.stderr, flags=re.S).strip()
    return done.returncode, text.replace(str(path), "FILE")


def test_as_dockerd_says(tmp_path):
    wrong = []
    for case in CASES:
        expected = case.get("berth", case["dockerd"])
        status, text = validate(tmp_path / "daemon.json", case["flags"], case["file"])
        if text != expected or (status == 0) != expected.endswith("configuration OK"):
            wrong.append(f"{case['flags']} {case['file']}: {status} {text!r}, expected {expected!r}")
    assert not wrong, "\n".join(wrong)


def test_every_flag_of_dockerd_is_in_the_help():
    flags = set(re.findall(r"--([a-z0-9-]+)", subprocess.run([BIN / "berthd", "--help"], capture_output=True,
                                                            text=True, check=True).stdout))
    used = {flag.split("=")[0].lstrip("-") for case in CASES if case["dockerd"].endswith("OK") for flag in case["flags"]
            if flag.startswith("--")}
    hidden = {"restart", "allow-nondistributable-artifacts", "network-diagnostic-port", "api-cors-header"}
    assert used - hidden <= flags
    assert len(flags - {"tlsverify."}) >= 85


def test_by_the_name_of_dockerd(tmp_path):
    link = tmp_path / "dockerd"
    link.symlink_to(BIN / "berthd")
    assert validate(tmp_path / "daemon.json", ["-D"], "{}", link) == (0, "configuration OK")
    usage = subprocess.run([link, "--help"], capture_output=True, text=True, check=True).stdout
    assert "Usage:\tdockerd [OPTIONS]" in usage


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_version(flag):
    assert "Docker 28.5.2" in subprocess.run([BIN / "berthd", flag], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("own, docker, named", [
    (None, {"debug": "own"}, "etc/docker/daemon.json"), ({"debug": "own"}, {"debug": "docker"}, "etc/berth/daemon.json"), (None, None, None)])
@pytest.mark.parametrize("program", ["berthd", "dockerd"])
def test_dockers_file_where_there_is_none_of_our_own(tmp_path, program, own, docker, named):
    """/etc is an overlay of the test's own. A setting of the wrong kind says which file was read."""
    for folder in ("upper", "work"):
        (tmp_path / folder).mkdir()
    for name, settings in (("berth", own), ("docker", docker)):
        if settings:
            (tmp_path / "upper" / name).mkdir()
            (tmp_path / "upper" / name / "daemon.json").write_text(json.dumps(settings))
    (tmp_path / program).symlink_to(BIN / "berthd")
    done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t overlay overlay -o lowerdir=/etc,upperdir={tmp_path}/upper,workdir={tmp_path}/work "
                           f"/etc && exec {tmp_path}/{program} --validate"], capture_output=True, text=True)
    if named is None:
        assert (done.returncode, done.stdout + done.stderr) == (0, "configuration OK\n")
    else:
        assert done.returncode == 1 and f"unable to configure the Docker daemon with file /{named}" in done.stderr
