"""diff, export and commit."""

import json
import tarfile

from support.waiting import await_true

SCRIPT = """
rm -rf /home; mkdir /home; echo x > /home/y
rm /bin/cat; rm -r /usr
echo >> /etc/passwd
mkdir -p /a/b; touch /a/-d; mkfifo /ff; ln -s x /sl
touch /tmp/gone; rm /tmp/gone
"""
CHANGES = ["A /a", "A /a/-d", "A /a/b", "C /bin", "D /bin/cat", "C /etc", "C /etc/passwd", "A /ff", "C /home", "A /home/y",
           "A /sl", "D /usr"]


def test_diff(engine, cli):
    untouched = cli("create", "busybox", "true").out.strip()
    assert cli("diff", untouched).out == ""
    assert engine.api("GET", f"/containers/{untouched}/changes").json is None
    name = cli("run", "-d", "busybox", "sh", "-c", SCRIPT + "sleep 1000").out.strip()
    await_true(lambda: "D /usr" in cli("diff", name).out and "A /sl" in cli("diff", name).out)
    assert cli("diff", name).out.splitlines() == CHANGES
    cli("kill", name)
    assert cli("diff", name).out.splitlines() == CHANGES
    cli("rm", name, untouched)


def test_export(engine, cli, tmp_path):
    name = cli("run", "-d", "-v", "/data", "busybox", "sh", "-c", "echo v > /data/v; echo x > /new; sleep 1000").out.strip()
    await_true(lambda: "A /new" in cli("diff", name).out)
    for _ in ("running", "stopped"):
        cli("export", "-o", str(tmp_path / "out.tar"), name)
        with tarfile.open(tmp_path / "out.tar") as tar:
            names = tar.getnames()
            assert tar.extractfile("new").read() == b"x\n"
        assert "bin/busybox" in names and "data" in names and ".dockerenv" in names
        # Volumes and what the kernel mounts are not part of it.
        assert "data/v" not in names and not [name for name in names if name.startswith("proc/")]
        cli("stop", "-t", "0", name)
    cli("rm", "-v", name)


def test_commit(engine, cli):
    name = cli("run", "-d", "--name", "made", "-e", "A=1", "busybox", "sh", "-c", SCRIPT + "sleep 1000").out.strip()
    await_true(lambda: "A /sl" in cli("diff", name).out and "D /usr" in cli("diff", name).out)
    made = cli("commit", "-m", "a message", "-a", "an author", "-c", "CMD [\"cat\", \"/home/y\"]", "-c", "ENV B=2", "-c",
               "LABEL k=v", "-c", "WORKDIR rel", "-c", "EXPOSE 80", "-c",
               "HEALTHCHECK --interval=5s --retries=2 CMD true", name, "made:one").out.strip()
    image = json.loads(cli("image", "inspect", "made:one").out)[0]
    config = image["Config"]
    assert image["Id"] == made and image["Author"] == "an author" and image["Comment"] == "a message"
    assert image["Parent"] == json.loads(cli("image", "inspect", "busybox").out)[0]["Id"]
    assert config["Cmd"] == ["cat", "/home/y"] and config["WorkingDir"] == "/rel"
    assert "A=1" in config["Env"] and "B=2" in config["Env"] and config["Labels"] == {"k": "v"}
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Retries": 2}
    assert len(image["RootFS"]["Layers"]) == 2
    top = cli("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "made:one").out.splitlines()[-len(SCRIPT.splitlines()) - 2:]
    assert any("a message" in line for line in top)
    # What was removed stays removed; busybox's own cat is one of the things.
    out = cli("run", "--rm", "made:one", "sh", "-c", "ls -d /usr /bin/cat /home /a/b; busybox cat /home/y", status=0).out
    assert out.split() == ["/a/b", "/home", "x"] or out.split() == ["/home", "/a/b", "x"]
    assert json.loads(cli("inspect", name).out)[0]["State"]["Status"] == "running"
    assert "FOO is not a valid change command" in cli("commit", "-c", "FOO x", name, status=1).err
    assert "must be lowercase" in cli("commit", name, "BAD", status=1).err
    assert "No such container: nobody" in cli("commit", "nobody", status=1).err
    cli("rm", "-f", name)
    again = cli("run", "-d", "made:one", "sleep", "1000").out.strip()
    assert cli("diff", again).out.splitlines() in ([], ["A /rel"])
    cli("rm", "-f", again)
    cli("rmi", "made:one")


def test_a_commit_survives_save_and_restart_of_the_daemon(engine, cli):
    name = cli("run", "-d", "busybox", "sleep", "1000").out.strip()
    cli("exec", name, "sh", "-c", "echo kept > /kept")
    cli("commit", name, "kept:1")
    engine.crash()
    engine.start()
    assert cli("run", "--rm", "kept:1", "cat", "/kept").out == "kept\n"
    cli("rm", "-f", name)
    cli("rmi", "kept:1")
