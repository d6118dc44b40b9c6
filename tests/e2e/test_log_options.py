"""Options of log drivers: attributes, tags, and what is refused."""

import json
import socket
import subprocess

import pytest

from support.engine import BIN
from support.log_scripts import log_folder
from support.waiting import await_true


def test_attributes_and_details(engine, cli):
    name = "details"
    cli("run", "--name", name, "--log-opt", "labels=rack,none", "--log-opt", "labels-regex=^(com|or)", "--log-opt",
        "env=COLOUR", "--log-opt", "env-regex=^SH", "--log-opt", "tag={{.Name}}/{{ .ImageName }}", "--label", "rack=7",
        "--label", "com.x=a b", "--label", "other=no", "-e", "COLOUR=red,green", "-e", "SHAPE=round", "-e", "X=1",
        "busybox", "echo", "hello")
    line = cli("logs", "--details", name).out
    assert line == "COLOUR=red%2Cgreen,SHAPE=round,com.x=a+b,other=no,rack=7,tag=details%2Fbusybox hello\n".replace(
        "other=no,", "")
    stamped = cli("logs", "--details", "-t", name).out
    assert stamped.endswith("Z " + line)
    assert cli("logs", name).out == "hello\n"
    record = json.loads((log_folder(engine, name) / f"{log_folder(engine, name).name}-json.log").read_text())
    assert list(record) == ["log", "stream", "attrs", "time"]
    assert record["attrs"]["tag"] == "details/busybox"
    cli("rm", name)


@pytest.mark.parametrize("tag, expected", [
    ("{{.ID}}|{{.FullID}}", "{id12}|{id}"), ("{{.Name}}-{{ .ImageName }}", "tagged-busybox"), ("{{.ImageID}}", "{image12}"),
    ("{{.ImageFullID}}", "{image}"), ("{{.DaemonName}}/{{.ContainerName}}", "docker//tagged"), ("{{upper .Name}}", "TAGGED"),
    ("{{.Name | upper | lower}}", "tagged"), ("{{join (split .Name \"g\") \"G\"}}", "taGGed"), ("{{title .Name}}", "Tagged"),
    ("{{pad .Name 1 2}}.", " tagged  ."), ("{{truncate .Name 3}}", "tag"), ("{{json .Name}}", '"tagged"'), ("{{println .Name}}x", "tagged\nx"),
    ("{{.ContainerLabels.rack}} {{index .ContainerLabels \"rack\"}}", "7 7"), ("{{with .Config}}{{index . \"max-size\"}}{{end}}", "1m"),
    ("{{if eq .Name \"tagged\"}}yes{{else}}no{{end}}", "yes"), ("{{index .ContainerArgs 0}}{{.ContainerLabels.none}}", "hello"), ("{{range .ContainerArgs}}<{{.}}>{{end}} {{.Command}}", "<hello> echo hello"),
    ("{{.Hostname}}", "{hostname}"), ("{{printf \"%s@%d\" .Name 7}}", "tagged@7")])
def test_tags(engine, tag, expected):
    """Everything that a tag may say of its container."""
    engine.docker("run", "--name", "tagged", "--label", "rack=7", "--log-opt", "max-size=1m", "--log-opt", f"tag={tag}", "busybox", "echo", "hello")
    seen = engine.api("GET", "/containers/tagged/json").json
    record = json.loads((log_folder(engine, "tagged") / f"{seen['Id']}-json.log").read_text())
    names = {"{id}": seen["Id"], "{id12}": seen["Id"][:12], "{image}": seen["Image"], "{image12}": seen["Image"][:12], "{hostname}": socket.gethostname()}
    for name, value in names.items():
        expected = expected.replace(name, value)
    engine.docker("rm", "tagged")
    assert record["attrs"]["tag"] == expected


def test_damaged_records_are_passed_over_and_reported(engine):
    engine.docker("run", "--name", "damaged", "busybox", "sh", "-c", "echo one; echo two; echo three")
    path = next(log_folder(engine, "damaged").glob("*-json.log"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\x00\xffhalf a rec\n" + lines[1][:20] + b"\n" + lines[2])
    assert engine.docker("logs", "damaged").out == "one\nthree\n"
    await_true(lambda: "damaged records of a log were passed over" in engine.log() and "records=2" in engine.log())
    engine.docker("rm", "damaged")


def test_details_without_attributes(engine):
    engine.docker("run", "--name", "bare", "busybox", "echo", "hello")
    assert engine.docker("logs", "--details", "bare").out == " hello\n"
    engine.docker("rm", "bare")


@pytest.mark.parametrize("options, message", [
    (["--log-driver", "nope"], 'error looking up logging plugin nope: plugin "nope" not found'),
    (["--log-opt", "colour=red"], "unknown log opt 'colour' for json-file log driver"),
    (["--log-opt", "tag={{.Colour}}"], "can't evaluate field Colour in type *logger.Info"),
    (["--log-opt", "tag={{.Name"], "template: log-tag:1: unclosed action"),
    (["--log-opt", "tag={{nope .Name}}"], 'template: log-tag:1: function "nope" not defined'),
    (["--log-opt", "tag=" + "{{" + "(" * 5000 + "}}"], "max expression depth exceeded"),
    (["--log-opt", "tag={{pad .Name 1 9999999999}}"], "error calling pad"),
    (["--log-opt", 'tag={{printf "%9999999999s" .Name}}'], "error calling printf"),
    (["--log-opt", "labels-regex=(("], "error parsing regexp"),
    (["--log-opt", "mode=sometimes"], "logger: logging mode not supported: sometimes"),
    (["--log-opt", "max-buffer-size=1m"], "max-buffer-size option is only supported with 'mode=non-blocking'"),
    (["--log-opt", "compress=true"], "compress cannot be true when max-file is less than 2 or max-size is not set"),
    (["--log-driver", "local", "--log-opt", "labels=a"], "unknown log opt 'labels' for log driver local"),
    (["--log-driver", "syslog", "--log-opt", "syslog-address=http://x"], "unsupported scheme: 'http'"),
    (["--log-driver", "gelf"], "gelf-address is a required parameter"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-request-ack=maybe"], 'strconv.ParseBool: parsing "maybe": invalid syntax'),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-async-reconnect-interval=1h"], "must be between 100ms and 10s"),
    (["--log-opt", "cache-disabled=maybe"], "invalid value for option cache-disabled: maybe"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:9"],
     "failed to initialize logging driver: dial tcp 127.0.0.1:9: connect: connection refused"),
    (["--log-driver", "journald", "--log-opt", "max-size=1m"], "unknown log opt 'max-size' for journald log driver"),
    (["--log-driver", "awslogs"], 'error looking up logging plugin awslogs: plugin "awslogs" not found'),
    (["--log-driver", "gcplogs"], 'error looking up logging plugin gcplogs: plugin "gcplogs" not found'),
    (["--log-driver", "splunk"], 'error looking up logging plugin splunk: plugin "splunk" not found'),
])
def test_what_is_refused(engine, options, message):
    assert message.lower() in engine.docker("run", "--rm", *options, "busybox", "true", status=125).err.lower()


def test_a_default_driver_that_is_not_there(tmp_path):
    done = subprocess.run([BIN / "berthd", "--config-file", "/dev/null", "--data-root", tmp_path / "data", "--exec-root",
                           tmp_path / "run", "--pidfile", tmp_path / "pid", "-b", "none", "--iptables=false",
                           "--ip-forward=false", "-H", f"unix://{tmp_path}/s", "--log-opt", "colour=red"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "failed to set log opts: unknown log opt 'colour' for json-file log driver" in done.stderr
