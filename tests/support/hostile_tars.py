"""Hostile and odd image layers, written byte by byte, each with what unpacking it must give.

A case is (name, layer bytes, expectation). The expectation is either a regular expression for the error, or a dict:
path -> what must be there ("dir", "file:CONTENT", "link:TARGET", "whiteout", "fifo", "char", "absent", or a callable that
gets an lstat result). Whatever the outcome, the canary tree outside must stay as it was.
"""
import os
import shutil
import stat

from support.hostile_streams import streams
from support.tar_bytes import (
    BLOCK, END, INVALID, TRUNCATED, file, folder, gnu_long, hardlink, header,
    layer, mode_is, mtime_is, number, padded, pax, record, size_is, symlink)


def more_names(outside):
    out = outside.encode()
    return [
        ("backslashes are no separators", layer(file("..\\..\\x", b"1")), {"..\\..\\x": "file:1"}),
        ("dots that are names", layer(file("...", b"1"), file("a/.../b", b"2")), {"...": "file:1", "a/.../b": "file:2"}),
        ("a drive is a name", layer(file("C:/x", b"1")), {"C:/x": "file:1"}),
        ("slash alone as a folder", layer(folder("/")), {}),
        ("slashes alone as a file", layer(header("///", b"0")), None),
        ("empty name", layer(header("", b"0")), None),
        ("prefix wants out", layer(file("file", b"evil", prefix=b"../../../.." + out)), {outside + "/file": "file:evil"}),
        ("pax path is absolute and long", layer(pax(path=out + b"/" + b"d/" * 200 + b"f"), file("x", b"1")),
         {outside + "/" + "d/" * 200 + "f": "file:1"}),
        ("trailing dotdot", layer(folder("a"), file("a/b/..", b"1")), None),
        ("control characters", layer(file(b"\x1b[2J\x07", b"1")), {"\x1b[2J\x07": "file:1"}),
        ("name as long as may be", layer(file(b"n" * 100, b"1", prefix=b"p" * 155)), {"p" * 155 + "/" + "n" * 100: "file:1"}),
        ("proc is a folder", layer(folder("proc"), file("proc/self/root/x", b"1")), {"proc/self/root/x": "file:1"}),
    ]


def more_links(outside):
    out = outside.encode()
    up = b"../" * 18 + out.lstrip(b"/")
    return [
        ("link deep below leads out", layer(folder("a/b"), symlink("a/b/l", up), file("a/b/l/file", b"evil")), None),
        ("folder's owner after it became a link", layer(folder("d"), symlink("d", out + b"/dir"), folder("d", 0o700, uid=5)), {"d": "dir"}),
        ("folder time after it became a link", layer(folder("d", mtime=1), file("d/f"), symlink("d", out + b"/dir")),
         {"d": "link:" + outside + "/dir"}),
        ("device over a link", layer(symlink("l", out + b"/file"), header("l", b"3", major=1, minor=3)), {"l": "char"}),
        ("fifo over a link", layer(symlink("l", out + b"/file"), header("l", b"6")), {"l": "fifo"}),
        ("hard link over a link", layer(file("a", b"1"), symlink("l", out + b"/file"), hardlink("l", "a")), {"l": "file:1"}),
        ("xattr over a link", layer(symlink("l", out + b"/file"), pax(raw=record("SCHILY.xattr.user.k", b"v")), file("l", b"1")),
         {"l": "file:1"}),
        ("whiteout over a link", layer(symlink("l", out + b"/file"), file(".wh.l", b"")), None),
        ("opaque by hard link", layer(folder("d"), hardlink("d/.wh..wh..opq", out + b"/file")), None),
        ("whiteout that is a link", layer(symlink(".wh.x", out + b"/file")), None),
        ("link as long as may be", layer(gnu_long(b"K", b"t" * 4095), symlink("l", "x")), {"l": "link:" + "t" * 4095}),
        ("link too long", layer(gnu_long(b"K", b"t" * 5000), symlink("l", "x")), r"name too long"),
        ("forty links", layer(*[symlink("l%d" % n, "l%d" % (n + 1)) for n in range(60)], folder("l60"), file("l0/x")), r"."),
    ]


