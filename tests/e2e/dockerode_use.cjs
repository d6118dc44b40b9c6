// What people do with dockerode; started by test_dockerode.py. Prints one JSON object.
const Docker = require("dockerode");
const { PassThrough } = require("stream");

const docker = new Docker({ socketPath: process.argv[2] });
const text = (stream) => new Promise((done, failed) => {
  let all = "";
  stream.on("data", (bytes) => (all += bytes.toString()));
  stream.on("end", () => done(all));
  stream.on("error", failed);
});
const status = (promise) => promise.then(() => 0, (error) => error.statusCode);

async function main() {
  const found = {};
  const out = new PassThrough();
  const heard = text(out);
  const [ended, ran] = await docker.run("busybox", ["sh", "-c", "echo run; exit 4"], out, { Tty: true });
  out.end();
  found.run = [ended.StatusCode, (await heard).trim()];
  await ran.remove();

  const box = await docker.createContainer({ Image: "busybox", Cmd: ["sleep", "1000"], name: "ode", Labels: { l: "1" }, ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "0" }] }, Memory: 64 << 20 } });
  await box.start();
  found.again = await status(box.start());
  const about = await box.inspect();
  found.inspect = [about.State.Running, about.Name, about.HostConfig.Memory, about.NetworkSettings.Ports["80/tcp"][0].HostPort !== "0"];
  found.list = (await docker.listContainers({ filters: { label: ["l=1"] } })).map((entry) => entry.Names[0]);

  const exec = await box.exec({ Cmd: ["sh", "-c", "read x; echo got $x; echo bad >&2; exit 6"], AttachStdin: true, AttachStdout: true,
    AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const stdout = new PassThrough(), stderr = new PassThrough();
  const both = Promise.all([text(stdout), text(stderr)]);
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on("end", () => { stdout.end(); stderr.end(); });
  stream.write("typed\n");
  found.exec = await both;
  found.execCode = (await exec.inspect()).ExitCode;

  const plain = await box.exec({ Cmd: ["echo", "plain"], AttachStdout: true });
  found.plain = (await text(await plain.start({}))).slice(8);

  const events = await docker.getEvents({ filters: { container: ["ode"] } });
  const seen = new Promise((done) => {
    let all = "";
    events.on("data", (bytes) => { all += bytes; if (all.includes('"Action":"stop"')) done(true); });
  });
  await box.stop({ t: 0 });
  found.seen = await seen;
  events.destroy();
  found.stopped = await status(box.stop());
  found.logs = (await box.logs({ stdout: true, stderr: true })).toString();
  await box.remove();
  found.gone = await status(box.inspect());
  console.log(JSON.stringify(found));
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
