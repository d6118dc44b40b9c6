"""What a container writes in the tests of logs, and where its log lies."""

LINES = 'i=0; while [ $i -lt {count} ]; do echo "{text} $i"; i=$((i+1)); done'


def log_folder(engine, container):
    return engine.data / "containers" / engine.api("GET", f"/containers/{container}/json").json["Id"]


def expected(count, text="line"):
    return "".join(f"{text} {i}\n" for i in range(count))