def more_kinds():
    return [
        ("setuid root device", layer(header("d", b"4", mode=0o4777, major=8)), None),
        ("whiteout device by name", layer(header("x", b"3", mode=0o600, major=0, minor=0)), r"invalid device 0:0"),
        ("contiguous file", layer(header("c", b"7", size=1) + padded(b"c")), {"c": "file:c"}),
        ("unknown kind is passed over", layer(header("q", b"Q", size=1) + padded(b"q"), file("a", b"1")), {"q": "absent", "a": "file:1"}),
        ("capabilities", layer(pax(raw=record("SCHILY.xattr.security.capability", b"\1\0\0\2" + b"\0\4" + b"\0" * 14)), file("p", b"1")),
         {"p": lambda status: status.st_size == 1}),
        ("all the mode bits", layer(header("m", b"0", mode=0o7777777)), {"m": lambda status: stat.S_ISREG(status.st_mode)}),
        ("folder with a size", layer(header("d", b"5", size=512), file("a", b"1")), {"d": "dir", "a": "file:1"}),
        ("link with a size", layer(header("l", b"2", size=512, link=b"t"), file("a", b"1")), {"l": "link:t", "a": "file:1"}),
    ]


def more_broken():
    return [
        ("a header of 0xff", b"\xff" * BLOCK + END, INVALID),
        ("two pax headers, the last counts", layer(pax(path="a"), pax(path="b"), file("x", b"1")), {"b": "file:1"}),
        ("pax header at the end", pax(path="a") + END, None),
        ("gnu long name at the end", gnu_long(b"L", b"a" * 200) + END, None),
        ("negative pax size", layer(pax(size="-1"), file("a", b"1")), INVALID),
        ("pax time that is no number", layer(pax(mtime="soon"), file("a", b"1")), INVALID),
        ("pax length of zero", layer(pax(raw=b"0 a=b\n"), file("a")), INVALID),
        ("sparse with a negative size", layer(pax(GNU__sparse__size="-4", GNU__sparse__numblocks="1", GNU__sparse__map="0,1"), file("x", b"a")), INVALID),
        ("sparse with a million extents", layer(pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="1"),
                                                header("s", size=BLOCK) + padded(b"99999999\n".ljust(BLOCK, b"0"))), INVALID),
        ("one zero block between entries", file("a", b"1") + b"\0" * BLOCK + file("b", b"2") + END, INVALID),
    ]


