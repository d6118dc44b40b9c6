"""Archives for PUT /containers/ID/archive."""

import io
import tarfile


def tar_of(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, more in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            data = more.pop("data", b"")
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(engine, container, path, body, more=""):
    return engine.api("PUT", f"/containers/{container}/archive?path={path}{more}", body,
                          {"Content-Type": "application/x-tar"})
