"""What an image's config says is data: no part of the engine takes an order from it."""

import json

# What runtimes, CRI engines and builders read from labels and annotations of their own.
RESERVED = {"org.criu.config": "/etc/shadow", "org.systemd.property.ExecStartPost": "'touch /marked'", "run.oci.handler": "krun",
            "io.katacontainers.config.hypervisor.path": "/bin/sh", "io.kubernetes.cri-o.Devices": "/dev/sda:rwm",
            "containerd.io/restart.loguri": "binary:///bin/sh", "containerd.io/gc.root": "1", "org.mobyproject.image.parent": "sha256:" + "0" * 64,
            "com.docker.swarm.task": "", "io.berth.anything": "x"}


def test_labels_of_an_image_are_nobodys_orders(engine, tmp_path):
    engine.docker("create", "--name", "source", "busybox", "true")
    engine.docker("export", "-o", tmp_path / "root.tar", "source")
    changes = [word for name, value in RESERVED.items() for word in ("-c", f"LABEL {name}={json.dumps(value)}")]
    engine.docker("import", *changes, tmp_path / "root.tar", "ordering")
    container = engine.docker("run", "-d", "ordering", "sleep", "1000").out.strip()
    about = engine.api("GET", f"/containers/{container}/json").json
    assert about["Config"]["Labels"] == RESERVED
    assert not about["HostConfig"].get("Annotations")
    assert not json.loads((engine.exec_root / "tasks" / container / "config.json").read_text()).get("annotations")
    assert engine.api("GET", "/images/ordering/json").json["Parent"] == ""
    assert engine.docker("exec", container, "sh", "-c", "ls /marked || echo none").out == "none\n"
    # A commit says of them what it says of any label.
    engine.docker("commit", container, "ordered")
    image = engine.api("GET", "/images/ordered/json").json
    assert image["Config"]["Labels"] == RESERVED and image["Parent"] == engine.api("GET", "/images/ordering/json").json["Id"]
    engine.docker("rm", "-f", container, "source")