def corpus(outside):
    """`outside`: the canary's absolute path, with a `file`, a `setuid` and a folder `dir` in it."""
    out = outside.encode()
    up = b"../" * 18 + out.lstrip(b"/")
    cases = [
        # Names that want out.
        ("absolute path stays inside", layer(file(out + b"/file", b"evil")), {outside + "/file": "file:evil"}),
        ("dotdot stays inside", layer(file(up + b"/file", b"evil")), {outside + "/file": "file:evil"}),
        ("dotdot in the middle", layer(file("a/../../../b", b"1")), {"b": "file:1"}),
        ("dotdot alone as a folder", layer(folder("..", 0o755)), {}),
        ("dot slash names", layer(folder("./"), file("./a", b"1")), {"a": "file:1"}),
        ("doubled slashes", layer(file("a//b///c", b"1")), {"a/b/c": "file:1"}),
        ("pax path wants out", layer(pax(path=up + b"/file"), file("x", b"evil")), {outside + "/file": "file:evil"}),
        ("gnu long name wants out", layer(gnu_long(b"L", up + b"/dir/new"), file("x", b"evil")),
         {outside + "/dir/new": "file:evil"}),
        # Links that lead out, then are used.
        ("write through absolute link", layer(symlink("l", out), file("l/file", b"evil")), None),
        ("write through relative link", layer(symlink("l", up), file("l/file", b"evil")), None),
        ("write through link to root", layer(symlink("l", "/"), file("l/f", b"1")), {"f": "file:1"}),
        ("file replaces link instead of following", layer(symlink("l", out + b"/file"), file("l", b"new")),
         {"l": "file:new"}),
        ("folder replaces link instead of following", layer(symlink("l", out + b"/dir"), folder("l", 0o700)),
         {"l": "dir"}),
        ("mode through link", layer(symlink("l", out + b"/setuid"), header("l", b"0", mode=0o777)), {"l": mode_is(0o777)}),
        ("owner through link to folder", layer(symlink("l", out + b"/dir"), folder("l", 0o777, uid=1000)),
         {"l": lambda s: s.st_uid == 1000}),
        ("link chain", layer(symlink("a", "b"), symlink("b", out), file("a/file", b"evil")), None),
        ("link loop", layer(symlink("a", "b"), symlink("b", "a"), file("a/x")), r"."),
        ("link to itself", layer(symlink("a", "a"), file("a/x")), r"."),
        ("link into proc", layer(symlink("p", "/proc/self/root"), file("p/evil")), None),
        ("link swapped under a folder", layer(folder("d"), file("d/f", b"1"), symlink("d", out), file("d/file", b"evil")),
         None),
        ("empty link target", layer(symlink("l", "")), r"."),
        # Hard links.
        ("hard link to outside", layer(hardlink("h", out + b"/file")), r"no such file"),
        ("hard link by dotdot", layer(hardlink("h", up + b"/file")), r"no such file"),
        ("hard link through link", layer(symlink("l", out), hardlink("h", "l/file")), r"no such file"),
        ("hard link to link", layer(symlink("l", out + b"/setuid"), hardlink("h", "l"), ), {"h": "link:" + outside + "/setuid"}),
        ("mode through hard link to link",
         layer(symlink("l", out + b"/setuid"), hardlink("h", "l"), header("h", b"0", mode=0o777)), {"h": mode_is(0o777)}),
        ("hard link to folder", layer(folder("d"), hardlink("h", "d")), r"."),
        ("hard link to itself", layer(file("a", b"1"), hardlink("a", "a")), None),
        ("hard link to nothing", layer(hardlink("h", "nothing")), r"no such file"),
        ("hard link to the root", layer(hardlink("h", "/")), r"."),
        ("hard link shares", layer(file("a", b"1"), hardlink("b", "a")), {"b": lambda s: s.st_nlink == 2}),
        # Whiteouts.
        ("whiteout", layer(folder("d"), file("d/.wh.x", b"")), {"d/x": "whiteout", "d/.wh.x": "absent"}),
        ("whiteout without a name", layer(file(".wh.", b"")), r"invalid whiteout name"),
        ("whiteout of dot", layer(folder("d"), file("d/.wh..", b"")), r"invalid whiteout name"),
        ("whiteout of dotdot", layer(folder("d"), file("d/.wh...", b"")), r"invalid whiteout name"),
        ("whiteout through link", layer(symlink("l", out), file("l/.wh.file", b"")), None),
        ("opaque", layer(folder("d"), file("d/.wh..wh..opq", b"")), {"d": "opaque"}),
        ("opaque through link", layer(symlink("l", out), file("l/.wh..wh..opq", b"")), None),
        ("aufs metadata is dropped", layer(folder(".wh..wh.plnk"), file(".wh..wh.aufs", b"")),
         {".wh..wh.plnk": "absent", ".wh..wh.aufs": "absent"}),
        ("own file wins over whiteout", layer(file("x", b"1"), file(".wh.x", b"")), {"x": "file:1"}),
        ("file after whiteout", layer(file(".wh.x", b""), file("x", b"1")), {"x": "file:1"}),
        ("folder after whiteout is opaque", layer(file(".wh.d", b""), folder("d"), file("d/f", b"1")),
         {"d": "opaque", "d/f": "file:1"}),
        ("file below a whiteout", layer(file(".wh.d", b""), file("d/f", b"1")), {"d": "opaque", "d/f": "file:1"}),
        ("whiteout of a whiteout", layer(file(".wh.x", b""), file(".wh.x", b"")), {"x": "whiteout"}),
        ("hard link to a whiteout's name", layer(file(".wh.x", b""), hardlink("h", "x")), None),
        # Replacement.
        ("folder replaced by file", layer(folder("a"), file("a/b"), file("a", b"1")), {"a": "file:1"}),
        ("file replaced by folder", layer(file("a"), folder("a"), file("a/b", b"1")), {"a/b": "file:1"}),
        ("file as parent", layer(file("a"), file("a/b")), r"not a directory"),
        ("folder replaced by link, then used", layer(folder("a/b"), symlink("a", "c"), folder("c"), file("a/x", b"1")),
         {"c/x": "file:1"}),
        ("last one wins", layer(file("a", b"1"), file("a", b"2")), {"a": "file:2"}),
        ("folders merge", layer(folder("a", 0o700), file("a/f", b"1"), folder("a", 0o711)),
         {"a": mode_is(0o711), "a/f": "file:1"}),
        ("root's own mode", layer(folder("./", 0o1777)), {".": mode_is(0o1777)}),
        # Kinds and metadata.
        ("devices", layer(header("null", b"3", mode=0o666, major=1, minor=3), header("sda", b"4", major=8)),
         {"null": "char"}),
        ("fifo", layer(header("f", b"6")), {"f": "fifo"}),
        ("setuid survives chown", layer(file("s", b"1", mode=0o4755, uid=12, gid=34)), {"s": mode_is(0o4755)}),
        ("setgid folder", layer(folder("s", 0o2775, gid=34)), {"s": mode_is(0o2775)}),
        ("negative mtime", layer(file("a", b"1", mtime=-86400)), {"a": mtime_is(-86400 * 10**9)}),
        ("pax mtime with a fraction", layer(pax(mtime="1700000000.123456789"), file("a")),
         {"a": mtime_is(1700000000123456789)}),
        ("folder mtime is set last", layer(folder("d", mtime=1000), file("d/f")), {"d": mtime_is(1000 * 10**9)}),
        ("huge mtime", layer(file("a", b"1", mtime=2**62)), None),
        ("huge uid", layer(file("a", b"1", uid=2**40)), INVALID),
        ("uid minus one", layer(file("a", b"1", uid=2**32 - 1)), INVALID),
        ("pax uid and size", layer(pax(uid="70000", size="3"), header("a") + padded(b"abc")),
         {"a": lambda s: s.st_uid == 70000 and s.st_size == 3}),
        ("user xattr", layer(pax(raw=record("SCHILY.xattr.user.k", b"v\0w")), file("a", b"1")), {"a": "file:1"}),
        ("trusted xattr is not taken", layer(pax(raw=record("SCHILY.xattr.trusted.overlay.redirect", b"/etc")), folder("a")),
         {"a": "no-trusted"}),
        ("opaque by xattr is not taken", layer(pax(raw=record("SCHILY.xattr.trusted.overlay.opaque", b"y")), folder("a")),
         {"a": "no-trusted"}),
        ("utf-8 name by pax", layer(pax(path="gr\u00fc\u00dfe/\u65e5\u672c".encode()), file("x", b"1")),
         {"gr\u00fc\u00dfe/\u65e5\u672c": "file:1"}),
        ("name that is no utf-8", layer(file(b"a\xff\xfeb", b"1")), {b"a\xff\xfeb".decode(errors="surrogateescape"): "file:1"}),
        ("name that is no utf-8 by pax", layer(pax(path=b"a\xff\xfeb"), file("x", b"1")),
         {b"a\xff\xfeb".decode(errors="surrogateescape"): "file:1"}),
        ("utf-8 link by pax", layer(pax(linkpath="\u00e9".encode()), symlink("l", "x")), {"l": "link:\u00e9"}),
        ("name with a newline", layer(file(b"a\nb", b"1")), {"a\nb": "file:1"}),
        ("ustar prefix", layer(file("name", b"1", prefix=b"some/dir")), {"some/dir/name": "file:1"}),
        ("gnu long name", layer(gnu_long(b"L", b"d/" * 100 + b"f"), file("x", b"1")), {"d/" * 100 + "f": "file:1"}),
        ("gnu long link", layer(gnu_long(b"K", b"t" * 200), symlink("l", "x")), {"l": "link:" + "t" * 200}),
        ("old v7 header", layer(file("a", b"1", magic=b"\0" * 8)), {"a": "file:1"}),
        ("v7 folder by its slash", layer(header("d/", b"\0", magic=b"\0" * 8)), {"d": "dir"}),
        ("pax empty value falls back", layer(pax(path=""), file("a", b"1")), {"a": "file:1"}),
        ("global pax header is no entry", layer(pax(b"g", comment="hello"), file("a", b"1")), {"a": "file:1"}),
        ("name too long", layer(gnu_long(b"L", b"n" * 300), file("x")), r"name too long"),
        ("path too long", layer(pax(path=b"d/" * 3000 + b"f"), file("x")), r"name too long"),
        ("sparse gnu 1.0", layer(pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__name="s",
                                     GNU__sparse__realsize="1048576"),
                                 header("GNUSparseFile.0/s", size=BLOCK + 1) + padded(b"1\n1048575\n1\n".ljust(BLOCK, b"\0") + b"z")),
         {"s": size_is(1048576)}),
        ("sparse bomb takes no space", layer(pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__name="s",
                                                 GNU__sparse__realsize=str(2**42)),
                                             header("GNUSparseFile.0/s", size=BLOCK) + padded(b"0\n".ljust(BLOCK, b"\0"))),
         None),
        ("sparse gnu 0.1", layer(pax(GNU__sparse__size="4096", GNU__sparse__numblocks="1", GNU__sparse__map="4095,1",
                                     GNU__sparse__name="s"), file("x", b"z")), {"s": size_is(4096)}),
        ("sparse extents overlap", layer(pax(GNU__sparse__size="4096", GNU__sparse__numblocks="2",
                                             GNU__sparse__map="0,2,1,2"), file("x", b"abcd")), INVALID),
        ("sparse extent beyond the end", layer(pax(GNU__sparse__size="2", GNU__sparse__numblocks="1",
                                                   GNU__sparse__map="0,4"), file("x", b"abcd")), INVALID),
        ("sparse old gnu", layer(header("s", b"S", size=1, magic=b"ustar  \0",
                                        tail=b"\0" * 41 + number(8191, 12) + number(1, 12) + b"\0" * 73 + number(8192, 12))
                                 + padded(b"z")), {"s": size_is(8192)}),
        ("device number out of range", layer(header("d", b"3", major=5000)), INVALID),
        # Broken archives.
        ("no bytes at all", b"", {}),
        ("only the end marker", END, {}),
        ("no end marker", file("a", b"1"), {"a": "file:1"}),
        ("cut in a header", file("a", b"1") + header("b")[:200], TRUNCATED),
        ("cut in data", header("a", size=100000) + b"x" * 1000, TRUNCATED),
        ("cut in padding", header("a", size=100) + b"x" * 100, TRUNCATED),
        ("cut in pax data", header("x", b"x", size=1000) + b"x", None),
        ("size beyond everything", header("a", size=2**62) + b"x" * 512, TRUNCATED),
        ("negative size", layer(header("a", size=-1)), INVALID),
        ("bad checksum", header("a", checksum=1) + END, INVALID),
        ("letters in a number", layer(header("a", mode=b"zzz")), INVALID),
        ("not a tar", b"this is not a tar at all, " * 100, INVALID),
        ("pax record too long", layer(pax(raw=b"999 path=x\n"), file("a")), INVALID),
        ("pax record without equals", layer(pax(raw=b"7 path\n"), file("a")), INVALID),
        ("pax header of a gigabyte", header("x", b"x", size=2**30) + b"0" * 4096, INVALID),
        ("name with a nul by pax", layer(pax(path=b"a\0b"), file("x", b"1")), INVALID),
        ("trailing garbage after the end", layer(file("a", b"1")) + b"garbage" * 100, {"a": "file:1"}),
    ]
    cases += more_names(outside) + more_links(outside) + more_kinds() + more_broken()
    return cases + streams()


