"""Operations on images, and what an engine says meanwhile: lines of progress, answers and events, in a form that two engines can be
compared by.

    python3 -m support.image_script      (in tests/) prints what dockerd with containerd's store says, as JSON: step -> what

Of a step there is its status; "said", the lines that belong to nothing that moves, in their order, and "…" where the others are;
"moving", for each layer what was said of it in its order; "shapes", the fields of those lines; "events". Which lines of progress
come depends on how long something takes: they are no part of an order, and their fields are told for all steps together.
"""

import calendar
import json
import re
import sys
import time
from shutil import which
from urllib.parse import quote

from support.archives import docker_archive, oci_layout, tar_of
from support.peer import Peer, folders
from support.registry import docker_registry, server

PLAIN, LOCKED, HOSTILE, NOBODY = "127.0.0.1:5460", "127.0.0.1:5461", "127.0.0.1:5462", "127.0.0.1:5469"
TAR = {"Content-Type": "application/x-tar"}
# Lines that may be missing where there is nothing to wait for.
FLEETING = {"Downloading", "Extracting", "Pushing", "Loading layer", "Waiting", "Preparing", "Unavailable", "Retrying"}


FLEETING_SHAPES = set()


def shape(text):
    text = re.sub(r"sha256:[0-9a-f]{64}", "DIGEST", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HEX", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "SHORT", text)
    text = re.sub(r"/var/tmp/\S+", "PATH:", text)
    text = re.sub(r"(size: |read tcp )[\d.:>-]+", r"\1N", text)
    return re.sub(r"\b\d+(\.\d+)?(B|kB|MB)\b", "SIZE", text)


def shapes_of(value):
    if isinstance(value, dict):
        return {key: shapes_of(part) for key, part in sorted(value.items())}
    if isinstance(value, list):
        return [shapes_of(part) for part in value]
    return shape(value) if isinstance(value, str) else type(value).__name__


def is_layer(line):
    return re.fullmatch(r"[0-9a-f]{12}", line.get("id", "")) is not None


def stream(answer):
    """Of a body of lines."""
    said, moving, shapes = [], {}, set()
    for text in answer.text.splitlines():
        line = json.loads(text)
        # What a push has come to, which dockerd says with its other store only.
        if "Tag" in line.get("aux", {}):
            continue
        if not is_layer(line) and "progressDetail" not in line or "aux" in line:
            said.append(shapes_of(line))
            continue
        if said[-1:] != ["…"]:
            said.append("…")
        place = FLEETING_SHAPES if line["status"] in FLEETING else shapes
        detail = set(line.get("progressDetail") or {})
        # dockerd leaves out what is 0.
        detail |= {"current"} if "total" in detail else set()
        place.add(json.dumps([line["status"], sorted(line), sorted(detail)]))
        steps = moving.setdefault(line.get("id"), [])
        if line["status"] not in FLEETING and steps[-1:] != [shape(line["status"])]:
            steps.append(shape(line["status"]))
    if any("error" in line for line in said):
        said = [line for line in said if line != "…"]  # which layers were told of before is a matter of time
    out = {"status": answer.status, "type": answer.headers.get("Content-Type"), "said": said}
    if moving:
        out["moving"] = sorted(steps for steps in moving.values() if steps)
        out["shapes"] = sorted(map(json.loads, shapes), key=json.dumps)
    return out


def document(answer):
    return {"status": answer.status, "answer": shapes_of(answer.json) if answer.text else ""}


def command(done):
    """Of the docker CLI: lines about layers put together, the rest as it is."""
    said, moving = [], {}
    for line in (done.out + done.err).splitlines():
        layer = re.match(r"([0-9a-f]{12}): (.*)", line)
        if not layer:
            said.append(shape(line))
            continue
        if said[-1:] != ["…"]:
            said.append("…")
        steps = moving.setdefault(layer[1], [])
        if layer[2] not in FLEETING and steps[-1:] != [layer[2]]:
            steps.append(shape(layer[2]))
    said = [line for line in said if line != "…" or done.status == 0]
    return {"status": done.status, "said": said, "moving": sorted(steps for steps in moving.values() if steps)}


class Script:
    def __init__(self, engine):
        self.engine, self.out = engine, {}
        layers = [tar_of({f"file{at}": bytes([at]) * 3_000_000, "again": b"x" * at}) for at in range(3)]
        self.archive = docker_archive("three:1", layers, Cmd=["none"])
        self.sibling = docker_archive("sibling:1", [*layers[:2], tar_of({"other": b"other"})], Cmd=["none"])
        self.nameless = docker_archive("x", layers[:1], Env=["A=1"]).replace(b'["x"]', b'null ')
        self.many = docker_archive("many:1", [tar_of({f"file{at}": b"" for at in range(15000)})])
        self.two, _ = oci_layout("two:1", {"linux/amd64": layers[0], "linux/arm64": layers[1]})

    def now(self):
        """As the events' filters take it; the clock is that of the engine."""
        whole, _, part = self.engine.api("GET", "/info").json["SystemTime"].rstrip("Z").partition(".")
        return f"{calendar.timegm(time.strptime(whole, '%Y-%m-%dT%H:%M:%S'))}.{part:0<9}"

    # Each is a step: under its name, what `do` has said and the events of the while.

    def step(self, name, what, do):
        since = self.now()
        said = what(do())
        until = self.now()
        text = self.engine.api("GET", f"/events?since={since}&until={until}&filters=" + quote('{"type":["image"]}')).text
        events = [json.loads(line) for line in text.splitlines()]
        said["events"] = [[event["Action"], shape(event["Actor"]["ID"]),
                           {key: shape(value) if key == "name" else "…" for key, value in sorted(event["Actor"]["Attributes"].items())}] for event in events]
        self.out[name] = said

    def post(self, name, path, what=stream, method="POST", **options):
        self.step(f"{name}: {method} {path}", what, lambda: self.engine.api(method, path, **options))

    def docker(self, *arguments, **options):
        shown = " ".join(arguments)
        self.step(f"docker {shown}", command, lambda: self.engine.docker(*arguments, status=None, **options))

    def quietly(self, *arguments, **options):
        self.engine.docker(*arguments, status=None, **options)

    def lose(self, digest):
        path = self.engine.data / "content/blobs/sha256" / digest.removeprefix("sha256:")
        if path.exists():
            return path.unlink()
        socket = self.engine.exec_root / "containerd/containerd.sock"
        return self.engine.run(which("ctr", path=":".join(folders())), "-a", socket, "-n", "moby", "content", "rm", digest)

    def forget(self):
        for image in self.engine.api("GET", "/images/json").json:
            self.engine.api("DELETE", f"/images/{image['Id']}?force=1")

    def load(self):
        self.post("three layers", "/images/load", body=self.archive, headers=TAR)
        self.post("once more", "/images/load", body=self.archive, headers=TAR)
        self.post("quietly", "/images/load?quiet=1", body=self.sibling, headers=TAR)
        self.post("without a name", "/images/load", body=self.nameless, headers=TAR)
        self.post("of two platforms", "/images/load", body=self.two, headers=TAR)
        self.step("shared sizes", dict, self.sizes)
        arm = quote('{"os":"linux","architecture":"arm64"}')
        self.post("one of them", f"/images/load?platform={arm}", body=self.two, headers=TAR)
        s390 = quote('{"os":"linux","architecture":"s390x"}')
        self.post("none of them", f"/images/load?platform={s390}", body=self.two, headers=TAR)
        self.post("nothing", "/images/load?x=1", body=b"", headers=TAR)
        self.post("no archive", "/images/load?x=2", body=b"hello\n" * 1000, headers=TAR)
        self.post("cut off", "/images/load?x=3", body=self.archive[:4_000_000], headers=TAR)
        self.docker("load", stdin=self.sibling)
        self.docker("load", "-q", stdin=self.nameless)

    def names(self):
        self.post("another name", "/images/three:1/tag?repo=named&tag=2", document)
        self.post("the same", "/images/three:1/tag?repo=named&tag=2", document)
        self.post("of another image", "/images/sibling:1/tag?repo=named&tag=2", document)
        self.post("of nothing", "/images/nothing/tag?repo=x", document)
        self.post("no name", "/images/three:1/tag?repo=UPPER&tag=2", document)
        self.post("a bad tag", "/images/three:1/tag?repo=x&tag=a%20b", document)
        self.post("one of a few", "/images/named:2", document, "DELETE")
        self.post("one that is not there", "/images/named:2", document, "DELETE")
        self.post("by its id", "/images/nothing@sha256:" + 64 * "0", document, "DELETE")
        self.quietly("create", "--name", "user", "three:1")
        self.post("in use", "/images/three:1", document, "DELETE")
        self.post("in use, by force", "/images/three:1?force=1", document, "DELETE")
        self.quietly("rm", "user")
        self.docker("rmi", "sibling:1", "nothing:1")
        self.docker("tag", "nothing", "x")
        self.docker("image", "prune", "-f")
        self.docker("image", "prune", "-af")
        self.post("nothing left", "/images/prune", document)
        self.post("of nothing", "/images/get?names=nothing", document, "GET")
        self.docker("save", "-o", "/dev/null/x", "nothing")

    def sizes(self):
        """Of what is shared, in MB."""
        images = self.engine.api("GET", "/images/json?shared-size=1").json
        return {"shared": sorted([image["RepoTags"], round(image["SharedSize"] / 1e6)] for image in images)}

    def parents(self):
        """An image goes with the last one that was made of it, once it has no name."""
        self.forget()
        self.quietly("import", "-", "base:1", stdin=tar_of({"a": b"a"}))
        self.quietly("create", "--name", "user", "base:1", "none")
        for child in ("child:1", "child:2", "child:3"):
            self.quietly("commit", "-m", child, "user", child)
        self.quietly("rm", "user")
        self.quietly("import", "-", "base:1", stdin=tar_of({"b": b"b"}))
        self.post("one of a few children", "/images/child:1", document, "DELETE")
        self.post("not with its parents", "/images/child:2?noprune=1", document, "DELETE")
        self.post("the last child", "/images/child:3", document, "DELETE")
        self.docker("images", "-a", "--format", "{{.Repository}}:{{.Tag}}")

    def imports(self):
        tar = tar_of({"hello": b"hello\n"})
        self.post("plain", "/images/create?fromSrc=-&repo=made&tag=1", body=tar, headers=TAR)
        self.post("changed", "/images/create?fromSrc=-&repo=made&tag=2&changes=CMD%20x&message=so", body=tar, headers=TAR)
        self.post("without a name", "/images/create?fromSrc=-", body=tar, headers=TAR)
        self.post("no tar", "/images/create?fromSrc=-&repo=made&tag=3", body=b"hello\n" * 1000, headers=TAR)
        self.post("a bad change", "/images/create?fromSrc=-&repo=made&tag=3&changes=FROM%20x", body=tar, headers=TAR)
        self.post("a bad name", "/images/create?fromSrc=-&repo=UPPER", body=tar, headers=TAR)
        self.docker("import", "-", "made:4", stdin=tar)

    def push(self):
        self.quietly("load", "-q", stdin=self.archive)
        self.quietly("load", "-q", stdin=self.sibling)
        for name in (f"{PLAIN}/three:1", f"{PLAIN}/three:2", f"{PLAIN}/mounted:1", f"{LOCKED}/three:1", f"{NOBODY}/three:1", f"{HOSTILE}/closed:1",
                     f"{HOSTILE}/paced:1"):
            self.quietly("tag", "three:1", name)
        self.quietly("tag", "sibling:1", f"{PLAIN}/three:3")
        self.quietly("load", "-q", stdin=self.many)
        self.quietly("tag", "many:1", f"{PLAIN}/many:1")
        self.post("new", f"/images/{PLAIN}/three/push?tag=1")
        self.post("one layer", f"/images/{PLAIN}/many/push?tag=1")
        self.post("slowly", f"/images/{HOSTILE}/paced/push?tag=1")
        self.post("once more", f"/images/{PLAIN}/three/push?tag=1")
        self.post("by another tag", f"/images/{PLAIN}/three/push?tag=2")
        self.post("mounted", f"/images/{PLAIN}/mounted/push?tag=1")
        self.post("most of it there", f"/images/{PLAIN}/three/push?tag=3")
        self.post("all tags", f"/images/{PLAIN}/three/push")
        self.post("no such tag", f"/images/{PLAIN}/three/push?tag=9")
        self.post("nothing at all", f"/images/{PLAIN}/nothing/push?tag=1")
        self.post("no tags at all", f"/images/{PLAIN}/nothing/push")
        self.post("no such platform", f"/images/{PLAIN}/three/push?tag=1&platform=" + quote('{"os":"linux","architecture":"s390x"}'))
        self.post("denied", f"/images/{LOCKED}/three/push?tag=1")
        self.post("forbidden", f"/images/{HOSTILE}/closed/push?tag=1")
        self.post("nobody there", f"/images/{NOBODY}/three/push?tag=1")
        self.quietly("tag", "many:1", f"{HOSTILE}/lost:1")
        self.lose(self.engine.api("GET", "/images/many:1/json").json["RootFS"]["Layers"][0])
        self.post("a layer is missing", f"/images/{HOSTILE}/lost/push?tag=1")
        self.docker("push", f"{HOSTILE}/lost:1")
        self.docker("push", f"{PLAIN}/three:1")
        self.docker("push", "-a", f"{PLAIN}/three")
        self.docker("push", f"{LOCKED}/three:1")
        self.docker("push", f"{PLAIN}/nothing:1")

    def pull(self):
        digest = self.engine.api("GET", f"/images/{PLAIN}/three:1/json").json["Id"]
        self.forget()
        create = "/images/create?fromImage="
        self.post("new", f"{create}{PLAIN}/three&tag=1")
        self.post("of many files", f"{create}{PLAIN}/many&tag=1")
        self.post("slowly", f"{create}{HOSTILE}/paced&tag=1")
        self.post("once more", f"{create}{PLAIN}/three&tag=1")
        self.post("another name of it", f"{create}{PLAIN}/three&tag=2")
        self.post("most of it there", f"{create}{PLAIN}/three:3")
        self.step("pull: by digest", stream, lambda: self.engine.api("POST", f"{create}{PLAIN}/three&tag={digest}"))
        self.forget()
        self.step("pull: by digest, new", stream, lambda: self.engine.api("POST", f"{create}{PLAIN}/three@{digest}"))
        self.forget()
        self.post("all tags", f"{create}{PLAIN}/three")
        self.post("all tags once more", f"{create}{PLAIN}/three")
        self.post("no such tag", f"{create}{PLAIN}/three&tag=9")
        self.post("no such repository", f"{create}{PLAIN}/nothing&tag=1")
        self.post("no such repository, all tags", f"{create}{PLAIN}/nothing")
        self.post("no such digest", f"{create}{PLAIN}/three&tag=sha256:{64 * '0'}")
        self.post("no such platform", f"{create}{PLAIN}/three&tag=1&platform=linux/s390x")
        self.post("denied", f"{create}{LOCKED}/three&tag=1")
        self.post("nobody there", f"{create}{NOBODY}/three&tag=1")
        self.post("no name", f"{create}UPPER&tag=1")
        self.post("a bad platform", f"{create}{PLAIN}/three&tag=1&platform=a/b/c/d/e")
        self.post("out of an index", f"{create}{HOSTILE}/good&tag=1")
        self.post("the other platform", f"{create}{HOSTILE}/good&tag=1&platform=linux/arm64")
        self.post("none of an index", f"{create}{HOSTILE}/good&tag=1&platform=linux/s390x")
        self.post("of schema 1", f"{create}{HOSTILE}/schema1&tag=1")
        self.post("a layer that is wrong", f"{create}{HOSTILE}/flip&tag=3")
        self.post("forbidden", f"{create}{HOSTILE}/closed&tag=1")
        self.forget()
        self.docker("pull", f"{PLAIN}/three:1")
        self.docker("images", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}")
        self.docker("pull", f"{PLAIN}/three:1")
        self.docker("pull", "-q", f"{PLAIN}/three:1")
        self.docker("pull", "-a", f"{PLAIN}/three")
        self.docker("pull", f"{PLAIN}/three:9")
        self.docker("pull", f"{LOCKED}/three:1")
        self.docker("run", "--rm", f"{PLAIN}/nothing:1")
        self.docker("create", "--pull", "never", "nothing:1")
        self.docker("rmi", f"{PLAIN}/three:2")


def record(engine):
    script, log = Script(engine), engine.directory / "script.log"
    FLEETING_SHAPES.clear()
    log.touch()
    port = {name: int(name.split(":")[1]) for name in (PLAIN, LOCKED, HOSTILE)}
    with docker_registry(engine, port[PLAIN]), docker_registry(engine, port[LOCKED], users=("ann", "secret")), \
            server(engine, "hostile_registry.py", port[HOSTILE], log):
        for part in (script.load, script.names, script.parents, script.imports, script.push, script.pull):
            part()
    script.out["lines that come and go"] = sorted(map(json.loads, FLEETING_SHAPES), key=json.dumps)
    return script.out


if __name__ == "__main__":
    with Peer("--feature", "containerd-snapshotter=true", images=()) as peer:
        json.dump({step: {"dockerd": said} for step, said in record(peer).items()}, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
