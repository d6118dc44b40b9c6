"""A database that syncs what it says: PostgreSQL on a named volume, through kill -9 of the daemon and of itself."""

import time


def sql(engine, name, text, status=0):
    return engine.docker("exec", name, "psql", "-U", "postgres", "-Atc", text, status=status).out.strip()


def await_ready(engine, name):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if sql(engine, name, "select 1", status=None) == "1":
            return
        time.sleep(0.2)
    raise AssertionError(engine.docker("logs", name).err)


def test_postgres_keeps_its_data(new_engine):
    engine = new_engine(images=("postgres",))
    # The volume belongs to the database's user: by copy-up, as an image that has the folder would do it.
    engine.docker("volume", "create", "base")
    engine.docker("run", "--rm", "-u", "root", "-v", "base:/data", "postgres", "chown", "postgres", "/data")
    start = lambda name: engine.docker("run", "-d", "--name", name, "-v", "base:/data", "--shm-size", "128m", "postgres")
    start("first")
    await_ready(engine, "first")
    sql(engine, "first", "create table t (n int primary key); insert into t select generate_series(1, 1000)")
    engine.crash()
    engine.start()
    assert sql(engine, "first", "select count(*) from t") == "1000"
    # The database is killed in the middle of its work, its container replaced.
    writer = engine.background("docker", "exec", "first", "sh", "-c",
                               "for n in $(seq 1001 100000); do psql -U postgres -qc \"insert into t values ($n)\" && echo $n; done")
    told = 0
    while told < 1003:
        told = int(writer.stdout.readline())
    engine.crash()
    engine.start()
    engine.docker("rm", "-f", "first")
    rest, _ = writer.communicate()
    told = max([told, *map(int, rest.split())])
    start("second")
    await_ready(engine, "second")
    assert int(sql(engine, "second", "select max(n) from t")) >= told
    assert sql(engine, "second", "select count(*) = max(n) from t") == "t"
    engine.docker("stop", "second")
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", "second").out == "0\n"
    engine.docker("rm", "-v", "second")
    assert engine.docker("volume", "ls", "-q").out == "base\n"
