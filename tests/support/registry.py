"""Registries for tests: Debian's docker-registry, open, with a password, over TLS."""

import contextlib
import json
import subprocess
import time
import warnings


def password_file(path, user, password):
    """An htpasswd file with one user, hashed as the registry wants it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    path.write_text(f"{user}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
    return path


def certificate(directory, name, *, ca=None, client=False):
    """Makes NAME.crt and NAME.key in `directory`, signed by `ca` (a path without its ending) or by itself."""
    base = directory / name
    subject = ["-subj", f"/CN={name}", "-days", "2", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{base}.key"]
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    quiet = {"check": True, "capture_output": True}
    if ca is None:
        subprocess.run(["openssl", "req", "-x509", *subject, "-out", f"{base}.crt", "-addext", names,
                        "-addext", "basicConstraints=critical,CA:TRUE"], **quiet)
        return base
    subprocess.run(["openssl", "req", *subject, "-out", f"{base}.csr"], **quiet)
    extensions = directory / f"{name}.ext"
    extensions.write_text("extendedKeyUsage=clientAuth\n" if client else names + "\n")
    subprocess.run(["openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key",
                    "-CAcreateserial", "-days", "2", "-out", f"{base}.crt", "-extfile", extensions], **quiet)
    return base


@contextlib.contextmanager
def docker_registry(engine, port, *, users=None, tls=None, token=None, client_ca=None):
    """Debian's docker-registry on the engine's own loopback. Yields "127.0.0.1:PORT"; `.root` lies below
    engine.directory/registry-PORT."""
    root = engine.directory / f"registry-{port}"
    root.mkdir(exist_ok=True)
    config = {"version": 0.1, "log": {"level": "error"}, "http": {"addr": f"127.0.0.1:{port}"},
              "storage": {"filesystem": {"rootdirectory": str(root / "data")}, "delete": {"enabled": True}}}
    if users:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(password_file(root / "users", *users))}}
    if token:
        config["auth"] = {"token": token}
    if tls:
        config["http"]["tls"] = {"certificate": f"{tls}.crt", "key": f"{tls}.key"}
        if client_ca:
            config["http"]["tls"]["clientcas"] = [f"{client_ca}.crt"]
    file = root / "config.yml"
    file.write_text(json.dumps(config))
    process = engine.background("docker-registry", "serve", file, inside=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if engine.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}", inside=True, status=None).status == 0:
                break
            assert process.poll() is None, "docker-registry has ended"
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