# The canary tree beside which layers are unpacked, and what is looked at afterwards.

def make_canary(outside):
    shutil.rmtree(outside, ignore_errors=True)
    os.makedirs(outside + "/dir")
    for name, mode in (("file", 0o644), ("setuid", 0o4755), ("dir/inner", 0o600)):
        with open(f"{outside}/{name}", "w") as file:
            file.write("canary\n")
        os.chmod(f"{outside}/{name}", mode)


def describe(path):
    status = os.lstat(path)
    content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = file.read()
    return (status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns,
            status.st_ctime_ns, content, tuple(os.listxattr(path, follow_symlinks=False)))


def inventory(top):
    found = {top: describe(top)}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[path] = describe(path)
    return found


def check(target, name, expected):
    path = os.path.join(target, name.lstrip("/"))
    if expected == "absent":
        assert not os.path.lexists(path), name
        return
    status = os.lstat(path)
    if callable(expected):
        assert expected(status), (name, status)
        return
    word, _, text = expected.partition(":")
    kind = stat.S_IFMT(status.st_mode)
    if word == "file":
        assert kind == stat.S_IFREG, name
        with open(path, "rb") as file:
            assert file.read() == text.encode(), name
    elif word == "link":
        assert os.readlink(path) == text
    elif word == "whiteout":
        assert kind == stat.S_IFCHR and status.st_rdev == 0, name
    elif word == "opaque":
        assert os.getxattr(path, "trusted.overlay.opaque") == b"y"
    elif word == "no-trusted":
        assert not [attribute for attribute in os.listxattr(path) if attribute.startswith("trusted.")]
    else:
        assert kind == {"dir": stat.S_IFDIR, "fifo": stat.S_IFIFO, "char": stat.S_IFCHR}[word], name
