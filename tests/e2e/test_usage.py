"""system df."""

from support.disk import du


def test_what_takes_space(engine, cli):
    cli("volume", "create", "space")
    name = cli("run", "-d", "-v", "space:/data", "busybox", "sh", "-c",
               "dd if=/dev/zero of=/data/v bs=1M count=3; dd if=/dev/zero of=/own bs=1M count=2; sleep 1000").out.strip()
    cli("exec", name, "sh", "-c", "while ! test \"$(stat -c %s /own)\" = 2097152; do :; done; sync")
    usage = engine.api("GET", "/system/df").json
    assert set(usage) == {"LayersSize", "Images", "Containers", "Volumes", "BuildCache"}
    image = next(image for image in usage["Images"] if "busybox:latest" in (image["RepoTags"] or []))
    assert image["Containers"] == 1 and 0 <= image["SharedSize"] <= image["Size"]
    stored = du(engine.data / "content") + sum(du(path) for path in (engine.data / "snapshots").glob("*/fs")
                                               if not (path / "own").exists())
    assert abs(usage["LayersSize"] - stored) <= stored * 0.01 + 65536
    container = next(found for found in usage["Containers"] if found["Id"] == name)
    assert 2 << 20 <= container["SizeRw"] < 2.2 * (1 << 20)
    volume = next(volume for volume in usage["Volumes"] if volume["Name"] == "space")
    assert volume["UsageData"]["RefCount"] == 1 and 3 << 20 <= volume["UsageData"]["Size"] < 3.2 * (1 << 20)
    lines = {line.split("  ")[0].strip(): line for line in cli("system", "df").out.splitlines()}
    assert list(lines) == ["TYPE", "Images", "Containers", "Local Volumes", "Build Cache"]
    assert "1" in lines["Containers"].split() and "3.1" in lines["Local Volumes"]
    assert "space" in cli("system", "df", "-v").out
    cli("rm", "-f", name)
    cli("volume", "rm", "space")


def test_one_kind_alone(engine):
    usage = engine.api("GET", "/system/df?type=volume").json
    assert usage == {"LayersSize": 0, "Images": None, "Containers": None, "Volumes": [], "BuildCache": None}
    refused = engine.api("GET", "/system/df?type=nonsense")
    assert (refused.status, refused.json["message"]) == (400, "unknown object type: nonsense")


def test_system_prune(new_engine):
    engine = new_engine()
    engine.docker("run", "--name", "old", "busybox", "true")
    engine.docker("network", "create", "idle")
    engine.docker("volume", "create", "kept")
    said = engine.docker("system", "prune", "--force").out
    assert "Deleted Containers:" in said and "Deleted Networks:\nidle" in said and "Total reclaimed space:" in said
    assert engine.docker("ps", "-aq").out == "" and engine.docker("volume", "ls", "-q").out == "kept\n"
    assert engine.api("POST", "/build/prune?all=true").json == {"CachesDeleted": None, "SpaceReclaimed": 0}
    engine.docker("system", "prune", "--all", "--volumes", "--force")
    assert engine.docker("images", "-q").out == ""
