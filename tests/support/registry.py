"""Registries for tests: Debian's docker-registry, open, with a password, over TLS."""

import contextlib
import json
import subprocess
import time
import warnings
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
# Not loopback, so Docker's rules for strangers hold: outside() gives it to a namespace.
ADDRESS = "10.99.0.1"


def outside(engine):
    subprocess.run(["ip", "-n", engine.name, "address", "replace", f"{ADDRESS}/32", "dev", "lo"], check=True)
    return ADDRESS


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
    names = f"subjectAltName=IP:127.0.0.1,IP:{ADDRESS},DNS:localhost"
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
def server(engine, script, *arguments):
    """A script of this folder that serves something in the engine's namespace, as long as the context lasts; "-c" for one in place."""
    script = script if script == "-c" else SUPPORT / script
    process = engine.background("/usr/bin/python3", script, *arguments, inside=True, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def token_server(engine, port, user, password, *flags):
    """A token server on the engine's loopback. Yields what docker_registry() takes as `token`, and its log's path."""
    key = certificate(engine.directory, f"token-{port}")
    log = engine.directory / f"token-{port}.log"
    log.touch()
    with server(engine, "token_server.py", port, f"{key}.key", f"{key}.crt", user, password, log, *flags):
        yield {"realm": f"http://127.0.0.1:{port}/token", "service": "test", "issuer": "test",
               "rootcertbundle": f"{key}.crt"}, log


@contextlib.contextmanager
def docker_registry(engine, port, *, users=None, tls=None, token=None, client_ca=None, address="127.0.0.1"):
    """Debian's docker-registry in the engine's namespace. Yields "ADDRESS:PORT"; its files lie below
    engine.directory/registry-PORT."""
    root = engine.directory / f"registry-{port}"
    root.mkdir(exist_ok=True)
    config = {"version": 0.1, "log": {"level": "error"}, "http": {"addr": f"{address}:{port}"},
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
            if engine.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}", inside=True, status=None).status == 0:
                break
            assert process.poll() is None, "docker-registry has ended"
            time.sleep(0.02)
        yield f"{address}:{port}"
    finally:
        process.terminate()
        process.wait()
